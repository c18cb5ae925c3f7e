package dev.clessidra.models;

import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.engine.initializers.Initializer;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.training.Batch;
import dev.clessidra.models.training.TrainingData;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.SequencedMap;

/**
 * Softmax regression on top of hidden layers, none or those of a trained encoder. Without hidden
 * layers and trained on codes it is the linear probe of those codes.
 */
public final class Classifier implements Model {
  /** The {@link Model#kind kind} of this model. */
  public static final String KIND = "classifier";

  private static final String SOFTMAX_WEIGHT = "softmax.weight";
  private static final String SOFTMAX_BIAS = "softmax.bias";

  private final Parameters parameters;
  private final int inputs;
  private final List<Integer> widths;
  private final int classes;
  private final Activation activation;
  private final float inputNoise;
  private final float dropout;

  private Classifier(Builder builder, Parameters parameters) {
    this.parameters = parameters;
    this.inputs = builder.inputs;
    this.widths = builder.widths;
    this.classes = builder.classes;
    this.activation = builder.activation;
    this.inputNoise = builder.inputNoise;
    this.dropout = builder.dropout;
  }

  /** Starts a classifier of samples of {@code inputs} numbers into {@code classes} classes. */
  public static Builder builder(int inputs, int classes) {
    return new Builder(inputs, classes);
  }

  /** Builds a {@link Classifier}. */
  public static final class Builder {
    private final int inputs;
    private final int classes;
    private List<Integer> widths = List.of();
    private Activation activation = Activation.RELU;
    private float inputNoise;
    private float dropout;
    private long seed = 1;

    private Builder(int inputs, int classes) {
      if (inputs < 1 || classes < 2) {
        throw new IllegalArgumentException(
            "classifier: expected at least 1 input and 2 classes, got %d and %d"
                .formatted(inputs, classes));
      }
      this.inputs = inputs;
      this.classes = classes;
    }

    /** The widths of the hidden layers; none unless set. */
    public Builder hidden(int... layerWidths) {
      return hidden(Arrays.stream(layerWidths).boxed().toList());
    }

    /** The widths of the hidden layers; none unless set. */
    public Builder hidden(List<Integer> layerWidths) {
      if (layerWidths.stream().anyMatch(width -> width < 1)) {
        throw new IllegalArgumentException(
            "classifier: each width must be at least 1, got " + layerWidths);
      }
      widths = List.copyOf(layerWidths);
      return this;
    }

    /** The activation of the hidden layers; ReLU unless set. */
    public Builder activation(Activation hidden) {
      activation = Objects.requireNonNull(hidden, "activation");
      return this;
    }

    /** The probability with which an input is set to 0 in training; 0 unless set, below 1. */
    public Builder inputNoise(float probability) {
      inputNoise = checkProbability("input noise", probability);
      return this;
    }

    /**
     * The probability with which a hidden unit is dropped in training (Srivastava et al., JMLR
     * 2014); 0 unless set, below 1.
     */
    public Builder dropout(float probability) {
      dropout = checkProbability("dropout", probability);
      return this;
    }

    /** The seed of the initial weights; 1 unless set. */
    public Builder seed(long value) {
      seed = value;
      return this;
    }

    /** Builds the model on a device. */
    public Classifier build(Device device) {
      return new Classifier(this, parameters(device).build(seed));
    }

    private Parameters.Builder parameters(Device device) {
      Parameters.Builder parameters = Parameters.builder(device);
      int from = inputs;
      for (int i = 0; i < widths.size(); i++) {
        parameters.add(
            Autoencoder.encoderWeight(i),
            Shape.of(from, widths.get(i)),
            Activations.initializer(activation));
        parameters.add(Autoencoder.encoderBias(i), Shape.of(widths.get(i)), Initializer.zeros());
        from = widths.get(i);
      }
      parameters.add(SOFTMAX_WEIGHT, Shape.of(from, classes), Initializer.zeros());
      parameters.add(SOFTMAX_BIAS, Shape.of(classes), Initializer.zeros());
      return parameters;
    }

    private static float checkProbability(String what, float probability) {
      if (!(probability >= 0 && probability < 1)) {
        throw new IllegalArgumentException(
            "classifier: %s must be in [0, 1), got %s".formatted(what, probability));
      }
      return probability;
    }
  }

