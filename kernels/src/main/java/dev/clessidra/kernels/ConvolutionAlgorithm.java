package dev.clessidra.kernels;

import java.util.Locale;

/**
 * How a convolution, and its gradients, are computed. Each way is one sequence of roundings that
 * all devices follow; between the two results differ by some units of the last place.
 */
public enum ConvolutionAlgorithm {
  /** As sums of products over the taps and channels. */
  DIRECT(0),
  /**
   * Winograd's minimal filtering F(4 x 4, 3 x 3) (Lavin and Gray, "Fast algorithms for
   * convolutional neural networks", CVPR 2016) at the points 0, ±3/4, ±3/2 and infinity: a quarter
   * of the multiplications, about twice the rounding error of the direct sums. For 3 x 3 taps,
   * stride 1 and dilation 1. An infinity or NaN that a tile of 4 x 4 results reads can make NaNs of
   * all of them.
   */
  WINOGRAD(1);

  /** Fewer channels or filters than this do not pay for the transforms. */
  private static final int FEWEST_CHANNELS = 8;

  private static final int TILE = 4;

  private final int code;

  ConvolutionAlgorithm(int code) {
    this.code = code;
  }

  /** Returns the algorithm's number in the C header. */
  public int code() {
    return code;
  }

  /** Returns whether convolutions with such a window can be computed so. */
  public boolean fits(Window window) {
    return this == DIRECT
        || (window.height() == 3
            && window.width() == 3
            && window.strideHeight() == 1
            && window.strideWidth() == 1
            && window.dilationHeight() == 1
            && window.dilationWidth() == 1);
  }

  /**
   * Returns the algorithm that is used unless one is asked for: {@link #WINOGRAD} where it fits,
   * with at least 8 channels and 8 filters, on images and results that fill at least half of the
   * pixels of the 4 x 4 tiles that cover them. It depends on the sizes of one image alone, so that
   * an image's result is the same in any batch and on any device.
   *
   * @throws IllegalArgumentException if the window does not fit into the padded images
   */
  public static ConvolutionAlgorithm forSizes(Images images, int filters, Window window) {
    return WINOGRAD.fits(window)
            && images.channels() >= FEWEST_CHANNELS
            && filters >= FEWEST_CHANNELS
            && fillsTiles(images)
            && fillsTiles(window.over(images))
        ? WINOGRAD
        : DIRECT;
  }

  /** For example {@code winograd}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }

  private static boolean fillsTiles(Images images) {
    long covered = TILE * TILE * winogradTiles(1, images.height(), images.width());
    return covered <= 2L * images.height() * images.width();
  }

  /** Tiles of 4 x 4 pixels that cover images of these sizes. */
  static long winogradTiles(int images, int height, int width) {
    long down = Math.ceilDiv(height, TILE);
    return images * down * Math.ceilDiv(width, TILE);
  }
}
