package dev.clessidra.bench.work;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.ConvolutionAlgorithm;
import dev.clessidra.kernels.Kernel;

/**
 * A two-dimensional convolution without bias, {@code y = x * filter}.
 *
 * <p>Inputs by direction: {@link Direction#FORWARD} {@code x} and {@code filter}, giving y; {@link
 * Direction#DATA} {@code dy} and {@code filter}, giving dx; {@link Direction#FILTER} {@code x} and
 * {@code dy}, giving the filter's gradient.
 *
 * @param convolution the sizes of x, the number of filters, and the window
 */
public record Conv2d(Direction direction, Convolution convolution) implements KernelWork {
  /** The family's name. */
  public static final String FAMILY = "conv2d";

  /** Names the algorithm where it is not the one that the sizes ask for. */
  @Override
  public String label() {
    String label =
        Names.convolution(
            FAMILY,
            convolution.images(),
            convolution.filters(),
            convolution.window(),
            direction.toString());
    ConvolutionAlgorithm usual =
        ConvolutionAlgorithm.forSizes(
            convolution.images(), convolution.filters(), convolution.window());
    return convolution.algorithm() == usual ? label : label + " " + convolution.algorithm();
  }

  @Override
  public String family() {
    return FAMILY;
  }

  @Override
  public Kernel kernel() {
    return switch (direction) {
      case FORWARD -> Kernel.CONV2D;
      case DATA -> Kernel.CONV2D_BACKWARD_DATA;
      case FILTER -> Kernel.CONV2D_BACKWARD_FILTER;
    };
  }

  /** The operations of the direct sums, whatever the algorithm. */
  @Override
  public double operations() {
    return operations(convolution);
  }

  static double operations(Convolution convolution) {
    return 2.0 * convolution.output().pixels() * convolution.filterElements();
  }

  @Override
  public double bytes() {
    return bytes(convolution);
  }

  static double bytes(Convolution convolution) {
    return (double) Float.BYTES
        * (convolution.images().elements()
            + convolution.filterElements()
            + convolution.output().elements());
  }

  @Override
  public Inputs inputs() {
    Inputs.Builder inputs = Inputs.builder();
    if (direction != Direction.DATA) {
      inputs.uniform("x", convolution.images().elements());
    }
    if (direction != Direction.FILTER) {
      inputs.uniform("filter", convolution.filterElements());
    }
    if (direction != Direction.FORWARD) {
      inputs.uniform("dy", convolution.output().elements());
    }
    return inputs.build();
  }

  @Override
  public int resultSize() {
    return Math.toIntExact(
        switch (direction) {
          case FORWARD -> convolution.output().elements();
          case DATA -> convolution.images().elements();
          case FILTER -> convolution.filterElements();
        });
  }

  @Override
  public Implementation on(Operands operands) {
    return switch (direction) {
      case FORWARD -> forward(operands, convolution, "x", "filter");
      case DATA -> data(operands, convolution, "dy", "filter");
      case FILTER -> filter(operands, convolution, "x", "dy");
    };
  }

  static Implementation forward(
      Operands operands, Convolution convolution, String image, String filters) {
    Buffer x = operands.input(image);
    Buffer filter = operands.input(filters);
    Buffer y = operands.results("y", convolution.output().elements());
    return operands.launching(
        y,
        () -> operands.kernels().conv2d(convolution, x, filter, null, y, Activation.IDENTITY, 0));
  }

  static Implementation data(
      Operands operands, Convolution convolution, String gradient, String filters) {
    Buffer dy = operands.input(gradient);
    Buffer filter = operands.input(filters);
    Buffer dx = operands.results("dx", convolution.images().elements());
    return operands.launching(
        dx,
        () ->
            operands
                .kernels()
                .conv2dBackwardData(convolution, dy, filter, null, dx, Activation.IDENTITY, 0));
  }

  static Implementation filter(
      Operands operands, Convolution convolution, String image, String gradient) {
    Buffer x = operands.input(image);
    Buffer dy = operands.input(gradient);
    Buffer filterGradient = operands.results("filter gradient", convolution.filterElements());
    Buffer workspace = operands.results("workspace", convolution.backwardFilterWorkspace());
    return operands.launching(
        filterGradient,
        () ->
            operands
                .kernels()
                .conv2dBackwardFilter(convolution, x, dy, filterGradient, workspace, 0));
  }
}
