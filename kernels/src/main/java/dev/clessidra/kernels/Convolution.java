package dev.clessidra.kernels;

import java.util.Objects;

/**
 * The sizes of a convolution of images with {@code filters} filters, stored {@code [filters,
 * window.height, window.width, images.channels]}. The images may be the concatenation of two, which
 * are read, or their gradients written, where they lie.
 *
 * @param images what is convolved; of a transposed convolution, the result
 * @param filters how many filters, at least 1
 * @param window the filters' size and how they move
 * @param secondChannels how many of the images' channels, the last ones, lie in a second operand; 0
 *     where there is none
 * @param algorithm how results are computed, which decides about their last bits
 */
public record Convolution(
    Images images, int filters, Window window, int secondChannels, ConvolutionAlgorithm algorithm) {

  private static final long WINOGRAD_POINTS = 36;

  /**
   * Checks the sizes.
   *
   * @throws IllegalArgumentException if there is no filter, the window does not fit into the padded
   *     images, no channel is left for the first operand, or the algorithm does not fit the window
   */
  public Convolution {
    Objects.requireNonNull(images, "images");
    Objects.requireNonNull(window, "window");
    Objects.requireNonNull(algorithm, "algorithm");
    if (filters < 1) {
      throw new IllegalArgumentException(
          "Convolution has %d filters: expected at least 1.".formatted(filters));
    }
    window.over(images);
    if (secondChannels < 0 || secondChannels >= images.channels()) {
      throw new IllegalArgumentException(
          "Convolution has %d channels, %d of them in a second operand: expected 0 to %d."
              .formatted(images.channels(), secondChannels, images.channels() - 1));
    }
    if (!algorithm.fits(window)) {
      throw new IllegalArgumentException(
          ("Convolution by %s has taps of %d x %d, stride %d x %d, dilation %d x %d:"
                  + " expected 3 x 3, stride 1 and dilation 1.")
              .formatted(
                  algorithm,
                  window.height(),
                  window.width(),
                  window.strideHeight(),
                  window.strideWidth(),
                  window.dilationHeight(),
                  window.dilationWidth()));
    }
  }

  /** A convolution by the algorithm that its sizes ask for. */
  public Convolution(Images images, int filters, Window window, int secondChannels) {
    this(
        images,
        filters,
        window,
        secondChannels,
        ConvolutionAlgorithm.forSizes(images, filters, window));
  }

  /** A convolution of images in one operand. */
  public Convolution(Images images, int filters, Window window) {
    this(images, filters, window, 0);
  }

  /** Returns the sizes of the first operand, which has all images where there is no second. */
  public Images firstImages() {
    return images.withChannels(images.channels() - secondChannels);
  }

  /** Returns the sizes of the result; of a transposed convolution, of what it is made of. */
  public Images output() {
    return window.over(images).withChannels(filters);
  }

  /** Returns this convolution, computed another way. */
  public Convolution withAlgorithm(ConvolutionAlgorithm other) {
    return new Convolution(images, filters, window, secondChannels, other);
  }

  /**
   * Returns the number of elements of all filters.
   *
   * @throws ArithmeticException if a long cannot hold it
   */
  public long filterElements() {
    long taps = Math.multiplyExact((long) window.height(), window.width());
    return Math.multiplyExact(Math.multiplyExact(taps, images.channels()), filters);
  }

  /** Returns the floats of workspace that {@link Kernels#conv2dBackwardFilter} needs. */
  public long backwardFilterWorkspace() {
    if (algorithm == ConvolutionAlgorithm.WINOGRAD) {
      long pairs = Math.multiplyExact((long) filters, images.channels());
      Images output = output();
      long tiles =
          ConvolutionAlgorithm.winogradTiles(output.count(), output.height(), output.width());
      long chunks = Math.ceilDiv(tiles, tilesPerChunk(tiles, pairs));
      return Math.multiplyExact(chunks, Math.multiplyExact(WINOGRAD_POINTS, pairs));
    }
    long pixels = output().pixels();
    long elements = filterElements();
    long chunks = Math.ceilDiv(pixels, pixelsPerChunk(pixels, elements));
    return Math.multiplyExact(chunks, elements);
  }

  /** Tiles of a chunk of the filter's gradient, as {@code convolution.h} has it. */
  static long tilesPerChunk(long tiles, long pairs) {
    long chunks = Math.clamp((1L << 22) / (WINOGRAD_POINTS * pairs), 1, 256);
    return Math.max(128, Math.ceilDiv(tiles, chunks));
  }

  /** Output pixels of a chunk of the filter's gradient, as {@code convolution.h} has it. */
  static long pixelsPerChunk(long pixels, long elements) {
    long chunks = Math.clamp((1L << 22) / elements, 1, 256);
    return Math.max(256, Math.ceilDiv(pixels, chunks));
  }
}
