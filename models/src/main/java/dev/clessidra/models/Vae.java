package dev.clessidra.models;

import dev.clessidra.engine.Parameter;
import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.engine.initializers.Initializer;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;
import dev.clessidra.kernels.Window;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.training.Batch;
import dev.clessidra.models.training.DeviceData;
import dev.clessidra.models.training.TrainingData;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * A variational autoencoder (Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014): an
 * encoder that gives each image a normal distribution of codes, q(z | x) with a diagonal
 * covariance, a decoder p(x | z), and the prior N(0, 1) of codes. Dense layers, or 4x4 convolutions
 * of stride 2 before them; the decoder mirrors the encoder.
 *
 * <p>Log-likelihoods and their bounds are in nats per image, summed over its numbers.
 *
 * <pre>{@code
 * try (Device device = Device.open("auto");
 *     Vae model = Vae.builder().image(28, 28, 1).hidden(200, 200).latent(50).build(device)) {
 *   Trainer.of(model).data(Mnist.sample()).epochs(10).run();
 *   float[] digits = model.sample(16, 1);
 *   model.save(Path.of("vae.safetensors"));
 * }
 * }</pre>
 *
 * <p>Thread-safety: everything but training and closing may be called by many threads at once,
 * without a lock.
 */
public final class Vae implements EncoderDecoder {
  /** The {@link Model#kind kind} of this model. */
  public static final String KIND = "vae";

  /** Variance of a unit's mean over the data above which it is active (Burda et al., 5.2). */
  public static final double ACTIVE_VARIANCE = 0.01;

  private static final Window WINDOW = Window.square(4).withStride(2).withPadding(1);
  private static final double LOG_2_PI = 1.8378770664093453;
  // Rows of the decoder at a time: enough for the matrix product, little in memory.
  private static final int ROWS = 4000;

  private static final String MEAN = "mean";
  private static final String LOG_VARIANCE = "log_variance";
  private static final String OUTPUT_LOG_VARIANCE = "output.log_variance";

  /** The stream of the random numbers that codes are drawn with. */
  public static final String CODES = "vae.codes";

  /** The stream of the random numbers that images are binarized with. */
  public static final String BINARIZATION = "vae.binarization";

  private final Parameters parameters;
  private final int height;
  private final int width;
  private final int channels;
  private final List<Integer> convolutions;
  private final List<Integer> hidden;
  private final int latent;
  private final Activation activation;
  private final Likelihood likelihood;
  private final LatentObjective objective;
  private final int samples;
  private final float beta;
  private final long warmup;
  private final Binarization binarization;
  private final boolean plain;
  private boolean started;

  private Vae(Builder builder, Parameters parameters) {
    this.parameters = parameters;
    this.height = builder.height;
    this.width = builder.width;
    this.channels = builder.channels;
    this.convolutions = builder.convolutions;
    this.hidden = builder.hidden;
    this.latent = builder.latent;
    this.activation = builder.activation;
    this.likelihood = builder.likelihood;
    this.objective = builder.objective;
    this.samples = builder.samples;
    this.beta = builder.beta;
    this.warmup = builder.warmup;
    this.binarization = builder.binarization;
    this.plain = builder.plain;
  }

  /** Starts a variational autoencoder. */
  public static Builder builder() {
    return new Builder();
  }

  /** Builds a {@link Vae}. */
  public static final class Builder {
    private int height = 28;
    private int width = 28;
    private int channels = 1;
    private List<Integer> convolutions = List.of();
    private List<Integer> hidden = List.of(200, 200);
    private int latent = 50;
    private Activation activation = Activation.TANH;
    private Likelihood likelihood = Likelihood.bernoulli();
    private LatentObjective objective = LatentObjective.ELBO;
    private int samples = 1;
    private float beta = 1;
    private long warmup;
    private Binarization binarization = Binarization.NONE;
    private boolean plain;
    private long seed = 1;

    private Builder() {}

    /** The images' height and width in pixels, and channels; 28 x 28 x 1 unless set. */
    public Builder image(int imageHeight, int imageWidth, int imageChannels) {
      require(
          imageHeight > 0 && imageWidth > 0 && imageChannels > 0,
          "the image's sizes must be at least 1",
          "%d x %d x %d".formatted(imageHeight, imageWidth, imageChannels));
      require(
          (long) imageHeight * imageWidth <= Integer.MAX_VALUE / imageChannels,
          "an image must have at most %d numbers".formatted(Integer.MAX_VALUE),
          "%d x %d x %d".formatted(imageHeight, imageWidth, imageChannels));
      height = imageHeight;
      width = imageWidth;
      channels = imageChannels;
      return this;
    }

