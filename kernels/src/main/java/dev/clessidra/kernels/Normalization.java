package dev.clessidra.kernels;

/**
 * How elements [images, rows, columns] are normalised: in groups of {@code columns / groups}
 * adjacent columns of an image, each with a mean and a variance of its own.
 *
 * @param images how many images, 0 or more
 * @param rows of an image: its pixels
 * @param columns of a row: the channels, at least 1
 * @param groups of columns, a divisor of {@code columns}
 * @param epsilon added to the variance, above 0
 */
public record Normalization(int images, long rows, int columns, int groups, float epsilon) {

  /**
   * Checks the sizes.
   *
   * @throws IllegalArgumentException if one is too small, or groups does not divide columns
   */
  public Normalization {
    if (images < 0 || rows < 0 || columns < 1) {
      throw new IllegalArgumentException(
          "Normalization is of [%d, %d, %d]: expected at least one column."
              .formatted(images, rows, columns));
    }
    if (groups < 1 || columns % groups != 0) {
      throw new IllegalArgumentException(
          "Normalization has %d groups of %d columns: expected a divisor of the columns."
              .formatted(groups, columns));
    }
    if (!(epsilon > 0 && epsilon < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "Normalization has epsilon %s: expected a number above 0.".formatted(epsilon));
    }
  }

  /** Batch normalisation (Ioffe and Szegedy 2015): each column over the rows of all images. */
  public static Normalization batch(long rows, int columns, float epsilon) {
    return new Normalization(1, rows, columns, columns, epsilon);
  }

  /** Group normalisation (Wu and He 2018): each group of channels of each image. */
  public static Normalization group(Images images, int groups, float epsilon) {
    return new Normalization(
        images.count(),
        (long) images.height() * images.width(),
        images.channels(),
        groups,
        epsilon);
  }

  /** Returns the number of elements. */
  public long elements() {
    return Math.multiplyExact(Math.multiplyExact(images, rows), (long) columns);
  }

  /** Returns the number of means, and of variances. */
  public long statistics() {
    return (long) images * groups;
  }

  /** Returns the floats of workspace that {@link Kernels#normalizeStatistics} needs. */
  public long statisticsWorkspace() {
    return Kernels.columnSumsWorkspace(images, rows, columns);
  }

  /** Returns the floats of workspace that {@link Kernels#normalizeBackwardStatistics} needs. */
  public long backwardWorkspace() {
    return Math.multiplyExact(2, statisticsWorkspace());
  }
}
