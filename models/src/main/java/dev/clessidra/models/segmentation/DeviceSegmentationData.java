package dev.clessidra.models.segmentation;

import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.kernels.DeformationRange;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.ElementType;
import dev.clessidra.kernels.Interpolation;
import dev.clessidra.kernels.Scope;
import dev.clessidra.models.UNet;
import dev.clessidra.models.data.DataException;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.training.Batch;
import dev.clessidra.models.training.TrainingData;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

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
  private final int classes;
  private final Optional<Tensor> weights;
  private final DeformationRange deformation;
  private final Brightness brightness;
  // Of what the network sees, and of what it gives.
  private final int inputHeight;
  private final int inputWidth;
  private final int outputHeight;
  private final int outputWidth;
  private final String settings;

  /** How much {@link Tape#randomBrightness} changes images, each from 0 to 1. */
  private record Brightness(float contrast, float brightness, float gamma) {
    Brightness {
      if (!(isShare(contrast) && isShare(brightness) && isShare(gamma))) {
        throw new IllegalArgumentException(
            "changes of contrast, brightness and gamma must be in [0, 1], got %s, %s and %s"
                .formatted(contrast, brightness, gamma));
      }
    }

    private static boolean isShare(float value) {
      return value >= 0 && value <= 1;
    }

    boolean changes() {
      return contrast > 0 || brightness > 0 || gamma > 0;
    }
  }

  private DeviceSegmentationData(Builder builder, UNet model) {
    SegmentationData data = builder.data;
    Masks truth = data.masks();
    this.classes = truth.classes();
    ImageData pictures = model.inputExposure().apply(data.images());
    this.deformation = builder.deformation;
    this.brightness = builder.brightness;
    this.inputHeight = model.inputSize(builder.viewOf(pictures.height()));
    this.inputWidth = model.inputSize(builder.viewOf(pictures.width()));
    this.outputHeight = model.outputSize(inputHeight);
    this.outputWidth = model.outputSize(inputWidth);
    this.settings =
        "%s, border weights %s, class weights %s, views %dx%d, %s, %s"
            .formatted(
                model.inputExposure(),
                builder.borderWeights.map(BorderWeights::toString).orElse("none"),
                builder.classWeights,
                outputHeight,
                outputWidth,
                deformation,
                brightness);
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
    private DeformationRange deformation = DeformationRange.none();
    private Brightness brightness = new Brightness(0, 0, 0);
    private int view;

    private Builder(SegmentationData data) {
      this.data = Objects.requireNonNull(data, "data");
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
     * Trains on random square parts of the images instead of whole ones.
     *
     * @param size pixels along a side of what the network gives, rounded up to what it can give;
     *     where that is more than the image has, the image is mirrored at its borders
     */
    public Builder views(int size) {
      if (size < 1) {
        throw new IllegalArgumentException("views must have at least 1 pixel, got " + size);
      }
      view = size;
      return this;
    }

    /**
     * Mirrors, turns, scales and deforms images, masks and weights alike, at random and anew each
     * time; not unless set. Quarter turns need square images or {@link #views}.
     */
    public Builder deformation(DeformationRange range) {
      deformation = Objects.requireNonNull(range, "range");
      return this;
    }

    /**
     * Changes contrast, brightness and gamma of the images at random, see {@link
     * Tape#randomBrightness}; not unless set.
     *
     * @param contrast in [0, 1]
     * @param level of the brightness, in [0, 1]
     * @param gamma in [0, 1]
     */
    public Builder brightness(float contrast, float level, float gamma) {
      brightness = new Brightness(contrast, level, gamma);
      return this;
    }

    private int viewOf(int size) {
      return view == 0 ? size : view;
    }

    /**
     * Checks that the images fit a model.
     *
     * @throws DataException when they do not
     */
    public void check(UNet model) {
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
    }

    /**
     * Copies all to the model's device, the images exposed as the model wants them.
     *
     * @throws DataException when the images do not fit the model
     */
    public DeviceSegmentationData build(UNet model) {
      check(model);
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

  @Override
  public int classes() {
    return classes;
  }

  /**
   * Images [size, height, width, channels] as the network takes them, and classes and weights
   * [size, outputHeight, outputWidth] of what it gives.
   */
  @Override
  public Batch batch(Tape tape, int size, TrainingState state) {
    Tensor x = tape.gatherRows(images, size, true, state);
    Tensor labels = tape.gatherRows(masks, size, true, state);
    Optional<Tensor> factors = weights.map(all -> tape.gatherRows(all, size, true, state));
    if (isView()) {
      Tensor field =
          tape.deformationField(
              size,
              images.shape().dim(1),
              images.shape().dim(2),
              inputHeight,
              inputWidth,
              deformation,
              state.stream("segmentation.view"));
      Tensor inner =
          tape.crop(
              field,
              (inputHeight - outputHeight) / 2,
              (inputWidth - outputWidth) / 2,
              outputHeight,
              outputWidth);
      x = tape.sampleImages(x, field, Interpolation.BILINEAR);
      labels = tape.sampleImages(labels, inner, Interpolation.NEAREST);
      factors = factors.map(of -> tape.sampleImages(of, inner, Interpolation.BILINEAR));
    }
    if (brightness.changes()) {
      x =
          tape.randomBrightness(
              x,
              brightness.contrast(),
              brightness.brightness(),
              brightness.gamma(),
              state.stream("segmentation.brightness"));
    }
    return new Batch(x, Optional.of(labels), factors);
  }

  /** Whether the network sees anything but the images as they are. */
  private boolean isView() {
    return !deformation.equals(DeformationRange.none())
        || inputHeight != images.shape().dim(1)
        || inputWidth != images.shape().dim(2)
        || outputHeight != inputHeight
        || outputWidth != inputWidth;
  }

  /** The mean of each value over all images, [height * width * channels], from 0 to 1. */
  @Override
  public float[] mean() {
    byte[] pixels = images.copyToByteArray();
    double[] sums = new double[pixels.length / count()];
    for (int image = 0; image < pixels.length; image += sums.length) {
      for (int i = 0; i < sums.length; i++) {
        sums[i] += pixels[image + i] & 0xff;
      }
    }
    float[] mean = new float[sums.length];
    for (int i = 0; i < sums.length; i++) {
      mean[i] = (float) (sums[i] / (255.0 * count()));
    }
    return mean;
  }

  @Override
  public Range range() {
    return new Range(0, 1);
  }

  @Override
  public String checksum() {
    return TrainingData.checksum(
        Stream.concat(Stream.of(images, masks), weights.stream()).toList());
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
