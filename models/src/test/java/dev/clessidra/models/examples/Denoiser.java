package dev.clessidra.models.examples;

import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.engine.initializers.Initializer;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.Configuration;
import dev.clessidra.models.Inference;
import dev.clessidra.models.Model;
import dev.clessidra.models.training.Batch;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/** A model of one's own: a denoising autoencoder of float vectors with {@link Swish} units. */
final class Denoiser implements Model {
  private static final String KIND = "denoiser";

  private final int inputs;
  private final int units;
  private final float noise;
  private final Parameters parameters;

  private Denoiser(int inputs, int units, float noise, Parameters parameters) {
    this.inputs = inputs;
    this.units = units;
    this.noise = noise;
    this.parameters = parameters;
  }

  /**
   * A new model.
   *
   * @param inputs the numbers of a sample
   * @param units of the code
   * @param noise the standard deviation of what is added to a sample in training
   */
  static Denoiser of(Device device, int inputs, int units, float noise, long seed) {
    return new Denoiser(inputs, units, noise, parameters(device, inputs, units).build(seed));
  }

  /** Reads a model that {@link #save} wrote. */
  static Denoiser load(Path path, Device device) {
    Configuration configuration = Configuration.read(path, KIND);
    int inputs = configuration.get("inputs", Integer::valueOf);
    int units = configuration.get("units", Integer::valueOf);
    float noise = configuration.get("noise", Float::valueOf);
    Parameters parameters = configuration.load(() -> parameters(device, inputs, units));
    return new Denoiser(inputs, units, noise, parameters);
  }

  private static Parameters.Builder parameters(Device device, int inputs, int units) {
    return Parameters.builder(device)
        .add("encoder.weight", Shape.of(inputs, units), Initializer.heNormal())
        .add("encoder.bias", Shape.of(units), Initializer.zeros())
        .add("decoder.weight", Shape.of(units, inputs), Initializer.glorotUniform())
        .add("decoder.bias", Shape.of(inputs), Initializer.zeros());
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
    map.put("units", String.valueOf(units));
    map.put("noise", String.valueOf(noise));
    return map;
  }

  @Override
  public Tensor loss(Tape tape, Batch batch, TrainingState state) {
    Tensor x = batch.inputs();
    Tensor noisy = tape.gaussianNoise(x, noise, state.stream("denoiser noise"));
    return tape.squaredError(denoised(tape, noisy), x, 1f / batch.size());
  }

  /** What the model makes of samples, [n, inputs] row by row. */
  float[] denoise(float[] samples) {
    return Inference.inBlocks(this, samples, inputs, inputs, this::denoised);
  }

  private Tensor denoised(Tape tape, Tensor x) {
    Tensor code = linear(tape, x, "encoder");
    return linear(tape, tape.apply(new Swish(), code), "decoder");
  }

  private Tensor linear(Tape tape, Tensor x, String layer) {
    Tensor weight = parameters.get(layer + ".weight");
    return tape.linear(x, weight, parameters.get(layer + ".bias"), Activation.IDENTITY);
  }
}
