package dev.clessidra.kernels;

/**
 * What slides over an image in a convolution or a pooling: its size, how far it moves, how far it
 * may stand over the image's edges, and how far apart its elements read.
 *
 * @param height rows, at least 1
 * @param width columns, at least 1
 * @param strideHeight rows from one position to the next, at least 1
 * @param strideWidth columns from one position to the next, at least 1
 * @param paddingHeight rows above and below the image that the window may cover, 0 or more
 * @param paddingWidth columns left and right of it, 0 or more
 * @param dilationHeight rows of the image from one row of the window to the next, at least 1
 * @param dilationWidth columns of the image from one column of the window to the next, at least 1
 */
public record Window(
    int height,
    int width,
    int strideHeight,
    int strideWidth,
    int paddingHeight,
    int paddingWidth,
    int dilationHeight,
    int dilationWidth) {

  /**
   * Checks the sizes.
   *
   * @throws IllegalArgumentException if one is too small
   */
  public Window {
    if (height < 1
        || width < 1
        || strideHeight < 1
        || strideWidth < 1
        || paddingHeight < 0
        || paddingWidth < 0
        || dilationHeight < 1
        || dilationWidth < 1) {
      throw new IllegalArgumentException(
          ("Window is %d x %d, stride %d x %d, padding %d x %d, dilation %d x %d: expected a"
                  + " padding of 0 or more and all else at least 1.")
              .formatted(
                  height,
                  width,
                  strideHeight,
                  strideWidth,
                  paddingHeight,
                  paddingWidth,
                  dilationHeight,
                  dilationWidth));
    }
  }

  /** Returns a window of {@code height x width} that moves by 1, without padding. */
  public static Window of(int height, int width) {
    return new Window(height, width, 1, 1, 0, 0, 1, 1);
  }

  /** Returns a window of {@code size x size} that moves by 1, without padding. */
  public static Window square(int size) {
    return of(size, size);
  }

  /** Returns the window with a stride, in both directions. */
  public Window withStride(int stride) {
    return new Window(
        height, width, stride, stride, paddingHeight, paddingWidth, dilationHeight, dilationWidth);
  }

  /** Returns the window with a padding, in both directions. */
  public Window withPadding(int padding) {
    return new Window(
        height, width, strideHeight, strideWidth, padding, padding, dilationHeight, dilationWidth);
  }

  /** Returns the window with a dilation, in both directions. */
  public Window withDilation(int dilation) {
    return new Window(
        height, width, strideHeight, strideWidth, paddingHeight, paddingWidth, dilation, dilation);
  }

  /**
   * Returns the sizes of what the window gives of images, with as many channels: along a dimension
   * {@code (size + 2 * padding - dilation * (window - 1) - 1) / stride + 1}, rounded down.
   *
   * @throws IllegalArgumentException if the window does not fit into the padded images
   */
  public Images over(Images images) {
    return images.resized(
        positions("height", images.height(), height, strideHeight, paddingHeight, dilationHeight),
        positions("width", images.width(), width, strideWidth, paddingWidth, dilationWidth));
  }

  /**
   * Returns the size along a dimension of the smallest image of which {@link #over} gives {@code
   * positions}, which is what a transposed convolution makes of so many.
   */
  private static int covered(
      String dimension, int positions, int window, int stride, int padding, int dilation) {
    long size = (long) (positions - 1) * stride + (long) dilation * (window - 1) + 1 - 2L * padding;
    if (size < 1 || size > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "Window covers a %s of %d less the padding: expected at least 1."
              .formatted(dimension, size));
    }
    return (int) size;
  }

  /**
   * Returns the sizes of the smallest images of which {@link #over} gives the sizes of these, with
   * as many channels: along a dimension {@code (size - 1) * stride + dilation * (window - 1) + 1 -
   * 2 * padding}.
   *
   * @throws IllegalArgumentException if nothing is left within the padding
   */
  public Images under(Images images) {
    return images.resized(
        covered("height", images.height(), height, strideHeight, paddingHeight, dilationHeight),
        covered("width", images.width(), width, strideWidth, paddingWidth, dilationWidth));
  }

  private static int positions(
      String dimension, int size, int window, int stride, int padding, int dilation) {
    long padded = size + 2L * padding;
    long spanned = (long) dilation * (window - 1) + 1;
    if (spanned > padded) {
      throw new IllegalArgumentException(
          "Window spans a %s of %d pixels: expected at most the %d of the padded image."
              .formatted(dimension, spanned, padded));
    }
    return Math.toIntExact((padded - spanned) / stride + 1);
  }
}
