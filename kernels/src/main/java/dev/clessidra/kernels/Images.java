package dev.clessidra.kernels;

/**
 * The sizes of a batch of images, stored {@code [count, height, width, channels]}.
 *
 * @param count how many images, 0 or more
 * @param height rows of pixels, at least 1
 * @param width columns of pixels, at least 1
 * @param channels of a pixel, at least 1
 */
public record Images(int count, int height, int width, int channels) {

  /**
   * Checks the sizes.
   *
   * @throws IllegalArgumentException if a size is too small, or an image has more than 2147483647
   *     pixels
   */
  public Images {
    if (count < 0 || height < 1 || width < 1 || channels < 1) {
      throw new IllegalArgumentException(
          "Images are [%d, %d, %d, %d]: expected a height, width and channels of at least 1."
              .formatted(count, height, width, channels));
    }
    if ((long) height * width > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "Images are of %d x %d pixels: expected at most 2147483647 pixels."
              .formatted(height, width));
    }
  }

  /** Returns the number of pixels of all images. */
  public long pixels() {
    return (long) count * height * width;
  }

  /**
   * Returns the number of elements of all images.
   *
   * @throws ArithmeticException if a long cannot hold it
   */
  public long elements() {
    return Math.multiplyExact(pixels(), channels);
  }

  /** Returns the sizes of as many images with another number of channels. */
  public Images withChannels(int newChannels) {
    return new Images(count, height, width, newChannels);
  }

  /** Returns the sizes of as many images with another height and width. */
  public Images resized(int newHeight, int newWidth) {
    return new Images(count, newHeight, newWidth, channels);
  }
}