    /**
     * The filters of the encoder's convolutions, each 4x4 of stride 2 and padding 1, which halves
     * height and width; the decoder mirrors them with transposed convolutions. None unless set.
     */
    public Builder convolutions(int... filters) {
      return convolutions(Arrays.stream(filters).boxed().toList());
    }

    /** See {@link #convolutions(int...)}. */
    public Builder convolutions(List<Integer> filters) {
      requirePositive("filters", filters);
      convolutions = List.copyOf(filters);
      return this;
    }

    /** The widths of the encoder's dense layers, none allowed; 200, 200 unless set. */
    public Builder hidden(int... widths) {
      return hidden(Arrays.stream(widths).boxed().toList());
    }

    /** See {@link #hidden(int...)}. */
    public Builder hidden(List<Integer> widths) {
      requirePositive("widths", widths);
      hidden = List.copyOf(widths);
      return this;
    }

    /** The numbers in a code, at least 1; 50 unless set. */
    public Builder latent(int size) {
      require(size > 0, "the latent size must be at least 1", size);
      latent = size;
      return this;
    }

    /** The activation of all layers between image and code; tanh unless set. */
    public Builder activation(Activation function) {
      activation = Objects.requireNonNull(function, "activation");
      return this;
    }

    /** The distribution of an image given its code; Bernoulli unless set. */
    public Builder likelihood(Likelihood distribution) {
      likelihood = Objects.requireNonNull(distribution, "likelihood");
      return this;
    }

    /** The bound that training raises; the ELBO unless set. */
    public Builder objective(LatentObjective bound) {
      objective = Objects.requireNonNull(bound, "objective");
      return this;
    }

    /** The codes drawn for each image of a training batch, at least 1; 1 unless set. */
    public Builder samples(int count) {
      require(count > 0, "samples must be at least 1", count);
      samples = count;
      return this;
    }

    /**
     * The weight of the divergence from the prior (Higgins et al., "beta-VAE", ICLR 2017), 0 or
     * more; 1 unless set.
     */
    public Builder beta(float weight) {
      require(weight >= 0 && weight < Float.POSITIVE_INFINITY, "beta must be at least 0", weight);
      beta = weight;
      return this;
    }

    /**
     * The steps over which the weight of the divergence rises from 0 to beta (Bowman et al.,
     * "Generating sentences from a continuous space", 2016); 0, at once, unless set.
     */
    public Builder warmup(long steps) {
      require(steps >= 0, "the warm-up must be at least 0 steps", steps);
      warmup = steps;
      return this;
    }

    /** How gray images become zeros and ones; they do not unless set. */
    public Builder binarization(Binarization kind) {
      binarization = Objects.requireNonNull(kind, "binarization");
      return this;
    }

    /**
     * Makes it a plain autoencoder of the same layers, to compare with: the code is the mean, and
     * nothing draws codes to the prior. Not unless set.
     */
    public Builder plain(boolean value) {
      plain = value;
      return this;
    }

    /** The seed of the initial weights; 1 unless set. */
    public Builder seed(long value) {
      seed = value;
      return this;
    }

    /**
     * Builds the model on a device.
     *
     * @throws IllegalArgumentException when settings do not fit each other
     */
    public Vae build(Device device) {
      return new Vae(this, parameters(device).build(seed));
    }

