package dev.clessidra.bench;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.AdamOptions;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.ElementType;
import dev.clessidra.kernels.Kernels;
import dev.clessidra.kernels.Reduction;
import dev.clessidra.kernels.RowSource;
import dev.clessidra.kernels.Schedule;

/**
 * Kernels that memory limits, in the sizes of the deep autoencoder 784-1000-500-250-30 with a batch
 * of 256.
 */
public enum MemoryBoundKernel {
  /** Adam on all 2,837,314 parameters. */
  ADAM,
  /** The gradient of ReLU on the first layer's 256 x 1000 outputs. */
  ACTIVATION_BACKWARD,
  /** The gradient of the first layer's bias: the columns of 256 x 1000 added up. */
  COLUMN_SUM,
  /** A shuffled batch of 256 out of 60,000 images of 784 bytes, as floats. */
  GATHER_ROWS;

  private static final int PARAMETERS = 2_837_314;
  private static final int BATCH = 256;
  private static final int WIDTH = 1000;
  private static final int IMAGES = 60_000;
  private static final int PIXELS = 784;

  KernelWorkload on(Device device) {
    Operands operands = new Operands(device);
    Kernels kernels = device.kernels();
    return switch (this) {
      case ADAM -> adam(device, kernels, operands);
      case ACTIVATION_BACKWARD -> activationBackward(device, kernels, operands);
      case COLUMN_SUM -> columnSum(device, kernels, operands);
      case GATHER_ROWS -> gatherRows(device, kernels, operands);
    };
  }

  private static KernelWorkload adam(Device device, Kernels kernels, Operands operands) {
    Buffer parameters = operands.uniform("parameters", PARAMETERS);
    Buffer gradients = operands.uniform("gradients", PARAMETERS);
    Buffer firstMoment = operands.uniform("first moment", PARAMETERS);
    Buffer secondMoment = operands.uniform("second moment", PARAMETERS, 0, 1);
    AdamOptions options = new AdamOptions(0.9f, 0.999f, 1e-8f, 0, false);
    kernels.schedule(operands.state(), Schedule.constant(1e-3).withBetas(0.9, 0.999));
    return new KernelWorkload(
        device,
        operands,
        () ->
            kernels.adam(
                parameters,
                gradients,
                firstMoment,
                secondMoment,
                operands.state(),
                PARAMETERS,
                options),
        parameters,
        0,
        7.0 * Float.BYTES * PARAMETERS);
  }

  private static KernelWorkload activationBackward(
      Device device, Kernels kernels, Operands operands) {
    int count = BATCH * WIDTH;
    Buffer outputGradient = operands.uniform("output gradient", count);
    Buffer output = operands.uniform("output", count);
    Buffer inputGradient = operands.results("input gradient", count);
    return new KernelWorkload(
        device,
        operands,
        () ->
            kernels.activationBackward(
                outputGradient, output, inputGradient, count, Activation.RELU, 0),
        inputGradient,
        0,
        3.0 * Float.BYTES * count);
  }

  private static KernelWorkload columnSum(Device device, Kernels kernels, Operands operands) {
    Buffer gradient = operands.uniform("gradient", BATCH * WIDTH);
    Buffer sums = operands.results("sums", WIDTH);
    Buffer workspace = operands.results("workspace", Kernels.reduceColumnsWorkspace(BATCH, WIDTH));
    return new KernelWorkload(
        device,
        operands,
        () -> kernels.reduceColumns(Reduction.SUM, gradient, sums, workspace, BATCH, WIDTH, 1, 0),
        sums,
        0,
        Float.BYTES * (BATCH + 1.0) * WIDTH);
  }

  private static KernelWorkload gatherRows(Device device, Kernels kernels, Operands operands) {
    Buffer images = operands.bytes("images", IMAGES * PIXELS);
    RowSource source = new RowSource(images, ElementType.UINT8, IMAGES, PIXELS);
    Buffer batch = operands.results("batch", BATCH * PIXELS);
    return new KernelWorkload(
        device,
        operands,
        () -> {
          kernels.gatherRows(source, batch, BATCH, operands.state(), true, 1);
          // The same rows again would come out of a cache.
          kernels.advance(operands.state());
        },
        batch,
        0,
        (1.0 + Float.BYTES) * BATCH * PIXELS);
  }

  /** For example {@code adam}. */
  @Override
  public String toString() {
    return switch (this) {
      case ADAM -> "adam";
      case ACTIVATION_BACKWARD -> "activation backward";
      case COLUMN_SUM -> "column sum";
      case GATHER_ROWS -> "gather rows";
    };
  }
}
