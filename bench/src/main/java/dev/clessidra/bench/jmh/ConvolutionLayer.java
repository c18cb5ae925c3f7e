package dev.clessidra.bench.jmh;

import dev.clessidra.bench.work.Conv2d;
import dev.clessidra.bench.work.ConvTranspose2d;
import dev.clessidra.bench.work.Direction;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Window;

/**
 * The convolutions that are timed: those of a U-Net of base width 16 on two images of 256 x 256, of
 * a convolutional variational autoencoder on 128 images of 28 x 28, and generic ones.
 */
// A record of records and numbers is immutable; Error Prone cannot see it.
@SuppressWarnings("ImmutableEnumChecker")
public enum ConvolutionLayer {
  /** 3 x 3 on the only channel of the image, 16 filters. */
  UNET_FIRST(new Images(2, 256, 256, 1), 16, Window.square(3).withPadding(1)),
  /** 3 x 3, 16 channels to as many. */
  UNET_16(new Images(2, 256, 256, 16), 16, Window.square(3).withPadding(1)),
  /** 3 x 3, 32 channels to as many. */
  UNET_32(new Images(2, 128, 128, 32), 32, Window.square(3).withPadding(1)),
  /** 3 x 3, 64 channels to as many. */
  UNET_64(new Images(2, 64, 64, 64), 64, Window.square(3).withPadding(1)),
  /** 3 x 3, 128 channels to as many. */
  UNET_128(new Images(2, 32, 32, 128), 128, Window.square(3).withPadding(1)),
  /** 3 x 3, 256 channels to as many. */
  UNET_256(new Images(2, 16, 16, 256), 256, Window.square(3).withPadding(1)),
  /** 3 x 3 on a concatenation, 64 channels to 32. */
  UNET_CONCATENATED(new Images(2, 128, 128, 64), 32, Window.square(3).withPadding(1)),
  /** 1 x 1, 16 channels to two classes. */
  UNET_LAST(new Images(2, 256, 256, 16), 2, Window.square(1)),
  /** 4 x 4 with stride 2 on the only channel of the image, 32 filters. */
  VAE_FIRST(new Images(128, 28, 28, 1), 32, Window.square(4).withStride(2).withPadding(1)),
  /** 4 x 4 with stride 2, 32 channels to 64. */
  VAE_SECOND(new Images(128, 14, 14, 32), 64, Window.square(4).withStride(2).withPadding(1)),
  /** 3 x 3, 64 channels to as many, on eight images of 64 x 64. */
  GENERIC_3(new Images(8, 64, 64, 64), 64, Window.square(3).withPadding(1)),
  /** 5 x 5 with stride 2, 32 channels to 64, on eight images of 64 x 64. */
  GENERIC_5(new Images(8, 64, 64, 32), 64, Window.square(5).withStride(2).withPadding(2)),
  /** 1 x 1, 256 channels to 64, on eight images of 32 x 32. */
  GENERIC_1(new Images(8, 32, 32, 256), 64, Window.square(1)),
  /** Transposed, 2 x 2 with stride 2, 128 channels to 64. */
  UNET_UP(new Images(2, 32, 32, 128), 64, Window.square(2).withStride(2)) {
    @Override
    Work work(Direction direction) {
      return transposed(direction);
    }
  },
  /** Transposed, 4 x 4 with stride 2, 64 channels to 32. */
  VAE_UP(new Images(128, 7, 7, 64), 32, Window.square(4).withStride(2).withPadding(1)) {
    @Override
    Work work(Direction direction) {
      return transposed(direction);
    }
  };

  private final Images images;
  private final int channels;
  private final Window window;

  ConvolutionLayer(Images images, int channels, Window window) {
    this.images = images;
    this.channels = channels;
    this.window = window;
  }

  Work work(Direction direction) {
    return new Conv2d(direction, new Convolution(images, channels, window));
  }

  Work transposed(Direction direction) {
    return new ConvTranspose2d(direction, images, channels, window);
  }
}
