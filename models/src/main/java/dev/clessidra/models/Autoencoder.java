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
import dev.clessidra.models.training.Batch;
import dev.clessidra.models.training.DeviceData;
import dev.clessidra.models.training.TrainingData;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.SequencedMap;

/**
 * A dense autoencoder: an encoder of any widths down to a code, and the mirrored decoder. With one
 * hidden layer it is the classical one, with a {@link Sparsity} the sparse one, with several layers
 * the deep one of Hinton and Salakhutdinov ("Reducing the dimensionality of data with neural
 * networks", Science 2006).
 *
 * <p>With tied weights the decoder uses the encoder's weights transposed (they are stored once) and
 * biases of its own.
 *
 * <pre>{@code
 * try (Device device = Device.open("auto");
 *     Autoencoder model = Autoencoder.builder(784).encoder(256, 32).seed(7).build(device)) {
 *   Trainer.of(model).data(Mnist.sample()).epochs(10).run();
 *   float[] code = model.encode(image);
 *   model.save(Path.of("autoencoder.safetensors"));
 * }
 * }</pre>
 */
public final class Autoencoder implements EncoderDecoder {
  /** The {@link Model#kind kind} of this model. */
  public static final String KIND = "autoencoder";

  private final Parameters parameters;
  private final int inputs;
  private final List<Integer> widths;
  private final Activation activation;
  private final Activation codeActivation;
  private final Activation outputActivation;
  private final Reconstruction reconstruction;
  private final Sparsity sparsity;
  private final boolean tied;
  private final float maskingNoise;
  private boolean started;

  private Autoencoder(Builder builder, Parameters parameters) {
    this.parameters = parameters;
    this.inputs = builder.inputs;
    this.widths = List.copyOf(builder.widths);
    this.activation = builder.activation;
    this.codeActivation = builder.codeActivation;
    this.outputActivation = builder.outputActivation;
    this.reconstruction = builder.reconstruction;
    this.sparsity = builder.sparsity;
    this.tied = builder.tied;
    this.maskingNoise = builder.maskingNoise;
  }

  /**
   * Starts an autoencoder.
   *
   * @param inputs the numbers in a sample, such as 784 for an image of 28 x 28
   */
  public static Builder builder(int inputs) {
    return new Builder(inputs);
  }

  /** Builds an {@link Autoencoder}. */
  public static final class Builder {
    private final int inputs;
    private List<Integer> widths = List.of(32);
    private Activation activation = Activation.RELU;
    private Activation codeActivation = Activation.IDENTITY;
    private Activation outputActivation = Activation.SIGMOID;
    private Reconstruction reconstruction = Reconstruction.CROSS_ENTROPY;
    private Sparsity sparsity = Sparsity.none();
    private boolean tied;
    private float maskingNoise;
    private long seed = 1;

    private Builder(int inputs) {
      if (inputs < 1) {
        throw new IllegalArgumentException("autoencoder: inputs must be at least 1, got " + inputs);
      }
      this.inputs = inputs;
    }

    /** The widths of the encoder's layers, the last being the code's; at least one. */
    public Builder encoder(int... layerWidths) {
      return encoder(Arrays.stream(layerWidths).boxed().toList());
    }

    /** The widths of the encoder's layers, the last being the code's; at least one. */
    public Builder encoder(List<Integer> layerWidths) {
      if (layerWidths.isEmpty() || layerWidths.stream().anyMatch(width -> width < 1)) {
        throw new IllegalArgumentException(
            "autoencoder: expected at least one width, each at least 1, got " + layerWidths);
      }
      widths = List.copyOf(layerWidths);
      return this;
    }

    /** The activation of the hidden layers; ReLU unless set. */
    public Builder activation(Activation hidden) {
      activation = Objects.requireNonNull(hidden, "activation");
      return this;
    }

    /** The activation of the code; none unless set. */
    public Builder codeActivation(Activation code) {
      codeActivation = Objects.requireNonNull(code, "codeActivation");
      return this;
    }

    /** The activation of the output; sigmoid unless set, and sigmoid for cross-entropy. */
    public Builder outputActivation(Activation output) {
      outputActivation = Objects.requireNonNull(output, "outputActivation");
      return this;
    }