    private Parameters.Builder parameters(Device device) {
      if (binarization != Binarization.NONE && !(likelihood instanceof Likelihood.Bernoulli)) {
        throw new IllegalArgumentException(
            "vae: binarization %s needs a bernoulli likelihood, it is %s: use binarization none"
                .formatted(binarization, likelihood));
      }
      int levels = convolutions.size();
      if (levels > 30 || height % (1 << levels) != 0 || width % (1 << levels) != 0) {
        throw new IllegalArgumentException(
            "vae: images of %d x %d cannot be halved %d times: use fewer convolutions, or images whose sizes are multiples of %d"
                .formatted(height, width, levels, 1L << Math.min(levels, 62)));
      }
      Parameters.Builder parameters = Parameters.builder(device);
      Initializer inner = Activations.initializer(activation);
      Initializer outer = Initializer.glorotUniform();
      int from = channels;
      for (int i = 0; i < levels; i++) {
        int to = convolutions.get(i);
        parameters.add(filter("encoder", i), Shape.of(to, 4, 4, from), inner);
        parameters.add(filterBias("encoder", i), Shape.of(to), Initializer.zeros());
        from = to;
      }
      int pixels = (height >> levels) * (width >> levels);
      require(
          pixels <= Integer.MAX_VALUE / from,
          "the last convolution must give at most %d numbers".formatted(Integer.MAX_VALUE),
          "%d pixels of %d filters".formatted(pixels, from));
      int features = pixels * from;
      from = features;
      for (int i = 0; i < hidden.size(); i++) {
        addLinear(parameters, "encoder." + i, from, hidden.get(i), inner);
        from = hidden.get(i);
      }
      addLinear(parameters, MEAN, from, latent, outer);
      if (!plain) {
        addLinear(parameters, LOG_VARIANCE, from, latent, outer);
      }
      from = latent;
      for (int i = 0; i < hidden.size(); i++) {
        int to = hidden.get(hidden.size() - 1 - i);
        addLinear(parameters, "decoder." + i, from, to, inner);
        from = to;
      }
      addLinear(parameters, "decoder." + hidden.size(), from, features, levels > 0 ? inner : outer);
      for (int i = 0; i < levels; i++) {
        int to = i == levels - 1 ? channels : convolutions.get(levels - 2 - i);
        parameters.add(
            filter("decoder", i),
            Shape.of(convolutions.get(levels - 1 - i), 4, 4, to),
            i == levels - 1 ? outer : inner);
        parameters.add(filterBias("decoder", i), Shape.of(to), Initializer.zeros());
      }
      if (likelihood instanceof Likelihood.LearnedGaussian) {
        parameters.add(OUTPUT_LOG_VARIANCE, Shape.of(1), Initializer.zeros());
      }
      return parameters;
    }

    private static void addLinear(
        Parameters.Builder parameters, String name, int from, int to, Initializer initializer) {
      parameters.add(name + ".weight", Shape.of(from, to), initializer);
      parameters.add(name + ".bias", Shape.of(to), Initializer.zeros());
    }

    private static void requirePositive(String what, List<Integer> sizes) {
      require(sizes.stream().allMatch(size -> size > 0), what + " must be at least 1", sizes);
    }

    private static void require(boolean holds, String what, Object given) {
      if (!holds) {
        throw new IllegalArgumentException("vae: " + what + ", got " + given);
      }
    }
  }

  private static String filter(String part, int level) {
    return part + ".convolution." + level + ".filter";
  }

  private static String filterBias(String part, int level) {
    return part + ".convolution." + level + ".bias";
  }

  /** Reads a model that {@link #save} wrote. */
  public static Vae load(Path path, Device device) {
    Configuration configuration = Configuration.read(path, KIND);
    Builder builder =
        configuration.build(() ->
            builder()
                .image(
                    configuration.get("height", Integer::valueOf),
                    configuration.get("width", Integer::valueOf),
                    configuration.get("channels", Integer::valueOf))
                .convolutions(configuration.get("convolutions", Configuration::integers))
                .hidden(configuration.get("hidden", Configuration::integers))
                .latent(configuration.get("latent", Integer::valueOf))
                .activation(configuration.get("activation", Activations::parse))
                .likelihood(configuration.get("likelihood", Likelihood::parse))
                .objective(configuration.get("objective", LatentObjective::parse))
                .samples(configuration.get("samples", Integer::valueOf))
                .beta(configuration.get("beta", Float::valueOf))
                .warmup(configuration.get("warmup", Long::valueOf))
                .binarization(configuration.get("binarization", Binarization::parse))
                .plain(configuration.get("plain", Configuration::flag)));
    Vae model = new Vae(builder, configuration.load(() -> builder.parameters(device)));
    model.started = true;
    return model;
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
    map.put("height", String.valueOf(height));
    map.put("width", String.valueOf(width));
    map.put("channels", String.valueOf(channels));
    map.put("convolutions", Configuration.join(convolutions));
    map.put("hidden", Configuration.join(hidden));
    map.put("latent", String.valueOf(latent));
    map.put("activation", Activations.label(activation));
    map.put("likelihood", likelihood.toString());
    map.put("objective", objective.label());
    map.put("samples", String.valueOf(samples));
    map.put("beta", String.valueOf(beta));
    map.put("warmup", String.valueOf(warmup));
    map.put("binarization", binarization.label());
    map.put("plain", String.valueOf(plain));
    return map;
  }

  @Override
  public int inputs() {
    return height * width * channels;
  }