  /** Reads a model that {@link #save} wrote. */
  public static Classifier load(Path path, Device device) {
    Configuration configuration = Configuration.read(path, KIND);
    Builder builder =
        configuration.build(() ->
            builder(
                    configuration.get("inputs", Integer::valueOf),
                    configuration.get("classes", Integer::valueOf))
                .hidden(configuration.get("widths", Configuration::integers))
                .activation(configuration.get("activation", Activations::parse))
                .inputNoise(configuration.get("input_noise", Float::valueOf))
                .dropout(configuration.get("dropout", Float::valueOf)));
    return new Classifier(builder, configuration.load(() -> builder.parameters(device)));
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
    map.put("classes", String.valueOf(classes));
    map.put("widths", Configuration.join(widths));
    map.put("activation", Activations.label(activation));
    map.put("input_noise", String.valueOf(inputNoise));
    map.put("dropout", String.valueOf(dropout));
    return map;
  }

  /** The numbers in a sample. */
  public int inputs() {
    return inputs;
  }

  /** The number of classes. */
  public int classes() {
    return classes;
  }

  /** Checks that the data has no more classes than the model. */
  @Override
  public void prepare(TrainingData data) {
    if (data.classes() > classes) {
      throw new IllegalArgumentException(
          "training: the data has %d classes: the model has %d, give it as many"
              .formatted(data.classes(), classes));
    }
  }

  @Override
  public Tensor loss(Tape tape, Batch batch, TrainingState state) {
    Tensor labels =
        batch
            .labels()
            .orElseThrow(() ->
                new IllegalArgumentException(
                    "classifier: the training data has no labels: give images with labels"));
    Tensor x = batch.inputs();
    // Not in prepare, which sees the samples as they are before the training transforms them.
    if (x.shape().columns() != inputs) {
      throw new IllegalArgumentException(
          "training: the samples have %d numbers: the model takes %d"
              .formatted(x.shape().columns(), inputs));
    }
    if (inputNoise > 0) {
      x = tape.maskNoise(x, inputNoise, state.stream("classifier.input"));
    }
    for (int i = 0; i < widths.size(); i++) {
      x = hidden(tape, x, i);
      if (dropout > 0) {
        x = tape.dropout(x, dropout, state.stream("classifier.dropout." + i));
      }
    }
    return tape.softmaxCrossEntropy(logits(tape, x), labels);
  }

  private Tensor hidden(Tape tape, Tensor x, int layer) {
    return tape.linear(
        x,
        parameters.get(Autoencoder.encoderWeight(layer)),
        parameters.get(Autoencoder.encoderBias(layer)),
        activation);
  }

  private Tensor logits(Tape tape, Tensor features) {
    return tape.linear(
        features,
        parameters.get(SOFTMAX_WEIGHT),
        parameters.get(SOFTMAX_BIAS),
        Activation.IDENTITY);
  }

  /**
   * The probability of each class.
   *
   * @param x [n, inputs]
   * @return [n, classes]
   */
  public Tensor probabilities(Tape tape, Tensor x) {
    Tensor features = x;
    for (int i = 0; i < widths.size(); i++) {
      features = hidden(tape, features, i);
    }
    return tape.softmax(logits(tape, features));
  }

  /** The most probable class of each sample, from [n, inputs] row by row. */
  public int[] classify(float[] samples) {
    float[] p = Inference.inBlocks(this, samples, inputs, classes, this::probabilities);
    int[] result = new int[p.length / classes];
    for (int i = 0; i < result.length; i++) {
      for (int c = 1; c < classes; c++) {
        if (p[i * classes + c] > p[i * classes + result[i]]) {
          result[i] = c;
        }
      }
    }
    return result;
  }

  /**
   * The share of samples, in [0, 1], whose most probable class is not their label.
   *
   * @param samples [n, inputs] row by row
   * @param labels [n]
   * @throws IllegalArgumentException when there is no sample, or not one label for each
   */
  public double errorRate(float[] samples, int[] labels) {
    int[] classes = classify(samples);
    if (classes.length == 0 || labels.length != classes.length) {
      throw new IllegalArgumentException(
          "classifier: %d labels for %d samples: expected at least 1 sample and one label for each"
              .formatted(labels.length, classes.length));
    }
    int wrong = 0;
    for (int i = 0; i < labels.length; i++) {
      if (classes[i] != labels[i]) {
        wrong++;
      }
    }
    return (double) wrong / labels.length;
  }

  /**
   * The share of images, in [0, 1], that are classified wrongly.
   *
   * @throws IllegalArgumentException when the images are of another size than the model's
   * @throws dev.clessidra.models.data.DataException when they have no labels
   */
  public double errorRate(ImageData images) {
    Inference.require(this, images, inputs);
    return errorRate(images.floats(), images.labels());
  }

  /** Sets the hidden layers to those of a trained encoder of the same widths. */
  public void copyEncoder(Autoencoder trained) {
    int copied = parameters.copyFrom(trained.parameters());
    if (copied != 2 * widths.size()) {
      throw new IllegalArgumentException(
          "classifier: its hidden layers are %s, the encoder's %s: they must be the same"
              .formatted(widths, trained.widths()));
    }
  }
}
