package dev.clessidra.bench;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Window;

/**
 * The convolutions that are timed: those of a U-Net of base width 32 on four images of 128 x 128,
 * and those of a convolutional variational autoencoder on 128 images of 28 x 28.
 */
// A record of records and numbers is immutable; Error Prone cannot see it.
@SuppressWarnings("ImmutableEnumChecker")
public enum ConvolutionLayer {
  /** 3 x 3 on the only channel of the image, 32 filters. */
  UNET_FIRST(4, 128, 1, 32, Window.square(3).withPadding(1)),
  /** 3 x 3, 32 channels to as many. */
  UNET_32(4, 128, 32, 32, Window.square(3).withPadding(1)),
  /** 3 x 3, 64 channels to as many. */
  UNET_64(4, 64, 64, 64, Window.square(3).withPadding(1)),
  /** 3 x 3, 128 channels to as many. */
  UNET_128(4, 32, 128, 128, Window.square(3).withPadding(1)),
  /** 2 x 2 with stride 2: backward for the data it is the up-convolution of 128 channels to 64. */
  UNET_UP(4, 64, 64, 128, Window.square(2).withStride(2)),
  /** 1 x 1, 32 channels to two classes. */
  UNET_LAST(4, 128, 32, 2, Window.square(1)),
  /** 4 x 4 with stride 2 on the only channel of the image, 32 filters. */
  VAE_FIRST(128, 28, 1, 32, Window.square(4).withStride(2).withPadding(1)),
  /** 4 x 4 with stride 2, 32 channels to 64. */
  VAE_SECOND(128, 14, 32, 64, Window.square(4).withStride(2).withPadding(1));

  /** What is computed. */
  public enum Direction {
    /** The output. */
    FORWARD,
    /** The gradient of the images, or a transposed convolution. */
    BACKWARD_DATA,
    /** The gradient of the filters. */
    BACKWARD_FILTER
  }

  private final Convolution convolution;

  ConvolutionLayer(int count, int size, int channels, int filters, Window window) {
    convolution = new Convolution(new Images(count, size, size, channels), filters, window);
  }

  Convolution convolution() {
    return convolution;
  }

  KernelWorkload on(Device device, Direction direction) {
    Operands operands = new Operands(device);
    long images = convolution.images().elements();
    long outputs = convolution.output().elements();
    long filters = convolution.filterElements();
    double operations = 2.0 * convolution.output().pixels() * filters;
    return switch (direction) {
      case FORWARD -> {
        Buffer x = operands.uniform("x", images);
        Buffer filter = operands.uniform("filter", filters);
        Buffer y = operands.results("y", outputs);
        yield new KernelWorkload(
            device,
            operands,
            () -> device.kernels().conv2d(convolution, x, filter, null, y, Activation.IDENTITY, 0),
            y,
            operations,
            0);
      }
      case BACKWARD_DATA -> {
        Buffer dy = operands.uniform("dy", outputs);
        Buffer filter = operands.uniform("filter", filters);
        Buffer dx = operands.results("dx", images);
        yield new KernelWorkload(
            device,
            operands,
            () ->
                device
                    .kernels()
                    .conv2dBackwardData(convolution, dy, filter, null, dx, Activation.IDENTITY, 0),
            dx,
            operations,
            0);
      }
      case BACKWARD_FILTER -> {
        Buffer x = operands.uniform("x", images);
        Buffer dy = operands.uniform("dy", outputs);
        Buffer gradient = operands.results("filter gradient", filters);
        Buffer workspace = operands.results("workspace", convolution.backwardFilterWorkspace());
        yield new KernelWorkload(
            device,
            operands,
            () -> device.kernels().conv2dBackwardFilter(convolution, x, dy, gradient, workspace, 0),
            gradient,
            operations,
            0);
      }
    };
  }
}
