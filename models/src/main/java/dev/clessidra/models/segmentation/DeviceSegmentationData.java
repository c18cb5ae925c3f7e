package dev.clessidra.models.segmentation;

import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.ElementType;
import dev.clessidra.kernels.Scope;
import dev.clessidra.models.UNet;
import dev.clessidra.models.data.DataException;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.training.Batch;
import dev.clessidra.models.training.TrainingData;
import java.util.List;
import java.util.Optional;

/**
 * Images with masks in device memory, from which a training takes its batches. Images stay bytes
 * there and become floats in [0, 1] as a batch is gathered.
 *
 * <pre>{@code
 * try (TrainingData data = DeviceSegmentationData.builder(cells.train()).build(model)) {
 *   Trainer.of(model).data(data).epochs(20).run();
 * }
 * }</pre>
 */
public final class DeviceSegmentationData implements TrainingData {
  private final Scope scope;
  private final Tensor images;
  private final Tensor masks;
  private final Optional<Tensor> weights;
  private final String settings;

  private DeviceSegmentationData(Builder builder, UNet model) {
    SegmentationData data = builder.data;
    Masks truth = data.masks();
    ImageData pictures = Exposure.scaled(data.images(), model.inputPercentile());
    this.settings =
        "percentile %s, border weights %s"
            .formatted(
                model.inputPercentile(),
                builder.borderWeights.map(BorderWeights::toString).orElse("none"));
    Device device = model.device();
    this.scope = device.scope();
    int count = data.count();
    int height = pictures.height();
    int width = pictures.width();
    try {
      this.images =
          Tensor.allocate(
              device,
              scope,
              "images",
              ElementType.UINT8,
              Shape.of(count, height, width, pictures.channels()));
      images.copyFrom(pictures.segment());
      Shape pixels = Shape.of(count, height, width);
      this.masks = Tensor.of(device, scope, "masks", pixels, truth.numbers());
      this.weights =
          builder.borderWeights.map(borders ->
              Tensor.of(
                  device,
                  scope,
                  "border weights",
                  pixels,
                  borders.of(truth, builder.classWeights)));
    } catch (RuntimeException e) {
      scope.close();
      throw e;
    }
  }

  /** Starts from images with masks. */
  public static Builder builder(SegmentationData data) {
    return new Builder(data);
  }

  /** Builds {@link DeviceSegmentationData}. */
  public static final class Builder {
    private final SegmentationData data;
    private Optional<BorderWeights> borderWeights = Optional.empty();
    private List<Float> classWeights = List.of();

    private Builder(SegmentationData data) {
      this.data = data;
    }

    /**
     * Weighs the pixels' cross-entropy; all alike unless set.
     *
     * @param weights of the borders between cells
     * @param ofClasses the weights of the classes that these are added to, as in the paper; none
     *     for 1 each, as for a model that has {@linkplain UNet.Builder#classWeights its own}
     */
    public Builder borderWeights(BorderWeights weights, List<Float> ofClasses) {
      borderWeights = Optional.of(weights);
      classWeights = List.copyOf(ofClasses);
      return this;
    }

    /**
     * Copies all to the model's device, the images as the model's percentile makes them.
     *
     * @throws DataException when the images do not fit the model
     */
    public DeviceSegmentationData build(UNet model) {
      ImageData images = data.images();
      if (images.channels() != model.channels() || data.masks().classes() != model.classes()) {
        throw new DataException(
            "images of %d channels and %d classes do not fit the model: expected %d and %d"
                .formatted(
                    images.channels(), data.masks().classes(), model.channels(), model.classes()));
      }
      if (Math.min(images.height(), images.width()) < model.stride()) {
        throw new DataException(
            "images of %dx%d are smaller than the network's stride of %d: give larger ones or a network of fewer levels"
                .formatted(images.height(), images.width(), model.stride()));
      }
      return new DeviceSegmentationData(this, model);
    }
  }

  @Override
  public int count() {
    return images.shape().dim(0);
  }

  @Override
  public Optional<ImageShape> imageShape() {
    Shape shape = images.shape();
    return Optional.of(new ImageShape(shape.dim(1), shape.dim(2), shape.dim(3)));
  }

  /** Images [size, height, width, channels], classes and weights [size, height, width]. */
  @Override
  public Batch batch(Tape tape, int size, TrainingState state) {
    return new Batch(
        tape.gatherRows(images, size, true, state),
        Optional.of(tape.gatherRows(masks, size, true, state)),
        weights.map(all -> tape.gatherRows(all, size, true, state)));
  }

  /** The mean of each value over all images, [height * width * channels], from 0 to 1. */
  @Override
  public float[] mean() {
    byte[] pixels = images.copyToByteArray();
    double[] sums = new double[pixels.length / count()];
    for (int i = 0; i < pixels.length; i++) {
      sums[i % sums.length] += pixels[i] & 0xff;
    }
    float[] mean = new float[sums.length];
    for (int i = 0; i < sums.length; i++) {
      mean[i] = (float) (sums[i] / (255.0 * count()));
    }
    return mean;
  }

  @Override
  public String settings() {
    return settings;
  }

  @Override
  public void close() {
    scope.close();
  }
}
