package dev.clessidra.bench.work;

import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Kernel;
import dev.clessidra.kernels.Window;

/**
 * A two-dimensional transposed convolution without bias: the adjoint of a convolution from its
 * output to its images.
 *
 * <p>Inputs by direction: {@link Direction#FORWARD} {@code x} and {@code filter}, giving y; {@link
 * Direction#DATA} {@code dy} and {@code filter}, giving dx; {@link Direction#FILTER} {@code x} and
 * {@code dy}, giving the filter's gradient. The filter is {@code [input channels, R, S, output
 * channels]}.
 *
 * @param images the sizes of x
 * @param outputChannels the channels of y
 * @param window size, stride and padding; y has {@code (size - 1) * stride + window - 2 * padding}
 *     rows and columns
 */
public record ConvTranspose2d(Direction direction, Images images, int outputChannels, Window window)
    implements KernelWork {
  /** The family's name. */
  public static final String FAMILY = "conv-transpose2d";

  /** The sizes of y. */
  public Images output() {
    return window.under(images).withChannels(outputChannels);
  }

  /** The convolution from y to x whose adjoint this is. */
  public Convolution adjoint() {
    return new Convolution(output(), images.channels(), window);
  }

  @Override
  public String label() {
    return Names.convolution(FAMILY, images, outputChannels, window, direction.toString());
  }

  @Override
  public String family() {
    return FAMILY;
  }

  @Override
  public Kernel kernel() {
    return switch (direction) {
      case FORWARD -> Kernel.CONV2D_BACKWARD_DATA;
      case DATA -> Kernel.CONV2D;
      case FILTER -> Kernel.CONV2D_BACKWARD_FILTER;
    };
  }

  @Override
  public double operations() {
    return Conv2d.operations(adjoint());
  }

  @Override
  public double bytes() {
    return Conv2d.bytes(adjoint());
  }

  @Override
  public Inputs inputs() {
    Inputs.Builder inputs = Inputs.builder();
    if (direction != Direction.DATA) {
      inputs.uniform("x", images.elements());
    }
    if (direction != Direction.FILTER) {
      inputs.uniform("filter", adjoint().filterElements());
    }
    if (direction != Direction.FORWARD) {
      inputs.uniform("dy", output().elements());
    }
    return inputs.build();
  }

  @Override
  public int resultSize() {
    return Math.toIntExact(
        switch (direction) {
          case FORWARD -> output().elements();
          case DATA -> images.elements();
          case FILTER -> adjoint().filterElements();
        });
  }

  @Override
  public Implementation on(Operands operands) {
    return switch (direction) {
      case FORWARD -> Conv2d.data(operands, adjoint(), "x", "filter");
      case DATA -> Conv2d.forward(operands, adjoint(), "dy", "filter");
      case FILTER -> Conv2d.filter(operands, adjoint(), "dy", "x");
    };
  }
}
