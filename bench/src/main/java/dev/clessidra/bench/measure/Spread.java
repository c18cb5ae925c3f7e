package dev.clessidra.bench.measure;

import java.util.Arrays;

/**
 * The median and the quartiles of a figure over the rounds of a measurement, interpolated linearly
 * between order statistics (Hyndman and Fan 1996, definition 7).
 *
 * @param rounds how many values these are of
 */
public record Spread(double lowerQuartile, double median, double upperQuartile, int rounds) {
  /** Of McGill, Tukey and Larsen 1978: where such intervals do not overlap, medians differ. */
  private static final double NOTCH = 1.57;

  /**
   * Returns the spread of at least one value.
   *
   * @throws IllegalArgumentException if there are none
   */
  public static Spread of(double[] values) {
    if (values.length == 0) {
      throw new IllegalArgumentException("Spread of no values: expected at least one.");
    }
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return new Spread(
        quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75), sorted.length);
  }

  private static double quantile(double[] sorted, double share) {
    double position = share * (sorted.length - 1);
    int below = (int) position;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
  }

  /**
   * Half the width of the interval about the median in which it would lie again: 1.57 times the
   * distance of the quartiles, divided by the square root of the rounds (McGill, Tukey and Larsen,
   * "Variations of Box Plots", 1978).
   */
  public double notch() {
    return NOTCH * (upperQuartile - lowerQuartile) / Math.sqrt(rounds);
  }

  /** Returns the spread of all values times a positive factor. */
  public Spread times(double factor) {
    return new Spread(lowerQuartile * factor, median * factor, upperQuartile * factor, rounds);
  }

  /** Returns the spread of a positive amount divided by each value, such as a rate of times. */
  public Spread dividing(double amount) {
    return new Spread(amount / upperQuartile, amount / median, amount / lowerQuartile, rounds);
  }
}
