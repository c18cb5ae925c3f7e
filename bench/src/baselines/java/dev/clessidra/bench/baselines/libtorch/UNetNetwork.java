package dev.clessidra.bench.baselines.libtorch;

import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.TrainedModel;
import dev.clessidra.kernels.Images;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;

/**
 * A U-Net with batch normalisation, transposed convolutions and cross-entropy, of gray images of
 * 256 x 256.
 */
final class UNetNetwork extends Network {
  private static final int SIDE = 256;
  private static final int PIXELS = SIDE * SIDE;
  private static final double MOMENTUM = 0.1;
  private static final double EPSILON = 1e-5;
  private static final int CHANNELS = 1;
  private static final long[] ONE = {1, 1};
  private static final long[] NONE = {0, 0};
  private static final long[] TWO = {2, 2};

  private final int depth;

  UNetNetwork(Inputs inputs, MemoryFormat format) {
    super(inputs, format);
    depth = count("encoder.", ".0.weight");
    for (int level = 0; level < depth; level++) {
      addBlock("encoder." + level);
    }
    addBlock("bottom");
    for (int level = depth - 1; level >= 0; level--) {
      String up = "decoder." + level + ".up";
      int channels = size(up + ".bias");
      addFilter(up + ".weight", size(up + ".weight") / (2 * 2 * channels), 2);
      addVector(up + ".bias");
      addBlock("decoder." + level);
    }
    addFilter("output.weight", size("output.bias"), 1);
    addVector("output.bias");
  }

  private void addBlock(String name) {
    for (int i = 0; i < 2; i++) {
      String layer = name + "." + i;
      addFilter(layer + ".weight", size(layer + ".scale"), 3);
      addVector(layer + ".scale");
      addVector(layer + ".shift");
      addConstant(layer + ".running_mean");
      addConstant(layer + ".running_variance");
    }
  }

  @Override
  Tensor samples(float[] values) {
    return Tensors.images(values, new Images(values.length / PIXELS, SIDE, SIDE, 1))
        .contiguous(format());
  }

  @Override
  Tensor labels() {
    int[] labels = inputs().integers(TrainedModel.LABELS);
    return Tensors.of(labels, labels.length / PIXELS, SIDE, SIDE);
  }

  /** Convolution, normalisation, ReLU. */
  private Tensor layer(Tensor x, String name, boolean training) {
    Tensor y = torch.conv2d(x, parameter(name + ".weight"), Tensors.none(), ONE, ONE, ONE, 1);
    return torch
        .batch_norm(
            y,
            Tensors.optional(parameter(name + ".scale")),
            Tensors.optional(parameter(name + ".shift")),
            Tensors.optional(parameter(name + ".running_mean")),
            Tensors.optional(parameter(name + ".running_variance")),
            training,
            MOMENTUM,
            EPSILON,
            false)
        .relu_();
  }

  private Tensor block(Tensor x, String name, boolean training) {
    return layer(layer(x, name + ".0", training), name + ".1", training);
  }

  private Tensor logits(Tensor images, boolean training) {
    Tensor[] skipped = new Tensor[depth];
    Tensor x = images;
    for (int level = 0; level < depth; level++) {
      skipped[level] = block(x, "encoder." + level, training);
      x = torch.max_pool2d(skipped[level], TWO, TWO, NONE, ONE, false);
    }
    x = block(x, "bottom", training);
    for (int level = depth - 1; level >= 0; level--) {
      String up = "decoder." + level + ".up";
      Tensor larger =
          torch.conv_transpose2d(
              x,
              parameter(up + ".weight"),
              Tensors.optional(parameter(up + ".bias")),
              TWO,
              NONE,
              NONE,
              1,
              ONE);
      Tensor both = torch.cat(new TensorVector(skipped[level], larger), CHANNELS);
      x = block(both, "decoder." + level, training);
    }
    return torch.conv2d(
        x,
        parameter("output.weight"),
        Tensors.optional(parameter("output.bias")),
        ONE,
        NONE,
        ONE,
        1);
  }

  @Override
  Tensor loss(Tensor x, Tensor labels, Tensor noise) {
    return torch.cross_entropy_loss(logits(x, true), labels);
  }

  @Override
  Tensor answer(Tensor x) {
    return Tensors.channelsLast(torch.softmax(logits(x, false), CHANNELS));
  }
}