  @Override
  public int codeSize() {
    return latent;
  }

  /** The rows of an image. */
  public int height() {
    return height;
  }

  /** The columns of an image. */
  public int width() {
    return width;
  }

  /** The numbers of a pixel. */
  public int channels() {
    return channels;
  }

  /** How gray images become zeros and ones. */
  public Binarization binarization() {
    return binarization;
  }

  /** The distribution of an image given its code. */
  public Likelihood likelihood() {
    return likelihood;
  }

  /** Whether it is a plain autoencoder, whose code is the mean. */
  public boolean isPlain() {
    return plain;
  }

  /**
   * Lets training start from the mean image: the output's bias is set to give it, as a logit for a
   * Bernoulli likelihood; and a learned variance to that of independent bits with those means. Sets
   * nothing when the model was loaded.
   */
  @Override
  public void prepare(TrainingData data) {
    if (likelihood instanceof Likelihood.Bernoulli) {
      Inference.requireProbabilities(data, "a Bernoulli likelihood", "Likelihood.gaussian");
    }
    if (started) {
      return;
    }
    float[] mean = data.mean();
    requireSamples(mean.length, data.imageShape());
    started = true;
    int levels = convolutions.size();
    Parameter bias =
        parameters.get(
            levels > 0 ? filterBias("decoder", levels - 1) : "decoder." + hidden.size() + ".bias");
    // A convolution has one bias for all pixels of a channel.
    int values = Math.toIntExact(bias.shape().elements());
    double[] sums = new double[values];
    double variance = 0;
    for (int i = 0; i < mean.length; i++) {
      sums[i % values] += mean[i];
      variance += (double) mean[i] * (1 - mean[i]);
    }
    float[] start = new float[values];
    for (int i = 0; i < values; i++) {
      double p = sums[i] * values / mean.length;
      start[i] = (float) (likelihood instanceof Likelihood.Bernoulli ? Autoencoder.logit(p) : p);
    }
    bias.copyFrom(start);
    if (likelihood instanceof Likelihood.LearnedGaussian) {
      double logVariance = StrictMath.log(Math.max(variance / mean.length, 1e-4));
      parameters.get(OUTPUT_LOG_VARIANCE).copyFrom(new float[] {(float) logVariance});
    }
  }

  @Override
  public void resumed() {
    started = true;
  }

  private void requireSamples(int size, Optional<TrainingData.ImageShape> given) {
    TrainingData.ImageShape expected = imageShape();
    if (size != height * width * channels || !given.orElse(expected).equals(expected)) {
      throw new IllegalArgumentException(
          "training: the samples are %s: the model takes images of %s"
              .formatted(
                  given.map(shape -> "images of " + shape).orElse(size + " numbers"), expected));
    }
  }

  /** Checks that images are of the model's height, width and channels. */
  void requireFit(ImageData images) {
    TrainingData.ImageShape given =
        new TrainingData.ImageShape(images.height(), images.width(), images.channels());
    if (!given.equals(imageShape())) {
      throw new IllegalArgumentException(
          "vae: the images are %s: the model takes images of %s".formatted(given, imageShape()));
    }
  }

  private TrainingData.ImageShape imageShape() {
    return new TrainingData.ImageShape(height, width, channels);
  }

  /**
   * The negative of the bound of log p(x), averaged over the batch, in nats per image; for a plain
   * autoencoder the negative log p(x | z). With {@link LatentObjective#ELBO} the divergence from
   * the prior is the exact one, weighted by beta and the warm-up; with {@link LatentObjective#IWAE}
   * the samples' {@code log p(z) - log q(z | x)} is weighted so.
   */
  @Override
  public Tensor loss(Tape tape, Batch batch, TrainingState state) {
    Tensor x = batch.inputs();
    if (binarization == Binarization.DYNAMIC) {
      x = tape.binarize(x, state.stream(BINARIZATION));
    }
    Tensor features = features(tape, x);
    Tensor mean = head(tape, features, MEAN);
    if (plain) {
      return tape.scale(tape.mean(logLikelihoods(tape, x, mean, 1)), -1);
    }
    Tensor logVariance = head(tape, features, LOG_VARIANCE);
    Tensor codes = drawCodes(tape, mean, logVariance, samples, state);
    Tensor logLikelihoods = logLikelihoods(tape, x, codes, samples);
    if (objective == LatentObjective.ELBO || samples == 1) {
      Tensor divergence = tape.gaussianKl(mean, logVariance, beta / batch.size());
      return tape.subtract(warmed(tape, divergence, state), tape.mean(logLikelihoods));
    }
    Tensor ratios = tape.scale(logRatios(tape, codes, mean, logVariance, samples), beta);
    Tensor logWeights = tape.add(logLikelihoods, warmed(tape, ratios, state));
    Tensor bounds = tape.logSumExpRows(tape.reshape(logWeights, Shape.of(batch.size(), samples)));
    return tape.affine(tape.mean(bounds), -1, (float) StrictMath.log(samples));
  }

