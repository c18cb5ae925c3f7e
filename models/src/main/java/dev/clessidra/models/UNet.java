package dev.clessidra.models;

import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.engine.initializers.Initializer;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Interpolation;
import dev.clessidra.kernels.Scope;
import dev.clessidra.kernels.Window;
import dev.clessidra.models.segmentation.Exposure;
import dev.clessidra.models.training.Batch;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * A U-Net, which gives each pixel of an image the probabilities of its classes (Ronneberger,
 * Fischer and Brox, "U-Net: Convolutional networks for biomedical image segmentation", MICCAI
 * 2015).
 *
 * <p>Each of the {@link #depth} levels of the encoder is two 3x3 convolutions, of twice as many
 * channels as the level above, and a 2x2 maximum pooling; at the bottom there are two more
 * convolutions. Each level of the decoder doubles the size, puts the encoder's channels of that
 * level beside its own and has two 3x3 convolutions again; a 1x1 convolution gives the classes.
 *
 * <p>With {@link Padding#SAME} the result has the size of the image, a multiple of {@link #stride};
 * with {@link Padding#VALID}, as in the paper, it is smaller by {@link #margin} pixels at each side
 * ({@link #outputSize} says what sizes there are), and every pixel of it has seen image only.
 *
 * <pre>{@code
 * try (Device device = Device.open("auto");
 *     UNet model = UNet.builder(1, 2).depth(4).width(16).seed(7).build(device);
 *     TrainingData data = DeviceSegmentationData.builder(cells.train()).build(model)) {
 *   Trainer.of(model).data(data).batch(4).epochs(20).run();
 *   model.save(Path.of("unet.safetensors"));
 * }
 * }</pre>
 */
public final class UNet implements Model {
  /** The {@link Model#kind kind} of this model. */
  public static final String KIND = "unet";

  private static final float MOMENTUM = 0.1f;
  private static final float EPSILON = 1e-5f;
  private static final int LARGEST_GROUPS = 8;
  // Added above and below in the Dice loss, so that a class that is nowhere costs nothing.
  private static final float SMOOTH = 1;
  private static final Window POOLING = Window.square(2).withStride(2);

  /** Whether 3x3 convolutions see zeros beyond the edges of an image. */
  public enum Padding {
    /** They do, so that the result has the size of the image. */
    SAME,
    /** They do not, so that each takes a pixel off every side. */
    VALID;

    /** Reads a {@link #toString name}. */
    public static Padding parse(String name) {
      return Choices.parse("padding", name, values());
    }

    @Override
    public String toString() {
      return Choices.label(this);
    }
  }

  /** How the decoder doubles the size of its images. */
  public enum Upsampling {
    /** By a transposed convolution, 2x2 with stride 2. */
    TRANSPOSED,
    /** By repeating pixels, and a 3x3 convolution. */
    NEAREST,
    /** By bilinear interpolation, and a 3x3 convolution. */
    BILINEAR;

    /** Reads a {@link #toString name}. */
    public static Upsampling parse(String name) {
      return Choices.parse("up-sampling", name, values());
    }

    @Override
    public String toString() {
      return Choices.label(this);
    }
  }

  /** What stands between a 3x3 convolution and its activation. */
  public enum Normalization {
    /** Nothing. */
    NONE,
    /** Batch normalisation (Ioffe and Szegedy 2015). */
    BATCH,
    /** Group normalisation (Wu and He 2018) of eight groups, or fewer where they do not divide. */
    GROUP;

    /** Reads a {@link #toString name}. */
    public static Normalization parse(String name) {
      return Choices.parse("normalisation", name, values());
    }

    @Override
    public String toString() {
      return Choices.label(this);
    }
  }

  /** What is made small in training. */
  public enum Loss {
    /** The cross-entropy of each pixel, weighted by class and by pixel. */
    CROSS_ENTROPY,
    /** The soft Dice loss of each class over the batch, see {@link Tape#dice}. */
    DICE,
    /** The sum of both. */
    CROSS_ENTROPY_AND_DICE;

    /** Reads a {@link #toString name}. */
    public static Loss parse(String name) {
      return Choices.parse("loss", name, values());
    }

    @Override
    public String toString() {
      return Choices.label(this);
    }
  }

  private final Parameters parameters;
  private final Scope scope;
  private final Optional<Tensor> classWeightsOnDevice;
  private final int channels;
  private final int classes;
  private final int depth;
  private final int width;
  private final Padding padding;
  private final Upsampling upsampling;
  private final Normalization normalization;
  private final Activation activation;
  private final float dropout;
  private final Loss loss;
  private final List<Float> classWeights;
  private final Exposure inputExposure;

  private UNet(Builder builder, Device device, Parameters parameters) {
    this.parameters = parameters;
    this.channels = builder.channels;
    this.classes = builder.classes;
    this.depth = builder.depth;
    this.width = builder.width;
    this.padding = builder.padding;
    this.upsampling = builder.upsampling;
    this.normalization = builder.normalization;
    this.activation = builder.activation;
    this.dropout = builder.dropout;
    this.loss = builder.loss;
    this.classWeights = builder.classWeights;
    this.inputExposure = builder.inputExposure;
    this.scope = device.scope();
    try {
      this.classWeightsOnDevice =
          classWeights.isEmpty()
              ? Optional.empty()
              : Optional.of(
                  Tensor.of(
                      device, scope, "class weights", Shape.of(classes), floats(classWeights)));
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /**
   * Starts a U-Net.
   *
   * @param channels of an image: 1 for gray, 3 for colour
   * @param classes of a pixel, the background included; at least 2
   */
  public static Builder builder(int channels, int classes) {
    return new Builder(channels, classes);
  }

  /** Builds a {@link UNet}. */
  public static final class Builder {
    private final int channels;
    private final int classes;
    private int depth = 4;
    private int width = 16;
    private Padding padding = Padding.SAME;
    private Upsampling upsampling = Upsampling.TRANSPOSED;
    private Normalization normalization = Normalization.BATCH;
    private Activation activation = Activation.RELU;
    private float dropout;
    private Loss loss = Loss.CROSS_ENTROPY;
    private List<Float> classWeights = List.of();
    private Exposure inputExposure = Exposure.none();
    private long seed = 1;

    private Builder(int channels, int classes) {
      require(channels >= 1, "channels must be at least 1, got %s", channels);
      require(classes >= 2, "classes must be at least 2, the background included, got %s", classes);
      this.channels = channels;
      this.classes = classes;
    }

    /** How often the size is halved; 4 unless set, 1 to 12. */
    public Builder depth(int levels) {
      require(levels >= 1 && levels <= 12, "the depth must be in [1, 12], got %s", levels);
      depth = levels;
      return this;
    }

    /** The channels of the uppermost level, doubled from level to level; 16 unless set. */
    public Builder width(int base) {
      require(base >= 1, "the width must be at least 1, got %s", base);
      width = base;
      return this;
    }

    /** Whether convolutions are padded; {@link Padding#SAME} unless set. */
    public Builder padding(Padding kind) {
      padding = Objects.requireNonNull(kind, "padding");
      return this;
    }

    /** How sizes are doubled; {@link Upsampling#TRANSPOSED} unless set. */
    public Builder upsampling(Upsampling kind) {
      upsampling = Objects.requireNonNull(kind, "upsampling");
      return this;
    }

    /** What follows each 3x3 convolution; {@link Normalization#BATCH} unless set. */
    public Builder normalization(Normalization kind) {
      normalization = Objects.requireNonNull(kind, "normalization");
      return this;
    }

    /** The activation of the 3x3 convolutions; ReLU unless set. */
    public Builder activation(Activation hidden) {
      activation = Objects.requireNonNull(hidden, "activation");
      return this;
    }

    /**
     * The probability with which a value at the bottom is dropped in training; 0 unless set, below
     * 1. The paper has it at the end of the encoder.
     */
    public Builder dropout(float probability) {
      require(
          probability >= 0 && probability < 1, "dropout must be in [0, 1), got %s", probability);
      dropout = probability;
      return this;
    }

    /** What is made small; {@link Loss#CROSS_ENTROPY} unless set. */
    public Builder loss(Loss kind) {
      loss = Objects.requireNonNull(kind, "loss");
      return this;
    }

    /**
     * Factors of the cross-entropy of the pixels of each class, finite, not negative and not all 0,
     * one a class; none, which is 1 each, unless set.
     */
    public Builder classWeights(List<Float> weights) {
      require(
          weights.isEmpty() || weights.size() == classes,
          "expected one weight for each of the " + classes + " classes, got %s",
          weights);
      require(
          weights.stream().allMatch(weight -> weight >= 0 && Float.isFinite(weight)),
          "class weights must be finite and not negative, got %s",
          weights);
      require(
          weights.isEmpty() || weights.stream().anyMatch(weight -> weight > 0),
          "one class weight must be above 0, got %s",
          weights);
      classWeights = List.copyOf(weights);
      return this;
    }

    /**
     * How images are made comparable before the model sees them; they are left as they are unless
     * this is set. Whoever gives the model images has to do it, as {@code Segmenter} does.
     */
    public Builder inputExposure(Exposure exposure) {
      inputExposure = Objects.requireNonNull(exposure, "inputExposure");
      return this;
    }

    /** The seed of the initial weights; 1 unless set. */
    public Builder seed(long value) {
      seed = value;
      return this;
    }

    /** Builds the model on a device. */
    public UNet build(Device device) {
      return new UNet(this, device, parameters(device).build(seed));
    }

    private Parameters.Builder parameters(Device device) {
      require(
          width <= Integer.MAX_VALUE >> (depth + 1),
          "the width, doubled at each of " + depth + " levels, is too large, got %s",
          width);
      Parameters.Builder parameters = Parameters.builder(device);
      int from = channels;
      for (int level = 0; level < depth; level++) {
        addBlock(parameters, encoder(level), from, widthOf(level));
        from = widthOf(level);
      }
      addBlock(parameters, BOTTOM, from, widthOf(depth));
      for (int level = depth - 1; level >= 0; level--) {
        addUp(parameters, up(level), widthOf(level + 1), widthOf(level));
        addBlock(parameters, decoder(level), 2 * widthOf(level), widthOf(level));
      }
      parameters.add(weight(OUTPUT), Shape.of(classes, 1, 1, width), Initializer.glorotUniform());
      parameters.add(bias(OUTPUT), Shape.of(classes), Initializer.zeros());
      return parameters;
    }

    private int widthOf(int level) {
      return width << level;
    }

    private void addBlock(Parameters.Builder to, String name, int from, int filters) {
      addConvolution(to, name + ".0", from, filters);
      addConvolution(to, name + ".1", filters, filters);
    }

    private void addConvolution(Parameters.Builder to, String name, int from, int filters) {
      to.add(weight(name), Shape.of(filters, 3, 3, from), Activations.initializer(activation));
      if (normalization == Normalization.NONE) {
        to.add(bias(name), Shape.of(filters), Initializer.zeros());
        return;
      }
      to.add(scale(name), Shape.of(filters), Initializer.constant(1));
      to.add(shift(name), Shape.of(filters), Initializer.zeros());
      if (normalization == Normalization.BATCH) {
        to.addNonTrainable(runningMean(name), Shape.of(filters), Initializer.zeros());
        to.addNonTrainable(runningVariance(name), Shape.of(filters), Initializer.constant(1));
      }
    }

    private void addUp(Parameters.Builder to, String name, int from, int filters) {
      if (upsampling == Upsampling.TRANSPOSED) {
        // One weight of each channel reaches a pixel of the result: variance 1 / from keeps theirs.
        Initializer keeping = Initializer.normal(0, (float) Math.sqrt(1.0 / from));
        to.add(weight(name), Shape.of(from, 2, 2, filters), keeping);
      } else {
        to.add(weight(name), Shape.of(filters, 3, 3, from), Initializer.glorotUniform());
      }
      to.add(bias(name), Shape.of(filters), Initializer.zeros());
    }

    private static void require(boolean holds, String message, Object given) {
      if (!holds) {
        throw new IllegalArgumentException(KIND + ": " + message.formatted(given));
      }
    }
  }

  private static final String BOTTOM = "bottom";
  private static final String OUTPUT = "output";

  private static String encoder(int level) {
    return "encoder." + level;
  }

  private static String decoder(int level) {
    return "decoder." + level;
  }

  private static String up(int level) {
    return decoder(level) + ".up";
  }

  private static String weight(String layer) {
    return layer + ".weight";
  }

  private static String bias(String layer) {
    return layer + ".bias";
  }

  private static String scale(String layer) {
    return layer + ".scale";
  }

  private static String shift(String layer) {
    return layer + ".shift";
  }

  private static String runningMean(String layer) {
    return layer + ".running_mean";
  }

  private static String runningVariance(String layer) {
    return layer + ".running_variance";
  }

  private static float[] floats(List<Float> values) {
    float[] result = new float[values.size()];
    for (int i = 0; i < result.length; i++) {
      result[i] = values.get(i);
    }
    return result;
  }

  /** Reads a model that {@link #save} wrote. */
  public static UNet load(Path path, Device device) {
    Configuration configuration = Configuration.read(path, KIND);
    Builder builder =
        configuration.build(() ->
            builder(
                    configuration.get("channels", Integer::valueOf),
                    configuration.get("classes", Integer::valueOf))
                .depth(configuration.get("depth", Integer::valueOf))
                .width(configuration.get("width", Integer::valueOf))
                .padding(configuration.get("padding", Padding::parse))
                .upsampling(configuration.get("upsampling", Upsampling::parse))
                .normalization(configuration.get("normalization", Normalization::parse))
                .activation(configuration.get("activation", Activations::parse))
                .dropout(configuration.get("dropout", Float::valueOf))
                .loss(configuration.get("loss", Loss::parse))
                .classWeights(configuration.get("class_weights", Configuration::floats))
                .inputExposure(
                    new Exposure(
                        configuration.get("input_percentile", Double::valueOf),
                        configuration.get("input_gamma", Double::valueOf))));
    return new UNet(builder, device, configuration.load(() -> builder.parameters(device)));
  }

  @Override
  public String kind() {
    return KIND;
  }

  @Override
  public Parameters parameters() {
    return parameters;
  }

  @Override
  public SequencedMap<String, String> configuration() {
    SequencedMap<String, String> map = new LinkedHashMap<>();
    map.put("channels", String.valueOf(channels));
    map.put("classes", String.valueOf(classes));
    map.put("depth", String.valueOf(depth));
    map.put("width", String.valueOf(width));
    map.put("padding", padding.toString());
    map.put("upsampling", upsampling.toString());
    map.put("normalization", normalization.toString());
    map.put("activation", Activations.label(activation));
    map.put("dropout", String.valueOf(dropout));
    map.put("loss", loss.toString());
    map.put("class_weights", Configuration.join(classWeights));
    map.put("input_percentile", String.valueOf(inputExposure.percentile()));
    map.put("input_gamma", String.valueOf(inputExposure.gamma()));
    return map;
  }

  /** The channels of an image. */
  public int channels() {
    return channels;
  }

  /** The classes of a pixel. */
  public int classes() {
    return classes;
  }

  /** How often the size is halved. */
  public int depth() {
    return depth;
  }

  /** The channels of the uppermost level. */
  public int width() {
    return width;
  }

  /** Whether convolutions are padded. */
  public Padding padding() {
    return padding;
  }

  /** How images are made comparable before the model sees them. */
  public Exposure inputExposure() {
    return inputExposure;
  }

  /** Pixels of the image to a pixel at the bottom: 2 to the depth. */
  public int stride() {
    return 1 << depth;
  }

  /** Pixels of the image beyond the result at each side; 0 with {@link Padding#SAME}. */
  public int margin() {
    int input = inputSize(1);
    return (input - outputSize(input)) / 2;
  }

  /**
   * The height or width of the result for that of an image.
   *
   * @throws IllegalArgumentException when images of that size do not fit
   */
  public int outputSize(int inputSize) {
    int result = padding == Padding.SAME ? sameSize(inputSize) : validSize(inputSize);
    if (result < 1) {
      throw new IllegalArgumentException(
          "%s: a size of %d pixels does not fit: %s; the next that fits is %d"
              .formatted(
                  KIND,
                  inputSize,
                  padding == Padding.SAME
                      ? "expected a multiple of " + stride()
                      : "unpadded convolutions need one that stays even down to the bottom",
                  nextSize(inputSize)));
    }
    return result;
  }

  private int sameSize(int inputSize) {
    return inputSize % stride() == 0 ? inputSize : 0;
  }

  /** The size of the result, or 0 or less where the input does not fit. */
  private int validSize(int inputSize) {
    int size = inputSize;
    for (int level = 0; level < depth; level++) {
      size -= 4;
      if (size < 2 || size % 2 != 0) {
        return 0;
      }
      size /= 2;
    }
    size -= 4;
    for (int level = 0; level < depth; level++) {
      size = 2 * size - upsamplingLoss() - 4;
    }
    return size;
  }

  /** Pixels that up-sampling without padding takes off a doubled size. */
  private int upsamplingLoss() {
    if (padding == Padding.SAME) {
      return 0;
    }
    return switch (upsampling) {
      case TRANSPOSED -> 0;
      case NEAREST -> 2;
      case BILINEAR -> 4;
    };
  }

  private int nextSize(int inputSize) {
    int size = Math.max(1, inputSize);
    while ((padding == Padding.SAME ? sameSize(size) : validSize(size)) < 1) {
      size++;
    }
    return size;
  }

  /**
   * The smallest height or width of an image whose result has at least {@code outputSize} pixels.
   */
  public int inputSize(int outputSize) {
    int size = nextSize(outputSize);
    while (outputSize(size) < outputSize) {
      size = nextSize(size + 1);
    }
    return size;
  }

  /**
   * The training loss: of {@link Batch#inputs} [n, height, width, channels] against the classes
   * {@link Batch#labels} [n, outputHeight, outputWidth], with {@link Batch#weights} of the same
   * shape, where there are some, as factors of the pixels' cross-entropy.
   */
  @Override
  public Tensor loss(Tape tape, Batch batch, TrainingState state) {
    Tensor labels =
        batch
            .labels()
            .orElseThrow(() ->
                new IllegalArgumentException(
                    "unet: the training data has no masks: give images with masks"));
    Tensor logits = logits(tape, batch.inputs(), Optional.of(state));
    return switch (loss) {
      case CROSS_ENTROPY -> crossEntropy(tape, logits, labels, batch);
      case DICE -> dice(tape, logits, labels);
      case CROSS_ENTROPY_AND_DICE ->
          tape.addLosses(crossEntropy(tape, logits, labels, batch), dice(tape, logits, labels));
    };
  }

  private Tensor crossEntropy(Tape tape, Tensor logits, Tensor labels, Batch batch) {
    return tape.softmaxCrossEntropy(
        logits, labels, classWeightsOnDevice.orElse(null), batch.weights().orElse(null));
  }

  private static Tensor dice(Tape tape, Tensor logits, Tensor labels) {
    return tape.dice(tape.softmax(logits), labels, SMOOTH, false);
  }

  /**
   * The probabilities of the classes.
   *
   * @param x [n, height, width, channels], of sizes that {@link #outputSize} accepts
   * @return [n, outputHeight, outputWidth, classes]
   */
  public Tensor probabilities(Tape tape, Tensor x) {
    return tape.softmax(logits(tape, x, Optional.empty()));
  }

  /** The output before the softmax; the state, there in training, gives dropout its numbers. */
  private Tensor logits(Tape tape, Tensor images, Optional<TrainingState> training) {
    Shape shape = images.shape();
    if (shape.rank() != 4 || shape.dim(3) != channels) {
      throw new IllegalArgumentException(
          "%s: images %s do not fit: expected [n, height, width, %d]"
              .formatted(KIND, shape, channels));
    }
    outputSize(shape.dim(1));
    outputSize(shape.dim(2));
    Tensor[] skipped = new Tensor[depth];
    Tensor x = images;
    for (int level = 0; level < depth; level++) {
      skipped[level] = block(tape, x, encoder(level));
      x = tape.maxPool(skipped[level], POOLING);
    }
    x = block(tape, x, BOTTOM);
    if (dropout > 0 && training.isPresent()) {
      x = tape.dropout(x, dropout, training.get().stream("unet.dropout"));
    }
    for (int level = depth - 1; level >= 0; level--) {
      Tensor up = upsampled(tape, x, up(level));
      Tensor skip = middle(tape, skipped[level], up.shape().dim(1), up.shape().dim(2));
      Tensor first = convolution(tape, skip, Optional.of(up), decoder(level) + ".0");
      x = convolution(tape, first, Optional.empty(), decoder(level) + ".1");
    }
    return tape.conv2d(
        x,
        parameters.get(weight(OUTPUT)),
        parameters.get(bias(OUTPUT)),
        Window.square(1),
        Activation.IDENTITY);
  }

  private Tensor block(Tape tape, Tensor x, String name) {
    Tensor first = convolution(tape, x, Optional.empty(), name + ".0");
    return convolution(tape, first, Optional.empty(), name + ".1");
  }

  /** A 3x3 convolution of x, with what lies beside it, and what follows it. */
  private Tensor convolution(Tape tape, Tensor x, Optional<Tensor> beside, String name) {
    Tensor filter = parameters.get(weight(name));
    if (normalization == Normalization.NONE) {
      Tensor bias = parameters.get(bias(name));
      return beside.isEmpty()
          ? tape.conv2d(x, filter, bias, window(), activation)
          : tape.conv2dOfConcatenation(x, beside.get(), filter, bias, window(), activation);
    }
    Tensor y =
        beside.isEmpty()
            ? tape.conv2d(x, filter, window(), Activation.IDENTITY)
            : tape.conv2dOfConcatenation(x, beside.get(), filter, window(), Activation.IDENTITY);
    Tensor scale = parameters.get(scale(name));
    Tensor shift = parameters.get(shift(name));
    if (normalization == Normalization.GROUP) {
      int groups = gcd(y.shape().columns(), LARGEST_GROUPS);
      return tape.groupNorm(y, groups, scale, shift, EPSILON, activation);
    }
    return tape.batchNorm(
        y,
        scale,
        shift,
        parameters.get(runningMean(name)),
        parameters.get(runningVariance(name)),
        MOMENTUM,
        EPSILON,
        activation);
  }

  private Window window() {
    return padding == Padding.SAME ? Window.square(3).withPadding(1) : Window.square(3);
  }

  private Tensor upsampled(Tape tape, Tensor x, String name) {
    Tensor filter = parameters.get(weight(name));
    Tensor bias = parameters.get(bias(name));
    if (upsampling == Upsampling.TRANSPOSED) {
      return tape.convTranspose2d(x, filter, bias, POOLING, Activation.IDENTITY);
    }
    int height = 2 * x.shape().dim(1);
    int width = 2 * x.shape().dim(2);
    Interpolation interpolation =
        upsampling == Upsampling.NEAREST ? Interpolation.NEAREST : Interpolation.BILINEAR;
    Tensor y = tape.upsample(x, interpolation, height, width);
    if (padding == Padding.VALID && upsampling == Upsampling.BILINEAR) {
      // The outermost pixels would be interpolated with others that are not there.
      y = middle(tape, y, height - 2, width - 2);
    }
    return tape.conv2d(y, filter, bias, window(), Activation.IDENTITY);
  }

  /** The middle of images [n, height, width, channels]. */
  private static Tensor middle(Tape tape, Tensor x, int height, int width) {
    int top = (x.shape().dim(1) - height) / 2;
    int left = (x.shape().dim(2) - width) / 2;
    return top == 0 && left == 0 ? x : tape.crop(x, top, left, height, width);
  }

  private static int gcd(int a, int b) {
    return b == 0 ? a : gcd(b, a % b);
  }

  @Override
  public void close() {
    parameters.close();
    scope.close();
  }
}