    /** The loss; cross-entropy unless set. */
    public Builder reconstruction(Reconstruction kind) {
      reconstruction = Objects.requireNonNull(kind, "reconstruction");
      return this;
    }

    /** What keeps the code sparse; nothing unless set. */
    public Builder sparsity(Sparsity kind) {
      sparsity = Objects.requireNonNull(kind, "sparsity");
      return this;
    }

    /** Whether the decoder uses the encoder's weights; not unless set. */
    public Builder tied(boolean value) {
      tied = value;
      return this;
    }

    /**
     * The probability with which an input is set to 0 in training, to be restored from the others
     * (Vincent et al., "Stacked denoising autoencoders", JMLR 2010); 0 unless set, below 1.
     */
    public Builder maskingNoise(float probability) {
      if (!(probability >= 0 && probability < 1)) {
        throw new IllegalArgumentException(
            "autoencoder: masking noise must be in [0, 1), got " + probability);
      }
      maskingNoise = probability;
      return this;
    }

    /** The seed of the initial weights; 1 unless set. */
    public Builder seed(long value) {
      seed = value;
      return this;
    }

    /** Builds the model on a device. */
    public Autoencoder build(Device device) {
      return new Autoencoder(this, parameters(device).build(seed));
    }

    private Parameters.Builder parameters(Device device) {
      if (reconstruction == Reconstruction.CROSS_ENTROPY
          && !outputActivation.equals(Activation.SIGMOID)) {
        throw new IllegalArgumentException(
            "autoencoder: cross-entropy needs a sigmoid output, it is %s: use squared-error"
                .formatted(Activations.label(outputActivation)));
      }
      if (sparsity instanceof Sparsity.KullbackLeibler
          && !codeActivation.equals(Activation.SIGMOID)) {
        throw new IllegalArgumentException(
            "autoencoder: sparsity %s needs a code in (0, 1): set the code's activation to sigmoid, it is %s"
                .formatted(sparsity, Activations.label(codeActivation)));
      }
      int code = widths.getLast();
      if (sparsity instanceof Sparsity.TopK(int k, int encodingK)
          && Math.max(k, encodingK) > code) {
        throw new IllegalArgumentException(
            "autoencoder: sparsity %s keeps more than the %d units of the code: use a smaller k or a wider code"
                .formatted(sparsity, code));
      }
      Parameters.Builder parameters = Parameters.builder(device);
      int layers = widths.size();
      for (int i = 0; i < layers; i++) {
        Activation next = i == layers - 1 ? codeActivation : activation;
        int from = i == 0 ? inputs : widths.get(i - 1);
        parameters.add(
            encoderWeight(i), Shape.of(from, widths.get(i)), Activations.initializer(next));
        parameters.add(encoderBias(i), Shape.of(widths.get(i)), Initializer.zeros());
      }
      for (int i = 0; i < layers; i++) {
        boolean last = i == layers - 1;
        int from = widths.get(layers - 1 - i);
        int to = last ? inputs : widths.get(layers - 2 - i);
        if (!tied) {
          parameters.add(
              decoderWeight(i),
              Shape.of(from, to),
              Activations.initializer(last ? outputActivation : activation));
        }
        parameters.add(decoderBias(i), Shape.of(to), Initializer.zeros());
      }
      return parameters;
    }
  }

  static String encoderWeight(int layer) {
    return "encoder." + layer + ".weight";
  }

  static String encoderBias(int layer) {
    return "encoder." + layer + ".bias";
  }

  /** Decoder layer 0 reads the code. */
  static String decoderWeight(int layer) {
    return "decoder." + layer + ".weight";
  }

  static String decoderBias(int layer) {
    return "decoder." + layer + ".bias";
  }