  private Tensor warmed(Tape tape, Tensor divergence, TrainingState state) {
    return warmup == 0 ? divergence : tape.multiply(divergence, tape.linearWarmup(warmup, state));
  }

  /** What the two heads of the encoder read, [n, width]. */
  private Tensor features(Tape tape, Tensor x) {
    int rows = x.shape().dim(0);
    Tensor hidden = x;
    if (!convolutions.isEmpty()) {
      hidden = tape.reshape(x, Shape.of(rows, height, width, channels));
      for (int i = 0; i < convolutions.size(); i++) {
        hidden =
            tape.conv2d(
                hidden,
                parameters.get(filter("encoder", i)),
                parameters.get(filterBias("encoder", i)),
                WINDOW,
                activation);
      }
      int size = Math.toIntExact(hidden.shape().elements() / rows);
      hidden = tape.reshape(hidden, Shape.of(rows, size));
    }
    for (int i = 0; i < this.hidden.size(); i++) {
      hidden = linear(tape, hidden, "encoder." + i, activation);
    }
    return hidden;
  }

  private Tensor head(Tape tape, Tensor features, String name) {
    return linear(tape, features, name, Activation.IDENTITY);
  }

  private Tensor linear(Tape tape, Tensor x, String name, Activation function) {
    return tape.linear(
        x, parameters.get(name + ".weight"), parameters.get(name + ".bias"), function);
  }

  /** So many codes of each image, those of an image one after the other, [n * count, latent]. */
  private Tensor drawCodes(
      Tape tape, Tensor mean, Tensor logVariance, int count, TrainingState state) {
    return tape.reparameterize(
        repeat(tape, mean, count), repeat(tape, logVariance, count), state.stream(CODES));
  }

  private static Tensor repeat(Tape tape, Tensor x, int count) {
    return count == 1 ? x : tape.repeatRows(x, count);
  }

  /** The decoder's output with {@code output} as its last activation, [n, inputs]. */
  private Tensor decode(Tape tape, Tensor codes, Activation output) {
    int rows = codes.shape().dim(0);
    int levels = convolutions.size();
    Tensor x = codes;
    for (int i = 0; i <= hidden.size(); i++) {
      boolean last = i == hidden.size() && levels == 0;
      x = linear(tape, x, "decoder." + i, last ? output : activation);
    }
    if (levels == 0) {
      return x;
    }
    x = tape.reshape(x, Shape.of(rows, height >> levels, width >> levels, convolutions.getLast()));
    for (int i = 0; i < levels; i++) {
      x =
          tape.convTranspose2d(
              x,
              parameters.get(filter("decoder", i)),
              parameters.get(filterBias("decoder", i)),
              WINDOW,
              i < levels - 1 ? activation : output);
    }
    return tape.reshape(x, Shape.of(rows, inputs()));
  }

  /**
   * log p(x | z) of each code, [n * count].
   *
   * @param x [n, inputs]
   * @param codes [n * count, latent], those of an image one after the other
   */
  private Tensor logLikelihoods(Tape tape, Tensor x, Tensor codes, int count) {
    Tensor output = decode(tape, codes, Activation.IDENTITY);
    return switch (likelihood) {
      case Likelihood.Bernoulli _ -> tape.bernoulliLogLikelihood(output, x, count);
      case Likelihood.Gaussian(float variance) -> {
        double constant = -0.5 * inputs() * (LOG_2_PI + StrictMath.log(variance));
        yield tape.affine(
            squaredErrors(tape, output, x, count), -0.5f / variance, (float) constant);
      }
      case Likelihood.LearnedGaussian _ -> {
        Tensor logVariance = parameters.get(OUTPUT_LOG_VARIANCE);
        Tensor precision = tape.exp(tape.scale(logVariance, -1));
        Tensor scaled = tape.multiply(squaredErrors(tape, output, x, count), precision);
        Tensor constant = tape.affine(logVariance, inputs(), (float) (inputs() * LOG_2_PI));
        yield tape.scale(tape.add(scaled, constant), -0.5f);
      }
    };
  }

