package dev.clessidra.models;

import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.training.DeviceData;
import dev.clessidra.models.training.Trainer;
import dev.clessidra.models.training.TrainingResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Greedy layer-by-layer training (Bengio et al., "Greedy layer-wise training of deep networks",
 * NIPS 2006; with masking noise, Vincent et al., JMLR 2010): the first autoencoder learns to
 * restore the data, its decoder is set aside, the next one learns to restore the first's codes, and
 * so on. The trained layers start a {@link #unroll deep autoencoder} or a {@link #classifier
 * classifier}, both of which are then trained as a whole.
 *
 * <p>Owns its layers until closed. Thread-safety: as {@link Model}.
 */
public final class StackedAutoencoder implements AutoCloseable {
  private final Device device;
  private final int inputs;
  private final List<Integer> widths;
  private final Activation activation;
  private final Activation codeActivation;
  private final float maskingNoise;
  private final boolean tied;
  private final long seed;
  private final List<Autoencoder> layers = new ArrayList<>();

  private StackedAutoencoder(Builder builder, Device device) {
    this.device = device;
    this.inputs = builder.inputs;
    this.widths = builder.widths;
    this.activation = builder.activation;
    this.codeActivation = builder.codeActivation;
    this.maskingNoise = builder.maskingNoise;
    this.tied = builder.tied;
    this.seed = builder.seed;
  }

  /** Starts a stack for samples of {@code inputs} numbers in [0, 1]. */
  public static Builder builder(int inputs) {
    return new Builder(inputs);
  }

  /** Builds a {@link StackedAutoencoder}. */
  public static final class Builder {
    private final int inputs;
    private List<Integer> widths = List.of(500, 250);
    private Activation activation = Activation.RELU;
    private Activation codeActivation = Activation.RELU;
    private float maskingNoise;
    private boolean tied;
    private long seed = 1;

    private Builder(int inputs) {
      if (inputs < 1) {
        throw new IllegalArgumentException(
            "stacked autoencoder: inputs must be at least 1, got " + inputs);
      }
      this.inputs = inputs;
    }

    /** The widths of the layers from the data up. */
    public Builder encoder(int... layerWidths) {
      return encoder(Arrays.stream(layerWidths).boxed().toList());
    }

    /** The widths of the layers from the data up. */
    public Builder encoder(List<Integer> layerWidths) {
      if (layerWidths.isEmpty() || layerWidths.stream().anyMatch(width -> width < 1)) {
        throw new IllegalArgumentException(
            "stacked autoencoder: expected at least one width, each at least 1, got "
                + layerWidths);
      }
      widths = List.copyOf(layerWidths);
      return this;
    }

    /** The activation of all layers but the last; ReLU unless set. */
    public Builder activation(Activation hidden) {
      activation = Objects.requireNonNull(hidden, "activation");
      return this;
    }

    /** The activation of the last layer; ReLU unless set. */
    public Builder codeActivation(Activation code) {
      codeActivation = Objects.requireNonNull(code, "codeActivation");
      return this;
    }

    /**
     * The probability with which an input of the layer being trained is set to 0; 0 unless set,
     * below 1.
     */
    public Builder maskingNoise(float probability) {
      if (!(probability >= 0 && probability < 1)) {
        throw new IllegalArgumentException(
            "stacked autoencoder: masking noise must be in [0, 1), got " + probability);
      }
      maskingNoise = probability;
      return this;
    }

    /** Whether each layer's decoder uses its encoder's weights; not unless set. */
    public Builder tied(boolean value) {
      tied = value;
      return this;
    }

    /** The seed of the initial weights; 1 unless set. */
    public Builder seed(long value) {
      seed = value;
      return this;
    }

    /** Builds the stack, without layers yet. */
    public StackedAutoencoder build(Device device) {
      return new StackedAutoencoder(this, Objects.requireNonNull(device, "device"));
    }
  }

  /** Prepares the training of a layer. */
  @FunctionalInterface
  public interface LayerTraining {
    /**
     * Sets epochs, learning rate and so on.
     *
     * @param layer from 0
     * @param trainer has its model and data already
     * @return the trainer, not null
     */
    Trainer prepare(int layer, Trainer trainer);
  }

  /**
   * Adds a layer that was trained before, such as one loaded from a file; the stack closes it.
   *
   * @throws IllegalArgumentException when it does not fit on the layers below
   */
  public void add(Autoencoder trained) {
    int i = layers.size();
    if (isTrained()
        || trained.inputs() != inputsOf(i)
        || !trained.widths().equals(List.of(widths.get(i)))
        || trained.isTied() != tied) {
      throw new IllegalArgumentException(
          "stacked autoencoder: a layer %d -> %s, tied %s, does not fit: expected layer %d of %s, tied %s"
              .formatted(trained.inputs(), trained.widths(), trained.isTied(), i, widths, tied));
    }
    layers.add(trained);
  }

