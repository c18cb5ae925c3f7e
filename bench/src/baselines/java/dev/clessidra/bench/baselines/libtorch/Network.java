package dev.clessidra.bench.baselines.libtorch;

import dev.clessidra.bench.baselines.cpu.Owner;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.TrainedModel;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Images;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.OutputArchive;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;

/** One of Clessidra's models in libtorch: the same arithmetic with the same parameters. */
abstract class Network implements AutoCloseable {
  private static final int SUM = 2;

  private final Inputs inputs;
  private final MemoryFormat format;
  private final Owner owner = new Owner();
  private final Map<String, Tensor> parameters = new LinkedHashMap<>();
  private final List<Tensor> trained = new ArrayList<>();

  /**
   * Starts without parameters.
   *
   * @param inputs parameters by name
   * @param format of images and filters
   */
  Network(Inputs inputs, MemoryFormat format) {
    this.inputs = inputs;
    this.format = format;
  }

  /** The network of a model. */
  static Network of(TrainedModel model, Inputs inputs, MemoryFormat format) {
    return switch (model) {
      case DEEP_AUTOENCODER, TIED_AUTOENCODER -> new AutoencoderNetwork(inputs, false);
      case SPARSE_AUTOENCODER -> new AutoencoderNetwork(inputs, true);
      case CONVOLUTIONAL_VAE, DENSE_VAE -> new VaeNetwork(inputs, format, Activation.RELU, false);
      case SMALL_BATCH_VAE -> new VaeNetwork(inputs, format, Activation.TANH, true);
      case U_NET -> new UNetNetwork(inputs, format);
    };
  }

  /** The memory formats that a model can be in: those of images, where it works on images. */
  static List<MemoryFormat> formats(TrainedModel model) {
    return switch (model) {
      case CONVOLUTIONAL_VAE, U_NET -> List.of(MemoryFormat.ChannelsLast, MemoryFormat.Contiguous);
      default -> List.of(MemoryFormat.Contiguous);
    };
  }

  /**
   * The training loss.
   *
   * @param x samples as {@link #samples} gives them
   * @param labels a class for each pixel, or null
   * @param noise standard normal numbers for the codes, or null
   */
  abstract Tensor loss(Tensor x, Tensor labels, Tensor noise);

  /** What the trained model makes of samples, in the layout of the works. */
  abstract Tensor answer(Tensor x);

  /** Samples in the shape and memory that the network wants, made outside of what is timed. */
  abstract Tensor samples(float[] values);

  /** The labels of samples; null where there are none. */
  Tensor labels() {
    return null;
  }

  /** The length of a code that noise is added to; 0 where there is none. */
  int latent() {
    return 0;
  }

  /** What is done with samples that were not drawn before. */
  Tensor drawn(Tensor x) {
    return x;
  }

  /** What is trained. */
  final List<Tensor> trained() {
    return trained;
  }

  /** Writes all parameters by name, in libtorch's own format. */
  final void save(String file) {
    try (PointerScope _ = new PointerScope()) {
      OutputArchive archive = new OutputArchive();
      parameters.forEach((name, tensor) -> archive.write(name, tensor.detach()));
      archive.save_to(file);
    }
  }

  final Inputs inputs() {
    return inputs;
  }

  final MemoryFormat format() {
    return format;
  }

  final Tensor parameter(String name) {
    return parameters.get(name);
  }

  final boolean has(String name) {
    return inputs.has(name);
  }

  /** The number of layers {@code prefix + 0 + suffix}, {@code prefix + 1 + suffix} and so on. */
  final int count(String prefix, String suffix) {
    int count = 0;
    while (has(prefix + count + suffix)) {
      count++;
    }
    return count;
  }

  /** Adds a vector. */
  final void addVector(String name) {
    add(name, Tensors.of(inputs.floats(name), size(name)));
  }

  /** Adds a vector that is not trained. */
  final void addConstant(String name) {
    parameters.put(name, owner.keep(Tensors.of(inputs.floats(name), size(name))));
  }

  /** Adds weight and bias of a linear layer; libtorch has the weight as [outputs, inputs]. */
  final void addLinear(String name) {
    String weight = name + ".weight";
    String bias = name + ".bias";
    int outputs = size(bias);
    Tensor stored = Tensors.of(inputs.floats(weight), size(weight) / outputs, outputs);
    add(weight, stored.t().contiguous());
    addVector(bias);
  }

  /** Adds filters [filters, size, size, channels]. */
  final void addFilter(String name, int filters, int size) {
    int channels = size(name) / (filters * size * size);
    Images sizes = new Images(filters, size, size, channels);
    add(name, Tensors.images(inputs.floats(name), sizes).contiguous(format));
  }

  final int size(String name) {
    return inputs.floats(name).length;
  }

  private void add(String name, Tensor tensor) {
    tensor.set_requires_grad(true);
    parameters.put(name, owner.keep(tensor));
    trained.add(tensor);
  }

  final Tensor linear(Tensor x, String name) {
    return torch.linear(
        x, parameter(name + ".weight"), Tensors.optional(parameter(name + ".bias")));
  }

  /** The cross-entropy of Bernoulli logits and targets, averaged over samples. */
  static Tensor crossEntropy(Tensor logits, Tensor target) {
    return torch
        .binary_cross_entropy_with_logits(logits, target, Tensors.none(), Tensors.none(), SUM)
        .mul(Tensors.scalar(1.0 / target.size(0)));
  }

  @Override
  public void close() {
    owner.close();
  }
}
