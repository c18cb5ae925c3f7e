package dev.clessidra.bench.baselines.libtorch;

import dev.clessidra.bench.work.Inputs;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;

/** A dense autoencoder, tied where the inputs have no weights of a decoder. */
final class AutoencoderNetwork extends Network {
  // The sparse autoencoder's: mean activation wanted, weight of the penalty, bounds of means.
  private static final double SPARSITY = 0.05;
  private static final double SPARSITY_WEIGHT = 0.1;
  private static final double SMALLEST_MEAN = 1e-6;

  private final boolean sparse;
  private final int layers;
  private final boolean tied;
  private final int size;

  /**
   * Takes the parameters.
   *
   * @param sparse whether the code is a sigmoid's and penalised
   */
  AutoencoderNetwork(Inputs inputs, boolean sparse) {
    super(inputs, MemoryFormat.Contiguous);
    this.sparse = sparse;
    layers = count("encoder.", ".bias");
    tied = !has("decoder.0.weight");
    for (int i = 0; i < layers; i++) {
      addLinear("encoder." + i);
    }
    for (int i = 0; i < layers; i++) {
      if (tied) {
        addVector("decoder." + i + ".bias");
      } else {
        addLinear("decoder." + i);
      }
    }
    size = size("decoder." + (layers - 1) + ".bias");
  }

  @Override
  Tensor samples(float[] values) {
    return Tensors.of(values, values.length / size, size);
  }

  private Tensor encode(Tensor x) {
    Tensor code = x;
    for (int i = 0; i < layers; i++) {
      code = linear(code, "encoder." + i);
      if (i < layers - 1) {
        code = code.relu_();
      }
    }
    return sparse ? code.sigmoid_() : code;
  }

  private Tensor decode(Tensor code) {
    Tensor x = code;
    for (int i = 0; i < layers; i++) {
      x = tied ? transposed(x, i) : linear(x, "decoder." + i);
      if (i < layers - 1) {
        x = x.relu_();
      }
    }
    return x;
  }

  private Tensor transposed(Tensor x, int layer) {
    return torch.addmm(
        parameter("decoder." + layer + ".bias"),
        x,
        parameter("encoder." + (layers - 1 - layer) + ".weight"));
  }

  @Override
  Tensor loss(Tensor x, Tensor labels, Tensor noise) {
    Tensor code = encode(x);
    Tensor error = crossEntropy(decode(code), x);
    return sparse ? error.add(penalty(code)) : error;
  }

  /** The divergence of Bernoulli variables with the means of the columns from those wanted. */
  private static Tensor penalty(Tensor code) {
    Tensor means =
        torch.clamp(
            code.mean(0),
            new ScalarOptional(Tensors.scalar(SMALLEST_MEAN)),
            new ScalarOptional(Tensors.scalar(1 - SMALLEST_MEAN)));
    Tensor active = means.log().mul(Tensors.scalar(-SPARSITY));
    Tensor idle = means.neg().log1p().mul(Tensors.scalar(SPARSITY - 1));
    double entropy = SPARSITY * Math.log(SPARSITY) + (1 - SPARSITY) * Math.log(1 - SPARSITY);
    return active
        .add(idle)
        .sum()
        .add(Tensors.scalar(entropy * means.numel()))
        .mul(Tensors.scalar(SPARSITY_WEIGHT));
  }

  @Override
  Tensor answer(Tensor x) {
    return decode(encode(x)).sigmoid_();
  }
}
