package dev.clessidra.bench.baselines.libtorch;

import dev.clessidra.bench.work.Inputs;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Images;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;

/** A variational autoencoder of images of 28 x 28, with convolutions where the inputs have some. */
final class VaeNetwork extends Network {
  private static final int SIDE = 28;
  private static final int PIXELS = SIDE * SIDE;
  private static final int WINDOW = 4;
  private static final long[] STRIDE = {2, 2};
  private static final long[] PADDING = {1, 1};
  private static final long[] NO_PADDING = {0, 0};
  private static final long[] DILATION = {1, 1};
  private static final String MEAN = "mean";
  private static final String LOG_VARIANCE = "log_variance";

  private final Activation activation;
  private final boolean binarized;
  private final int levels;
  private final int hidden;
  private final int latent;

  /**
   * Takes the parameters.
   *
   * @param activation ReLU or the hyperbolic tangent
   * @param binarized whether each training sample is drawn from its gray values
   */
  VaeNetwork(Inputs inputs, MemoryFormat format, Activation activation, boolean binarized) {
    super(inputs, format);
    this.activation = activation;
    this.binarized = binarized;
    levels = count("encoder.convolution.", ".bias");
    hidden = count("encoder.", ".bias");
    addConvolutions("encoder");
    for (int i = 0; i < hidden; i++) {
      addLinear("encoder." + i);
    }
    addLinear(MEAN);
    addLinear(LOG_VARIANCE);
    for (int i = 0; i <= hidden; i++) {
      addLinear("decoder." + i);
    }
    addConvolutions("decoder");
    latent = size(MEAN + ".bias");
  }

  private void addConvolutions(String part) {
    for (int i = 0; i < levels; i++) {
      String layer = part + ".convolution." + i;
      // Of a transposed convolution, the filters are its input's channels.
      int filters =
          part.equals("encoder")
              ? size(layer + ".bias")
              : size(layer + ".filter") / (WINDOW * WINDOW * size(layer + ".bias"));
      addFilter(layer + ".filter", filters, WINDOW);
      addVector(layer + ".bias");
    }
  }

  @Override
  Tensor samples(float[] values) {
    int count = values.length / PIXELS;
    return levels == 0
        ? Tensors.of(values, count, PIXELS)
        : Tensors.images(values, new Images(count, SIDE, SIDE, 1)).contiguous(format());
  }

  @Override
  int latent() {
    return latent;
  }

  @Override
  Tensor drawn(Tensor x) {
    return binarized ? torch.bernoulli(x) : x;
  }

  private Tensor activate(Tensor x) {
    return activation.equals(Activation.RELU) ? x.relu_() : x.tanh_();
  }

  private Tensor features(Tensor images) {
    Tensor x = images;
    for (int i = 0; i < levels; i++) {
      String layer = "encoder.convolution." + i;
      x =
          activate(
              torch.conv2d(
                  x,
                  parameter(layer + ".filter"),
                  Tensors.optional(parameter(layer + ".bias")),
                  STRIDE,
                  PADDING,
                  DILATION,
                  1));
    }
    if (levels > 0) {
      x = Tensors.channelsLast(x).reshape(images.size(0), -1);
    }
    for (int i = 0; i < hidden; i++) {
      x = activate(linear(x, "encoder." + i));
    }
    return x;
  }

  /** The logits of images. */
  private Tensor decode(Tensor codes) {
    Tensor x = codes;
    for (int i = 0; i <= hidden; i++) {
      x = linear(x, "decoder." + i);
      if (i < hidden || levels > 0) {
        x = activate(x);
      }
    }
    if (levels == 0) {
      return x;
    }
    int side = SIDE >> levels;
    x = Tensors.channelsFirst(x.reshape(codes.size(0), side, side, -1)).contiguous(format());
    for (int i = 0; i < levels; i++) {
      String layer = "decoder.convolution." + i;
      x =
          torch.conv_transpose2d(
              x,
              parameter(layer + ".filter"),
              Tensors.optional(parameter(layer + ".bias")),
              STRIDE,
              PADDING,
              NO_PADDING,
              1,
              DILATION);
      if (i < levels - 1) {
        x = activate(x);
      }
    }
    return x;
  }

  @Override
  Tensor loss(Tensor x, Tensor labels, Tensor noise) {
    Tensor features = features(x);
    Tensor mean = linear(features, MEAN);
    Tensor logVariance = linear(features, LOG_VARIANCE);
    Tensor deviation = logVariance.mul(Tensors.scalar(0.5)).exp();
    Tensor logits = decode(torch.addcmul(mean, deviation, noise));
    return crossEntropy(logits, x).add(divergence(mean, logVariance));
  }

  /** From the standard Gaussian, averaged over samples. */
  private static Tensor divergence(Tensor mean, Tensor logVariance) {
    return logVariance
        .exp()
        .add(mean.square())
        .sub(logVariance)
        .sub(Tensors.scalar(1))
        .sum()
        .mul(Tensors.scalar(0.5 / mean.size(0)));
  }

  @Override
  Tensor answer(Tensor x) {
    return decode(linear(features(x), MEAN)).sigmoid_();
  }
}
