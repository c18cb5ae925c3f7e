package dev.clessidra.bench.work;

import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Program;
import dev.clessidra.kernels.Scope;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.EncoderDecoder;
import dev.clessidra.models.Model;
import dev.clessidra.models.UNet;
import dev.clessidra.models.Vae;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;

/**
 * The time from one image on the Java heap to a trained model's answer there: a reconstruction
 * (without noise), or the probabilities of each pixel's classes.
 *
 * <p>Inputs are the parameters by name, as those of {@link TrainedModel}, and {@value #IMAGE}.
 */
public enum ModelLatency implements Work {
  /** The deep autoencoder. */
  DEEP_AUTOENCODER(TrainedModel.DEEP_AUTOENCODER, 784, 784),
  /** The sparse autoencoder. */
  SPARSE_AUTOENCODER(TrainedModel.SPARSE_AUTOENCODER, 784, 784),
  /** The convolutional variational autoencoder: the mean of the code, decoded. */
  CONVOLUTIONAL_VAE(TrainedModel.CONVOLUTIONAL_VAE, 784, 784),
  /** The dense variational autoencoder: the mean of the code, decoded. */
  DENSE_VAE(TrainedModel.DENSE_VAE, 784, 784),
  /** The U-Net on {@value #U_NET_SIZE} x {@value #U_NET_SIZE} pixels. */
  U_NET(TrainedModel.U_NET, ModelLatency.U_NET_PIXELS, 2 * ModelLatency.U_NET_PIXELS);

  /** The family's name. */
  public static final String FAMILY = "latency";

  /** The input with the image, from 0 to 1. */
  public static final String IMAGE = "image";

  private static final int U_NET_SIZE = 256;
  private static final int U_NET_PIXELS = U_NET_SIZE * U_NET_SIZE;
  private static final Map<ModelLatency, Cost> COSTS = new ConcurrentHashMap<>();

  private final TrainedModel model;
  private final int inputSize;
  private final int resultSize;

  ModelLatency(TrainedModel model, int inputSize, int resultSize) {
    this.model = model;
    this.inputSize = inputSize;
    this.resultSize = resultSize;
  }

  /** Which model answers. */
  public TrainedModel model() {
    return model;
  }

  @Override
  public String label() {
    return "%s %s, batch 1".formatted(FAMILY, model);
  }

  @Override
  public String family() {
    return FAMILY;
  }

  /** Those of the answer's products and convolutions. */
  @Override
  public double operations() {
    return cost().operations();
  }

  /** The parameters', each read once, the image's and the answer's. */
  @Override
  public double bytes() {
    return cost().bytes();
  }

  private Cost cost() {
    return COSTS.computeIfAbsent(this, ModelLatency::count);
  }

  private Cost count() {
    try (Device device = Device.open("cpu");
        Model built = model.model(device);
        Scope scope = device.scope()) {
      Tensor x = Tensor.filled(device, scope, IMAGE, shape(), 0.5f);
      try (Program program = device.capture(() -> answer(built, x))) {
        return new Cost(
            program.operations(),
            Float.BYTES * (double) (built.parameters().count() + inputSize + resultSize));
      }
    }
  }

  /** Some thousand answers: until then a part of the time is the interpreter's. */
  @Override
  public int warmUpTurns() {
    return 25;
  }

  @Override
  public Inputs inputs() {
    Inputs.Builder inputs = Inputs.builder().uniform(IMAGE, inputSize, 0, 1);
    try (Device device = Device.open("cpu");
        Model built = model.model(device)) {
      TrainedModel.addParameters(inputs, built);
    }
    return inputs.build();
  }

  @Override
  public int resultSize() {
    return resultSize;
  }

  @Override
  public Implementation on(Device device, Inputs inputs) {
    Model built = model.model(device);
    return new Answer(built, answering(built), inputs.floats(IMAGE));
  }

  private Shape shape() {
    return this == U_NET ? Shape.of(1, U_NET_SIZE, U_NET_SIZE, 1) : Shape.of(1, inputSize);
  }

  private UnaryOperator<float[]> answering(Model model) {
    return switch (model) {
      case EncoderDecoder coder -> coder::reconstruct;
      case UNet net -> image -> probabilities(net, image);
      default -> throw noAnswers(model);
    };
  }

  private float[] probabilities(UNet model, float[] image) {
    Device device = model.device();
    try (Scope scope = device.scope()) {
      Tensor x = Tensor.of(device, scope, IMAGE, shape(), image);
      return model.probabilities(Tape.inference(device, scope), x).copyToArray();
    }
  }

  /** What the functions above launch, without the copies from the host and back. */
  private static void answer(Model model, Tensor x) {
    try (Scope scope = model.device().scope()) {
      Tape tape = Tape.inference(model.device(), scope);
      switch (model) {
        case Autoencoder coder -> coder.reconstructions(tape, coder.codes(tape, x));
        case Vae coder -> coder.reconstructions(tape, coder.means(tape, x));
        case UNet net -> net.probabilities(tape, x);
        default -> throw noAnswers(model);
      }
    }
  }

  private static IllegalArgumentException noAnswers(Model model) {
    return new IllegalArgumentException(model.kind() + " gives no answers.");
  }

  private record Cost(double operations, double bytes) {}

  private static final class Answer implements Implementation {
    private final Model model;
    private final UnaryOperator<float[]> function;
    private final float[] image;
    private float[] answer = {};

    Answer(Model model, UnaryOperator<float[]> function, float[] image) {
      this.model = model;
      this.function = function;
      this.image = image;
    }

    @Override
    public void run() {
      answer = function.apply(image);
    }

    @Override
    public float[] result() {
      run();
      return answer;
    }

    @Override
    public void close() {
      model.close();
    }
  }
}