  private static Tensor squaredErrors(Tape tape, Tensor output, Tensor x, int count) {
    return tape.sumRows(tape.square(tape.subtract(output, repeat(tape, x, count))));
  }

  /** log p(z) - log q(z | x) of each code, [n * count]. */
  private static Tensor logRatios(
      Tape tape, Tensor codes, Tensor mean, Tensor logVariance, int count) {
    return tape.subtract(
        tape.standardNormalLogDensity(codes),
        tape.gaussianLogDensity(codes, mean, logVariance, count));
  }

  /** The means of the codes' distributions, [n, latent] of [n, inputs]. */
  public Tensor means(Tape tape, Tensor x) {
    return head(tape, features(tape, x), MEAN);
  }

  /**
   * Images from codes.
   *
   * @param codes [n, latent]
   * @return [n, inputs]; of a Bernoulli likelihood probabilities, else means
   */
  public Tensor reconstructions(Tape tape, Tensor codes) {
    boolean bits = likelihood instanceof Likelihood.Bernoulli;
    return decode(tape, codes, bits ? Activation.SIGMOID : Activation.IDENTITY);
  }

  /** The means of the codes of images, [n, latent] row by row, from [n, inputs] row by row. */
  @Override
  public float[] encode(float[] images) {
    return inBlocks(images, inputs(), latent, this::means);
  }

  /** The normal distributions of the codes of images. Immutable but for its arrays. */
  public static final class CodeDistribution {
    private final float[] means;
    private final float[] logVariances;

    private CodeDistribution(float[] means, float[] logVariances) {
      this.means = means;
      this.logVariances = logVariances;
    }

    /** The means, [n, latent] row by row; not copied. */
    public float[] means() {
      return means;
    }

    /** The logarithms of the variances, [n, latent] row by row; not copied. */
    public float[] logVariances() {
      return logVariances;
    }
  }

  /**
   * The distributions q(z | x) of the codes of images, [n, inputs] row by row.
   *
   * @throws IllegalStateException for a plain autoencoder
   */
  public CodeDistribution encodeDistribution(float[] images) {
    requireDistribution();
    float[] both =
        inBlocks(
            images,
            inputs(),
            2 * latent,
            (tape, block) -> {
              Tensor features = features(tape, block);
              return tape.concat(head(tape, features, MEAN), head(tape, features, LOG_VARIANCE));
            });
    float[] means = new float[both.length / 2];
    float[] logVariances = new float[both.length / 2];
    for (int from = 0; from < means.length; from += latent) {
      System.arraycopy(both, 2 * from, means, from, latent);
      System.arraycopy(both, 2 * from + latent, logVariances, from, latent);
    }
    return new CodeDistribution(means, logVariances);
  }

  /** Images from codes, [n, inputs] row by row; see {@link #reconstructions}. */
  @Override
  public float[] decode(float[] codes) {
    return inBlocks(codes, latent, inputs(), this::reconstructions);
  }

  /** What the model makes of images by way of their codes' means, [n, inputs] row by row. */
  @Override
  public float[] reconstruct(float[] images) {
    return inBlocks(
        images, inputs(), inputs(), (tape, block) -> reconstructions(tape, means(tape, block)));
  }

  /**
   * Images of codes drawn from the prior: probabilities or means, as {@link #reconstructions}.
   *
   * @param count how many, at least 1
   * @return [count, inputs] row by row
   * @throws IllegalStateException for a plain autoencoder, whose codes have no prior
   */
  public float[] sample(int count, long seed) {
    requireDistribution();
    if (count < 1) {
      throw new IllegalArgumentException("vae: expected to draw at least 1 sample, got " + count);
    }
    try (Scope scope = device().scope();
        TrainingState state = new TrainingState(device(), seed)) {
      Tensor codes =
          Tape.inference(device(), scope)
              .randomNormal(Shape.of(count, latent), 0, 1, state.stream("vae.prior"));
      return decode(codes.copyToArray());
    }
  }

  /**
   * The images on the way from one code to another.
   *
   * @param from [latent]
   * @param to [latent]
   * @param steps how many, the two ends among them, at least 2
   * @return [steps, inputs] row by row
   */
  public float[] interpolate(float[] from, float[] to, int steps, CodeInterpolation way) {
    return decode(way.between(from, to, steps));
  }

