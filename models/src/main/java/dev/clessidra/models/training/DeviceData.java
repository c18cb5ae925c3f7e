package dev.clessidra.models.training;

import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.ElementType;
import dev.clessidra.kernels.Scope;
import dev.clessidra.models.data.ImageData;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A data set in device memory. Images stay bytes there (a quarter of the memory) and become floats
 * in [0, 1] as a batch is gathered.
 */
public final class DeviceData implements TrainingData {
  // Rows that are transformed at a time: enough for the matrix product, little in memory.
  private static final int ROWS = 1000;

  private final Device device;
  private final Scope scope;
  private final Tensor inputs;
  private final Optional<Tensor> labels;
  private final int classes;
  private final Optional<ImageShape> imageShape;

  private DeviceData(
      Device device,
      Scope scope,
      Tensor inputs,
      Optional<Tensor> labels,
      int classes,
      Optional<ImageShape> imageShape) {
    this.device = device;
    this.scope = scope;
    this.inputs = inputs;
    this.labels = labels;
    this.classes = classes;
    this.imageShape = imageShape;
  }

  /** Copies images, and labels where there are some, to the device. */
  public static DeviceData of(Device device, ImageData images) {
    Scope scope = device.scope();
    try {
      Tensor inputs =
          Tensor.allocate(
              device,
              scope,
              "images",
              ElementType.UINT8,
              Shape.of(images.count(), images.imageSize()));
      inputs.copyFrom(images.segment());
      Optional<Tensor> labels =
          images.hasLabels()
              ? Optional.of(
                  Tensor.of(device, scope, "labels", Shape.of(images.count()), images.labels()))
              : Optional.empty();
      return new DeviceData(
          device,
          scope,
          inputs,
          labels,
          images.hasLabels() ? images.classCount() : 0,
          Optional.of(new ImageShape(images.height(), images.width(), images.channels())));
    } catch (RuntimeException e) {
      scope.close();
      throw e;
    }
  }

  /**
   * Copies samples of any numbers, such as measurements, to the device.
   *
   * @param samples [n, size] row by row
   * @param size the numbers in a sample
   * @throws IllegalArgumentException when there is no sample or a part of one, or a number is not
   *     finite
   */
  public static DeviceData of(Device device, float[] samples, int size) {
    if (size < 1 || samples.length == 0 || samples.length % size != 0) {
      throw new IllegalArgumentException(
          "training data: %d numbers are no samples of %d: expected a multiple of a size above 0"
              .formatted(samples.length, size));
    }
    for (int i = 0; i < samples.length; i++) {
      if (!Float.isFinite(samples[i])) {
        throw new IllegalArgumentException(
            "training data: number %d of sample %d is %s: expected finite numbers"
                .formatted(i % size, i / size, samples[i]));
      }
    }
    Scope scope = device.scope();
    try {
      Tensor inputs =
          Tensor.of(device, scope, "samples", Shape.of(samples.length / size, size), samples);
      return new DeviceData(device, scope, inputs, Optional.empty(), 0, Optional.empty());
    } catch (RuntimeException e) {
      scope.close();
      throw e;
    }
  }

  @Override
  public int count() {
    return inputs.shape().dim(0);
  }

  /** The numbers in a sample. */
  public int size() {
    return inputs.shape().dim(1);
  }

  /** Whether the samples have labels. */
  public boolean hasLabels() {
    return labels.isPresent();
  }

  @Override
  public int classes() {
    return classes;
  }

  @Override
  public Optional<ImageShape> imageShape() {
    return imageShape;
  }

  @Override
  public Batch batch(Tape tape, int size, TrainingState state) {
    return new Batch(
        tape.gatherRows(inputs, size, true, state),
        labels.map(all -> tape.gatherRows(all, size, true, state)),
        Optional.empty());
  }

  /** The mean of each input over all samples, [size], summed in double precision. */
  @Override
  public float[] mean() {
    double[] sums = new double[size()];
    forEachBlock((first, block) -> {
      float[] values = block.copyToArray();
      for (int row = 0; row < values.length; row += sums.length) {
        for (int i = 0; i < sums.length; i++) {
          sums[i] += values[row + i];
        }
      }
    });
    float[] mean = new float[sums.length];
    for (int i = 0; i < sums.length; i++) {
      mean[i] = (float) (sums[i] / count());
    }
    return mean;
  }

  /** Of images 0 and 1, else the least and the largest number. */
  @Override
  public Range range() {
    if (inputs.elementType() == ElementType.UINT8) {
      return new Range(0, 1);
    }
    float[] range = {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY};
    forEachBlock((first, block) -> {
      for (float value : block.copyToArray()) {
        range[0] = Math.min(range[0], value);
        range[1] = Math.max(range[1], value);
      }
    });
    return new Range(range[0], range[1]);
  }

  @Override
  public String checksum() {
    return TrainingData.checksum(Stream.concat(Stream.of(inputs), labels.stream()).toList());
  }

  /**
   * The data set of {@code function} of each sample, such as the codes of an encoder, with the same
   * labels; in memory of its own.
   *
   * @param size the numbers in a transformed sample
   * @param function what to apply on an inference tape; gives [rows, size] for [rows, size()]
   */
  public DeviceData map(int size, Transformation function) {
    Scope target = device.scope();
    try (Scope work = device.scope()) {
      Tensor mapped = Tensor.allocate(device, target, "codes", Shape.of(count(), size));
      forEachBlock((first, block) -> {
        try (Scope step = work.child()) {
          Tensor result = function.apply(Tape.inference(device, step), block);
          mapped.slice(first, block.shape().dim(0)).copyFrom(result);
        }
      });
      Optional<Tensor> copied =
          labels.map(all -> Tensor.of(device, target, "labels", all.shape(), all.copyToIntArray()));
      return new DeviceData(device, target, mapped, copied, classes, Optional.empty());
    } catch (RuntimeException e) {
      target.close();
      throw e;
    }
  }

  /** A function of a block of samples on a tape. */
  @FunctionalInterface
  public interface Transformation {
    /** Gives one row of results for each row of {@code block}. */
    Tensor apply(Tape tape, Tensor block);
  }

  private interface BlockConsumer {
    void accept(int first, Tensor block);
  }

  /** All samples in order as FLOAT32 blocks. */
  private void forEachBlock(BlockConsumer consumer) {
    for (int first = 0; first < count(); first += ROWS) {
      int rows = Math.min(ROWS, count() - first);
      try (Scope step = device.scope();
          TrainingState start = new TrainingState(device, 0)) {
        Tensor block =
            Tape.inference(device, step).gatherRows(inputs.slice(first, rows), rows, false, start);
        consumer.accept(first, block);
      }
    }
  }

  @Override
  public void close() {
    scope.close();
  }
}
