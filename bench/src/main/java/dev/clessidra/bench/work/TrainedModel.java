package dev.clessidra.bench.work;

import dev.clessidra.engine.Parameter;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.Binarization;
import dev.clessidra.models.Model;
import dev.clessidra.models.Sparsity;
import dev.clessidra.models.UNet;
import dev.clessidra.models.Vae;
import dev.clessidra.models.data.Mnist;
import dev.clessidra.models.segmentation.DeviceSegmentationData;
import dev.clessidra.models.segmentation.SyntheticCells;
import dev.clessidra.models.training.Batch;
import dev.clessidra.models.training.DeviceData;
import dev.clessidra.models.training.TrainingData;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Training steps with Adam (learning rate 0.001, beta 0.9 and 0.999, epsilon 1e-8), each: the next
 * shuffled batch, forward, backward, update. On real digits and synthetic cells.
 *
 * <p>What a library has to do for the check is in the inputs:
 *
 * <ul>
 *   <li>each parameter by its name, as it is before the first step: weights of linear layers {@code
 *       [inputs, outputs]}, filters as in {@link Work};
 *   <li>{@value #BATCHES}: the samples of the first {@value #CHECKED_STEPS} steps, {@code [steps,
 *       batch, ...]}, already binarized where the model does that;
 *   <li>{@value #LABELS}: the class of each pixel in these batches, int, where the model has
 *       classes;
 *   <li>{@value #WEIGHTS}: the weight of each pixel in the loss, where pixels differ;
 *   <li>{@value #NOISE}: what {@code e} in {@code mean + exp(log variance / 2) * e} is in these
 *       steps, {@code [steps, batch, latent]}, where the model samples.
 * </ul>
 *
 * <p>The result is the losses of these steps. While it is timed a library draws its own noise, and
 * takes its batches from memory.
 */
public enum TrainedModel implements Work {
  /** The autoencoder 784-1000-500-250-30. */
  DEEP_AUTOENCODER("deep autoencoder", 256) {
    @Override
    Model model(Device device) {
      return deepAutoencoder(device, false);
    }
  },
  /** The same with tied weights. */
  TIED_AUTOENCODER("tied deep autoencoder", 256) {
    @Override
    Model model(Device device) {
      return deepAutoencoder(device, true);
    }
  },
  /** 784-1024-784 of sigmoid units that are held to a mean activation of 0.05 (Ng 2011). */
  SPARSE_AUTOENCODER("sparse autoencoder", 256) {
    @Override
    Model model(Device device) {
      return Autoencoder.builder(784)
          .encoder(1024)
          .codeActivation(Activation.SIGMOID)
          .sparsity(Sparsity.kullbackLeibler(0.05f, 0.1f))
          .seed(SEED)
          .build(device);
    }
  },
  /** 32 and 64 filters of 4 x 4 with stride 2, 256 hidden units, 32 latent, and the mirror. */
  CONVOLUTIONAL_VAE("convolutional VAE", 128) {
    @Override
    Model model(Device device) {
      return variational(
          device,
          Vae.builder().convolutions(32, 64).hidden(256).latent(32).activation(Activation.RELU));
    }
  },
  /** 784-400-20 and back. */
  DENSE_VAE("dense VAE", 128) {
    @Override
    Model model(Device device) {
      return variational(device, Vae.builder().hidden(400).latent(20).activation(Activation.RELU));
    }
  },
  /** 784-200-200-50 and back, in small batches of binarized digits (Burda et al. 2015). */
  SMALL_BATCH_VAE("small-batch VAE", 20) {
    @Override
    Model model(Device device) {
      return variational(
          device,
          Vae.builder()
              .hidden(200, 200)
              .latent(50)
              .activation(Activation.TANH)
              .binarization(Binarization.DYNAMIC));
    }
  },
  /** 256 x 256 pixels, base width 16, four poolings, two classes. */
  U_NET("U-Net", 2) {
    @Override
    Model model(Device device) {
      return UNet.builder(1, 2).width(16).depth(4).seed(SEED).build(device);
    }

    @Override
    TrainingData data(Model model) {
      return DeviceSegmentationData.builder(new SyntheticCells(256, 256, 1, 0.1).draw(4, SEED))
          .build((UNet) model);
    }
  };

  /** The family's name. */
  public static final String FAMILY = "training";

  /** The steps whose losses are compared. */
  public static final int CHECKED_STEPS = 10;

  /** The input with the samples of the checked steps. */
  public static final String BATCHES = "batches";

  /** The input with the classes of their pixels. */
  public static final String LABELS = "labels";

  /** The input with the weights of their pixels. */
  public static final String WEIGHTS = "weights";

  /** The input with the random numbers of their codes. */
  public static final String NOISE = "noise";

  private static final Map<TrainedModel, Double> OPERATIONS = new ConcurrentHashMap<>();

  private final String model;
  private final int batch;

  TrainedModel(String model, int batch) {
    this.model = model;
    this.batch = batch;
  }

  /** The samples in a step. */
  public int batch() {
    return batch;
  }

  abstract Model model(Device device);

  TrainingData data(Model model) {
    return DeviceData.of(model.device(), Mnist.sample().train());
  }

  static Model deepAutoencoder(Device device, boolean tied) {
    return Autoencoder.builder(784).encoder(1000, 500, 250, 30).tied(tied).seed(SEED).build(device);
  }

  static Model variational(Device device, Vae.Builder builder) {
    return builder.image(28, 28, 1).seed(SEED).build(device);
  }

  /** A captured step, whose first run is yet to come. */
  public TrainingStep step(Device device) {
    Model model = model(device);
    return new TrainingStep(model, data(model), batch);
  }

  @Override
  public Inputs inputs() {
    Inputs.Builder inputs = Inputs.builder();
    try (Device device = Device.open("cpu");
        Model model = model(device);
        TrainingData data = data(model)) {
      model.prepare(data);
      addParameters(inputs, model);
      addBatches(inputs, model, data);
    }
    return inputs.build();
  }

  /** The shapes of the parameters among the inputs, by name. */
  public SequencedMap<String, Shape> parameterShapes() {
    SequencedMap<String, Shape> shapes = new LinkedHashMap<>();
    try (Device device = Device.open("cpu");
        Model model = model(device)) {
      for (Parameter parameter : model.parameters()) {
        shapes.put(parameter.name(), parameter.shape());
      }
    }
    return shapes;
  }

  /** Adds each parameter by its name. */
  static void addParameters(Inputs.Builder inputs, Model model) {
    for (Parameter parameter : model.parameters()) {
      inputs.floats(parameter.name(), parameter.copyToArray());
    }
  }

  private void addBatches(Inputs.Builder inputs, Model model, TrainingData data) {
    List<float[]> batches = new ArrayList<>();
    List<int[]> labels = new ArrayList<>();
    List<float[]> weights = new ArrayList<>();
    List<float[]> noise = new ArrayList<>();
    try (TrainingState state = new TrainingState(model.device(), SEED)) {
      for (int step = 0; step < CHECKED_STEPS; step++) {
        try (Scope scope = model.device().scope()) {
          Tape tape = Tape.inference(model.device(), scope);
          Batch samples = data.batch(tape, batch, state);
          Tensor x = samples.inputs();
          if (model instanceof Vae vae) {
            if (vae.binarization() == Binarization.DYNAMIC) {
              x = tape.binarize(x, state.stream(Vae.BINARIZATION));
            }
            noise.add(noise(tape, scope, vae, state));
          } else if (model instanceof UNet) {
            samples.labels().ifPresent(classes -> labels.add(classes.copyToIntArray()));
            samples.weights().ifPresent(factors -> weights.add(factors.copyToArray()));
          }
          batches.add(x.copyToArray());
        }
        state.advance();
      }
    }
    inputs.floats(BATCHES, concatenated(batches));
    if (!labels.isEmpty()) {
      inputs.integers(LABELS, labels.stream().flatMapToInt(Arrays::stream).toArray());
    }
    if (!weights.isEmpty()) {
      inputs.floats(WEIGHTS, concatenated(weights));
    }
    if (!noise.isEmpty()) {
      inputs.floats(NOISE, concatenated(noise));
    }
  }

  /** Samples of standard Gaussians are their noise. */
  private float[] noise(Tape tape, Scope scope, Vae model, TrainingState state) {
    Shape shape = Shape.of(batch, model.codeSize());
    Tensor zeros = Tensor.filled(model.device(), scope, "zeros", shape, 0);
    return tape.reparameterize(zeros, zeros, state.stream(Vae.CODES)).copyToArray();
  }

  private static float[] concatenated(List<float[]> parts) {
    float[] all = new float[parts.stream().mapToInt(part -> part.length).sum()];
    int end = 0;
    for (float[] part : parts) {
      System.arraycopy(part, 0, all, end, part.length);
      end += part.length;
    }
    return all;
  }

  /** Makes the model anew; its parameters and batches are those of the inputs by themselves. */
  @Override
  public Implementation on(Device device, Inputs inputs) {
    return step(device);
  }

  @Override
  public String label() {
    return "%s %s, batch %d".formatted(FAMILY, model, batch);
  }

  @Override
  public String family() {
    return FAMILY;
  }

  /**
   * Those of the captured step's products and convolutions, forward and backward; elementwise work
   * is not counted.
   */
  @Override
  public double operations() {
    return OPERATIONS.computeIfAbsent(this, TrainedModel::countOperations);
  }

  private double countOperations() {
    try (Device device = Device.open("cpu");
        TrainingStep step = step(device)) {
      return step.operations();
    }
  }

  /** Not counted: what is read again comes from a cache or from memory. */
  @Override
  public double bytes() {
    return 0;
  }

  @Override
  public int samples() {
    return batch;
  }

  @Override
  public int resultSize() {
    return CHECKED_STEPS;
  }

  /** Ten steps make more of a difference in the last bits. */
  @Override
  public double tolerance() {
    return 1e-3;
  }

  @Override
  public String toString() {
    return model;
  }
}