  /**
   * One draw of each number as 1 with itself as probability, else 0. Zeros and ones stay.
   *
   * @param images numbers in [0, 1], [n, inputs] row by row
   * @throws IllegalArgumentException when they are not whole images, or a number is not in [0, 1]
   */
  public float[] binarize(float[] images, long seed) {
    Inference.requireProbabilities(this, images, inputs());
    return inBlocks(
        images,
        inputs(),
        inputs(),
        (tape, first, block) -> {
          try (TrainingState state = new TrainingState(device(), seed)) {
            state.restart(first);
            return tape.binarize(block, state.stream(BINARIZATION));
          }
        });
  }

  /**
   * One draw of each pixel as 255 with its gray value as probability, else 0: what {@link
   * Binarization#STATIC} trains on.
   *
   * @throws IllegalArgumentException when the images are of another size than the model's
   */
  public ImageData binarize(ImageData images, long seed) {
    requireFit(images);
    float[] drawn = binarize(images.floats(), seed);
    byte[] pixels = new byte[drawn.length];
    for (int i = 0; i < drawn.length; i++) {
      pixels[i] = (byte) (drawn[i] * 255);
    }
    return images.withPixels(pixels);
  }

  /**
   * The evidence lower bound of log p(x), in nats per image.
   *
   * @param logLikelihood the mean of log p(x | z)
   * @param divergence the mean of KL(q(z | x) || p(z)), of weight 1 whatever the training's beta
   */
  public record Elbo(double logLikelihood, double divergence) {
    /** The bound: the likelihood less the divergence. */
    public double total() {
      return logLikelihood - divergence;
    }
  }

  /**
   * The evidence lower bound, averaged over the images, with one code drawn for each; gray images
   * are binarized first if the model's {@link #binarization} says so.
   *
   * @param seed of the codes and of the binarization
   * @throws IllegalArgumentException when the images are of another size than the model's
   * @throws IllegalStateException for a plain autoencoder
   */
  public Elbo elbo(ImageData images, long seed) {
    requireFit(images);
    return elbo(images.floats(), seed);
  }

  /**
   * See {@link #elbo(ImageData, long)}; [n, inputs] row by row.
   *
   * @throws IllegalArgumentException when there is no image, or a number that a Bernoulli
   *     likelihood is asked about is not in [0, 1]
   */
  public Elbo elbo(float[] images, long seed) {
    requireDistribution();
    if (images.length == 0) {
      throw new IllegalArgumentException("vae: expected at least 1 image for the bound, got none");
    }
    float[] parts =
        inBlocks(
            binarized(images, seed),
            inputs(),
            2,
            (tape, first, x) -> {
              try (TrainingState state = new TrainingState(device(), seed)) {
                state.restart(first);
                Tensor features = features(tape, x);
                Tensor mean = head(tape, features, MEAN);
                Tensor logVariance = head(tape, features, LOG_VARIANCE);
                Tensor codes = drawCodes(tape, mean, logVariance, 1, state);
                Shape column = Shape.of(x.shape().dim(0), 1);
                return tape.concat(
                    tape.reshape(logLikelihoods(tape, x, codes, 1), column),
                    tape.reshape(tape.gaussianKlRows(mean, logVariance), column));
              }
            });
    double logLikelihood = 0;
    double divergence = 0;
    for (int i = 0; i < parts.length; i += 2) {
      logLikelihood += parts[i];
      divergence += parts[i + 1];
    }
    int count = parts.length / 2;
    return new Elbo(logLikelihood / count, divergence / count);
  }

  /**
   * The importance-weighted estimate of log p(x), averaged over the images, in nats per image; see
   * {@link #logLikelihoods(float[], int, long)}.
   *
   * @throws IllegalArgumentException when the images are of another size than the model's
   */
  public double logLikelihood(ImageData images, int count, long seed) {
    requireFit(images);
    return Arrays.stream(logLikelihoods(images.floats(), count, seed)).average().orElseThrow();
  }