  /** Reads a model that {@link #save} wrote. */
  public static Autoencoder load(Path path, Device device) {
    Configuration configuration = Configuration.read(path, KIND);
    Builder builder =
        configuration.build(() ->
            builder(configuration.get("inputs", Integer::valueOf))
                .encoder(configuration.get("widths", Configuration::integers))
                .activation(configuration.get("activation", Activations::parse))
                .codeActivation(configuration.get("code_activation", Activations::parse))
                .outputActivation(configuration.get("output_activation", Activations::parse))
                .reconstruction(configuration.get("reconstruction", Reconstruction::parse))
                .sparsity(configuration.get("sparsity", Sparsity::parse))
                .tied(configuration.get("tied", Configuration::flag))
                .maskingNoise(configuration.get("masking_noise", Float::valueOf)));
    Autoencoder model =
        new Autoencoder(builder, configuration.load(() -> builder.parameters(device)));
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
    map.put("inputs", String.valueOf(inputs));
    map.put("widths", Configuration.join(widths));
    map.put("activation", Activations.label(activation));
    map.put("code_activation", Activations.label(codeActivation));
    map.put("output_activation", Activations.label(outputActivation));
    map.put("reconstruction", reconstruction.label());
    map.put("sparsity", sparsity.toString());
    map.put("tied", String.valueOf(tied));
    map.put("masking_noise", String.valueOf(maskingNoise));
    return map;
  }

  @Override
  public int inputs() {
    return inputs;
  }

  /** The widths of the encoder's layers, the last being the code's. */
  public List<Integer> widths() {
    return widths;
  }

  @Override
  public int codeSize() {
    return widths.getLast();
  }

  /** The activation of the hidden layers. */
  public Activation activation() {
    return activation;
  }

  /** The activation of the code. */
  public Activation codeActivation() {
    return codeActivation;
  }

  /** What keeps the code sparse. */
  public Sparsity sparsity() {
    return sparsity;
  }

  /** Whether the decoder uses the encoder's weights. */
  public boolean isTied() {
    return tied;
  }

  /** Takes the weights of layers that were trained one by one; see {@link StackedAutoencoder}. */
  void copyLayers(List<Autoencoder> layers) {
    int last = layers.size() - 1;
    for (int i = 0; i <= last; i++) {
      String encoder = "encoder." + i + ".";
      String decoder = "decoder." + (last - i) + ".";
      parameters.copyFrom(
          layers.get(i).parameters,
          name ->
              name.startsWith(encoder)
                  ? name.replace(encoder, "encoder.0.")
                  : name.startsWith(decoder) ? name.replace(decoder, "decoder.0.") : "");
    }
    started = true;
  }

  /**
   * Lets training start from the mean sample. The output's bias, for a sigmoid or linear output, is
   * set to give it; with {@link Sparsity.TopK} the first layer's biases are set so that the mean
   * sample activates no unit, without which the units that resemble it are the largest for every
   * sample and the others never learn. Sets nothing when the model was loaded or pretrained.
   */
  @Override
  public void prepare(TrainingData data) {
    if (reconstruction == Reconstruction.CROSS_ENTROPY) {
      Inference.requireProbabilities(data, "cross-entropy", "Reconstruction.SQUARED_ERROR");
    }
    if (started) {
      return;
    }
    float[] mean = data.mean();
    requireSamples(mean.length);
    started = true;
    if (sparsity instanceof Sparsity.TopK) {
      parameters
          .get(encoderBias(0))
          .copyFrom(negativeProduct(mean, parameters.get(encoderWeight(0))));
    }
    Parameter bias = parameters.get(decoderBias(widths.size() - 1));
    if (outputActivation.equals(Activation.SIGMOID)) {
      bias.copyFrom(logits(mean));
    } else if (outputActivation.equals(Activation.IDENTITY)) {
      bias.copyFrom(mean);
    }
  }

  @Override
  public void resumed() {
    started = true;
  }

  private void requireSamples(int size) {
    if (size != inputs) {
      throw new IllegalArgumentException(
          "training: the samples have %d numbers: the model takes %d".formatted(size, inputs));
    }
  }

  private static float[] logits(float[] mean) {
    float[] logits = new float[mean.length];
    for (int i = 0; i < mean.length; i++) {
      logits[i] = logit(mean[i]);
    }
    return logits;
  }