  /**
   * Trains the layers that are not trained yet, one after the other. A training that is stopped or
   * fails ends the whole; its layer is not added.
   *
   * @return one result for each layer that was trained
   */
  public List<TrainingResult> pretrain(DeviceData data, LayerTraining training) {
    List<TrainingResult> results = new ArrayList<>();
    DeviceData codes = layers.isEmpty() ? data : codes(data);
    try {
      while (!isTrained()) {
        Autoencoder layer = layer(layers.size());
        TrainingResult result = train(layer, codes, training);
        results.add(result);
        if (result.stopped()) {
          layer.close();
          return results;
        }
        layers.add(layer);
        if (!isTrained()) {
          DeviceData next = codes.map(layer.codeSize(), layer::codes);
          if (codes != data) {
            codes.close();
          }
          codes = next;
        }
      }
      return results;
    } finally {
      if (codes != data) {
        codes.close();
      }
    }
  }

  /** Trains the layer that comes next; closes it when that fails. */
  private TrainingResult train(Autoencoder layer, DeviceData codes, LayerTraining training) {
    try {
      Trainer trainer =
          Objects.requireNonNull(
              training.prepare(layers.size(), Trainer.of(layer).data(codes)),
              "stacked autoencoder: LayerTraining.prepare returned null: expected the trainer");
      return trainer.run();
    } catch (RuntimeException e) {
      layer.close();
      throw e;
    }
  }

  /** The first layer restores data in [0, 1], the others what the layer below gives. */
  private Autoencoder layer(int i) {
    boolean first = i == 0;
    boolean probabilities = first || activation.equals(Activation.SIGMOID);
    return Autoencoder.builder(inputsOf(i))
        .encoder(widths.get(i))
        .codeActivation(activation(i))
        .outputActivation(first ? Activation.SIGMOID : activation)
        .reconstruction(probabilities ? Reconstruction.CROSS_ENTROPY : Reconstruction.SQUARED_ERROR)
        .tied(tied)
        .maskingNoise(maskingNoise)
        .seed(seed + i)
        .build(device);
  }

  private int inputsOf(int layer) {
    return layer == 0 ? inputs : widths.get(layer - 1);
  }

  private Activation activation(int layer) {
    return layer == widths.size() - 1 ? codeActivation : activation;
  }

  /** The trained layers from the data up. */
  public List<Autoencoder> layers() {
    return List.copyOf(layers);
  }

  /** The numbers in a code. */
  public int codeSize() {
    return widths.getLast();
  }

  /** Whether all layers are trained. */
  public boolean isTrained() {
    return layers.size() == widths.size();
  }

  /** The codes of all samples by the layers trained so far; the caller closes them. */
  public DeviceData codes(DeviceData data) {
    int size = layers.isEmpty() ? data.size() : layers.getLast().codeSize();
    return data.map(size, this::codes);
  }

  /**
   * The codes of samples by the layers trained so far.
   *
   * @param samples [n, inputs]
   * @return [n, codeSize]
   */
  public Tensor codes(Tape tape, Tensor samples) {
    Tensor x = samples;
    for (Autoencoder layer : layers) {
      x = layer.codes(tape, x);
    }
    return x;
  }

  /** The codes of samples, [n, codeSize] row by row, from [n, inputs] row by row. */
  public float[] encode(float[] samples) {
    requireTrained();
    float[] x = samples;
    for (Autoencoder layer : layers) {
      x = layer.encode(x);
    }
    return x;
  }

  /** A deep autoencoder that starts from the trained layers; the caller closes it. */
  public Autoencoder unroll() {
    requireTrained();
    Autoencoder deep =
        Autoencoder.builder(inputs)
            .encoder(widths)
            .activation(activation)
            .codeActivation(codeActivation)
            .tied(tied)
            .seed(seed)
            .build(device);
    deep.copyLayers(layers);
    return deep;
  }

  /**
   * A classifier whose hidden layers start from the trained ones; the caller closes it.
   *
   * @param start gives classes, noise and dropout; the hidden layers are set here
   */
  public Classifier classifier(Classifier.Builder start) {
    requireTrained();
    if (!codeActivation.equals(activation)) {
      throw new IllegalStateException(
          "stacked autoencoder: a classifier needs the same activation in all layers, the code has "
              + Activations.label(codeActivation));
    }
    Classifier classifier = start.hidden(widths).activation(activation).build(device);
    try (Autoencoder deep = unroll()) {
      classifier.copyEncoder(deep);
      return classifier;
    } catch (RuntimeException e) {
      classifier.close();
      throw e;
    }
  }

  private void requireTrained() {
    if (!isTrained()) {
      throw new IllegalStateException(
          "stacked autoencoder: %d of %d layers are trained: call pretrain first"
              .formatted(layers.size(), widths.size()));
    }
  }

  @Override
  public void close() {
    layers.forEach(Autoencoder::close);
    layers.clear();
  }
}