  /**
   * The importance-weighted estimate {@code log 1/L sum p(x, z) / q(z | x)} of log p(x) of each
   * image, in nats (Burda et al. 2015); its expectation is a lower bound that rises with L. The sum
   * is taken in double precision, some codes at a time, so memory does not grow with L. Gray images
   * are binarized first if the model's {@link #binarization} says so.
   *
   * @param images [n, inputs] row by row
   * @param count L, the codes drawn for each image, at least 1
   * @param seed of the codes and of the binarization
   * @throws IllegalArgumentException when a number that a Bernoulli likelihood is asked about is
   *     not in [0, 1]
   * @throws IllegalStateException for a plain autoencoder
   */
  public double[] logLikelihoods(float[] images, int count, long seed) {
    requireDistribution();
    if (count < 1) {
      throw new IllegalArgumentException(
          "vae: expected at least 1 sample for the likelihood, got " + count);
    }
    Inference.require(this, images, inputs());
    float[] x = binarized(images, seed);
    int chunk = Math.min(count, ROWS / 20);
    int rows = ROWS / chunk;
    double[] results = new double[x.length / inputs()];
    for (int first = 0; first < results.length; first += rows) {
      int last = Math.min(first + rows, results.length);
      float[] block = Arrays.copyOfRange(x, first * inputs(), last * inputs());
      double[] sums = logSumsOfWeights(block, count, chunk, first, seed);
      for (int i = first; i < last; i++) {
        results[i] = sums[i - first] - StrictMath.log(count);
      }
    }
    return results;
  }

  /** {@code log sum p(x, z) / q(z | x)} over {@code count} codes of each image of the block. */
  private double[] logSumsOfWeights(float[] block, int count, int chunk, int first, long seed) {
    int images = block.length / inputs();
    double[] largest = new double[images];
    double[] sums = new double[images];
    Arrays.fill(largest, Double.NEGATIVE_INFINITY);
    try (Scope scope = device().scope();
        TrainingState state = new TrainingState(device(), seed)) {
      Tape encoder = Tape.inference(device(), scope);
      Tensor x = Tensor.of(device(), scope, "images", Shape.of(images, inputs()), block);
      Tensor features = features(encoder, x);
      Tensor mean = head(encoder, features, MEAN);
      Tensor logVariance = head(encoder, features, LOG_VARIANCE);
      for (int done = 0; done < count; done += chunk) {
        int codesEach = Math.min(chunk, count - done);
        state.restart((long) first * count + done);
        float[] logWeights;
        try (Scope step = scope.child()) {
          Tape tape = Tape.inference(device(), step);
          Tensor codes = drawCodes(tape, mean, logVariance, codesEach, state);
          logWeights =
              tape.add(
                      logLikelihoods(tape, x, codes, codesEach),
                      logRatios(tape, codes, mean, logVariance, codesEach))
                  .copyToArray();
        }
        for (int i = 0; i < logWeights.length; i++) {
          int image = i / codesEach;
          double weight = logWeights[i];
          if (weight > largest[image]) {
            sums[image] = sums[image] * StrictMath.exp(largest[image] - weight) + 1;
            largest[image] = weight;
          } else {
            sums[image] += StrictMath.exp(weight - largest[image]);
          }
        }
      }
    }
    for (int i = 0; i < images; i++) {
      sums[i] = largest[i] + StrictMath.log(sums[i]);
    }
    return sums;
  }

  /**
   * The variances over images of the means of a code's numbers, [latent]; a number is active when
   * its variance is above {@link #ACTIVE_VARIANCE} (Burda et al. 2015, section 5.2).
   */
  public double[] codeVariances(ImageData images) {
    float[] codes = encode(images);
    int count = images.count();
    double[] sums = new double[latent];
    double[] squares = new double[latent];
    for (int i = 0; i < codes.length; i++) {
      sums[i % latent] += codes[i];
      squares[i % latent] += (double) codes[i] * codes[i];
    }
    double[] variances = new double[latent];
    for (int i = 0; i < latent; i++) {
      double mean = sums[i] / count;
      variances[i] = Math.max(0, squares[i] / count - mean * mean);
    }
    return variances;
  }

  /** How many numbers of a code are active; see {@link #codeVariances}. */
  public int activeUnits(ImageData images) {
    return (int)
        Arrays.stream(codeVariances(images)).filter(value -> value > ACTIVE_VARIANCE).count();
  }

  private float[] binarized(float[] images, long seed) {
    if (likelihood instanceof Likelihood.Bernoulli) {
      Inference.requireProbabilities(this, images, inputs());
    }
    return binarization == Binarization.NONE ? images : binarize(images, seed);
  }

  private void requireDistribution() {
    if (plain) {
      throw new IllegalStateException(
          "vae: a plain autoencoder gives codes no distribution: train one that is not plain");
    }
  }

  private float[] inBlocks(float[] values, int from, int to, DeviceData.Transformation function) {
    return Inference.inBlocks(this, values, from, to, function);
  }

  private float[] inBlocks(
      float[] values, int from, int to, Inference.NumberedTransformation function) {
    return Inference.inBlocks(this, values, from, to, function);
  }
}