  /** The logit of a probability, of which certainty is kept away. */
  static float logit(double probability) {
    double p = Math.clamp(probability, 0.01, 0.99);
    return (float) StrictMath.log(p / (1 - p));
  }

  /** -(x w) for a row x. */
  private static float[] negativeProduct(float[] x, Parameter w) {
    int columns = w.shape().columns();
    float[] weights = w.copyToArray();
    double[] sums = new double[columns];
    for (int i = 0; i < weights.length; i++) {
      sums[i % columns] -= (double) x[i / columns] * weights[i];
    }
    float[] result = new float[columns];
    for (int j = 0; j < columns; j++) {
      result[j] = (float) sums[j];
    }
    return result;
  }

  @Override
  public Tensor loss(Tape tape, Batch batch, TrainingState state) {
    Tensor target = batch.inputs();
    float perSample = 1f / batch.size();
    Tensor corrupted =
        maskingNoise > 0
            ? tape.maskNoise(target, maskingNoise, state.stream("autoencoder.masking"))
            : target;
    Tensor code = encode(tape, corrupted);
    if (sparsity instanceof Sparsity.TopK(int k, int _)) {
      code = tape.topK(code, k);
    }
    Tensor error =
        switch (reconstruction) {
          case CROSS_ENTROPY ->
              tape.binaryCrossEntropyWithLogits(
                  decode(tape, code, Activation.IDENTITY), target, perSample);
          case SQUARED_ERROR ->
              tape.squaredError(decode(tape, code, outputActivation), target, perSample);
        };
    return switch (sparsity) {
      case Sparsity.None _, Sparsity.TopK _ -> error;
      case Sparsity.L1(float lambda) ->
          tape.addLosses(error, tape.absolutePenalty(code, lambda * perSample));
      case Sparsity.KullbackLeibler(float rho, float weight) ->
          tape.addLosses(error, tape.klSparsity(code, rho, weight));
    };
  }

  /** The code before any selection of the largest activations. */
  private Tensor encode(Tape tape, Tensor x) {
    Tensor hidden = x;
    for (int i = 0; i < widths.size(); i++) {
      hidden =
          tape.linear(
              hidden,
              parameters.get(encoderWeight(i)),
              parameters.get(encoderBias(i)),
              i < widths.size() - 1 ? activation : codeActivation);
    }
    return hidden;
  }

  /** The decoder's output with {@code output} as its last activation. */
  private Tensor decode(Tape tape, Tensor code, Activation output) {
    Tensor hidden = code;
    int layers = widths.size();
    for (int i = 0; i < layers; i++) {
      Tensor bias = parameters.get(decoderBias(i));
      Activation next = i < layers - 1 ? activation : output;
      hidden =
          tied
              ? tape.linearTransposed(
                  hidden, parameters.get(encoderWeight(layers - 1 - i)), bias, next)
              : tape.linear(hidden, parameters.get(decoderWeight(i)), bias, next);
    }
    return hidden;
  }

  /**
   * The codes of samples as the trained model gives them.
   *
   * @param x [n, inputs]
   * @return [n, codeSize]
   */
  public Tensor codes(Tape tape, Tensor x) {
    Tensor code = encode(tape, x);
    return sparsity instanceof Sparsity.TopK(int _, int k) ? tape.topK(code, k) : code;
  }

  /**
   * Samples from codes.
   *
   * @param codes [n, codeSize]
   * @return [n, inputs], in the range of the output's activation
   */
  public Tensor reconstructions(Tape tape, Tensor codes) {
    return decode(tape, codes, outputActivation);
  }

  @Override
  public float[] encode(float[] samples) {
    return inBlocks(samples, inputs, codeSize(), this::codes);
  }

  @Override
  public float[] decode(float[] codes) {
    return inBlocks(codes, codeSize(), inputs, this::reconstructions);
  }

  @Override
  public float[] reconstruct(float[] samples) {
    return inBlocks(
        samples, inputs, inputs, (tape, block) -> reconstructions(tape, codes(tape, block)));
  }

  private float[] inBlocks(float[] values, int from, int to, DeviceData.Transformation function) {
    return Inference.inBlocks(this, values, from, to, function);
  }
}
