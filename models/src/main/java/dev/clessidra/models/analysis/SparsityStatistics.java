package dev.clessidra.models.analysis;

import java.util.Locale;
import java.util.Objects;

/**
 * How sparse a code is, over a set of samples.
 *
 * <p>Sparsity is measured from 0 (all equal) to 1 (all but one are zero), in two ways:
 *
 * <ul>
 *   <li><i>Treves-Rolls</i>: {@code (1 - a) / (1 - 1/n)} with {@code a = (sum |r| / n)^2 / (sum r^2
 *       / n)}, n the number of values. {@code a} is from A. Treves and E. T. Rolls, "What
 *       determines the capacity of autoassociative memories in the brain?", Network 2 (1991); the
 *       rescaling from W. E. Vinje and J. L. Gallant, "Sparse coding and decorrelation in primary
 *       visual cortex during natural vision", Science 287 (2000).
 *   <li><i>Hoyer</i>: {@code (sqrt(n) - sum |r| / sqrt(sum r^2)) / (sqrt(n) - 1)}, from P. O.
 *       Hoyer, "Non-negative matrix factorization with sparseness constraints", JMLR 5 (2004).
 * </ul>
 *
 * <p><i>Lifetime</i> sparsity is that of one unit's values over all samples, averaged over the
 * units that are not silent; <i>population</i> sparsity is that of one sample's values over all
 * units, averaged over the samples that are not all zero. Where there is nothing to average, or n
 * is 1, they are NaN. Immutable and thread-safe.
 */
public final class SparsityStatistics {
  private final long samples;
  private final double meanActive;
  private final int deadUnits;
  private final double[] frequencies;
  private final Sparsity lifetime;
  private final Sparsity population;

  /**
   * Both measures of sparsity, each from 0 to 1, or NaN.
   *
   * @param trevesRolls after Treves and Rolls, rescaled as by Vinje and Gallant
   * @param hoyer after Hoyer
   */
  public record Sparsity(double trevesRolls, double hoyer) {}

  private SparsityStatistics(
      long samples,
      double meanActive,
      int deadUnits,
      double[] frequencies,
      Sparsity lifetime,
      Sparsity population) {
    this.samples = samples;
    this.meanActive = meanActive;
    this.deadUnits = deadUnits;
    this.frequencies = frequencies;
    this.lifetime = lifetime;
    this.population = population;
  }

  /**
   * Statistics of codes that are all in memory; a value counts as active if it is not 0.
   *
   * @param codes a matrix {@code [samples, units]}
   * @throws IllegalArgumentException if the length does not fit or a value is not finite
   */
  public static SparsityStatistics of(float[] codes, int units) {
    return new Accumulator(units, 0).add(codes).statistics();
  }

  /** Number of samples seen. */
  public long samples() {
    return samples;
  }

  /** Number of units. */
  public int units() {
    return frequencies.length;
  }

  /** L0: the mean number of active units of a sample. */
  public double meanActive() {
    return meanActive;
  }

  /** Number of units that were active for no sample. */
  public int deadUnits() {
    return deadUnits;
  }

  /** The share of samples for which each unit was active, 0 to 1, a copy of {@code [units]}. */
  public double[] frequencies() {
    return frequencies.clone();
  }

  /** Lifetime sparsity, the mean over units. */
  public Sparsity lifetime() {
    return lifetime;
  }

  /** Population sparsity, the mean over samples. */
  public Sparsity population() {
    return population;
  }

  /** One line for a person. */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "L0 %.1f of %d units, %d dead, lifetime sparsity %.3f, population sparsity %.3f"
            + " (Treves-Rolls), over %d samples",
        meanActive,
        units(),
        deadUnits,
        lifetime.trevesRolls(),
        population.trevesRolls(),
        samples);
  }

  private static Sparsity sparsity(double sum, double sumOfSquares, long n) {
    if (n < 2 || sumOfSquares == 0) {
      return new Sparsity(Double.NaN, Double.NaN);
    }
    double mean = sum / n;
    double evenness = mean * mean / (sumOfSquares / n);
    double root = Math.sqrt((double) n);
    return new Sparsity(
        clamp((1 - evenness) / (1 - 1.0 / n)),
        clamp((root - sum / Math.sqrt(sumOfSquares)) / (root - 1)));
  }

  /** Rounding may lead a little out of the range. */
  private static double clamp(double value) {
    return Math.clamp(value, 0.0, 1.0);
  }

  /** Gathers codes batch by batch. Not thread-safe. */
  public static final class Accumulator {
    private final int units;
    private final float threshold;
    private final double[] sums;
    private final double[] sumsOfSquares;
    private final long[] active;
    private final Mean population = new Mean();
    private long samples;

    /**
     * Starts with no samples.
     *
     * @param units size of a code, at least 1
     * @param threshold a value is active if its magnitude is larger than this; 0 for codes that are
     *     exactly 0 when at rest (ReLU, top-k), more for those that are not (sigmoid)
     * @throws IllegalArgumentException if {@code units} or {@code threshold} is out of range
     */
    public Accumulator(int units, float threshold) {
      if (units < 1 || !(threshold >= 0)) {
        throw new IllegalArgumentException(
            "%d units, threshold %s: expected at least 1 and at least 0"
                .formatted(units, threshold));
      }
      this.units = units;
      this.threshold = threshold;
      this.sums = new double[units];
      this.sumsOfSquares = new double[units];
      this.active = new long[units];
    }

    /**
     * Adds a batch of codes.
     *
     * @param codes a matrix {@code [samples of the batch, units]}
     * @return this
     * @throws IllegalArgumentException if the length does not fit or a value is not finite
     */
    public Accumulator add(float[] codes) {
      Objects.requireNonNull(codes, "codes");
      if (codes.length % units != 0) {
        throw new IllegalArgumentException(
            "%d values of codes of %d units: expected a multiple".formatted(codes.length, units));
      }
      for (int i = 0; i < codes.length; i++) {
        if (!Float.isFinite(codes[i])) {
          throw new IllegalArgumentException(
              "unit %d of sample %d is %s: expected finite codes; the model may have diverged"
                  .formatted(i % units, samples + i / units, codes[i]));
        }
      }
      for (int start = 0; start < codes.length; start += units) {
        double sum = 0;
        double sumOfSquares = 0;
        for (int unit = 0; unit < units; unit++) {
          double magnitude = Math.abs(codes[start + unit]);
          if (magnitude > threshold) {
            active[unit]++;
          }
          sums[unit] += magnitude;
          sumsOfSquares[unit] += magnitude * magnitude;
          sum += magnitude;
          sumOfSquares += magnitude * magnitude;
        }
        population.add(sparsity(sum, sumOfSquares, units));
        samples++;
      }
      return this;
    }

    /**
     * The statistics of all samples added so far.
     *
     * @throws IllegalStateException if no sample was added
     */
    public SparsityStatistics statistics() {
      if (samples == 0) {
        throw new IllegalStateException("no sample was added: expected at least one");
      }
      double[] frequencies = new double[units];
      Mean lifetime = new Mean();
      long totalActive = 0;
      int dead = 0;
      for (int unit = 0; unit < units; unit++) {
        frequencies[unit] = (double) active[unit] / samples;
        totalActive += active[unit];
        if (active[unit] == 0) {
          dead++;
        }
        lifetime.add(sparsity(sums[unit], sumsOfSquares[unit], samples));
      }
      return new SparsityStatistics(
          samples,
          (double) totalActive / samples,
          dead,
          frequencies,
          lifetime.value(),
          population.value());
    }
  }

  /** The mean of those that are defined. */
  private static final class Mean {
    private double trevesRolls;
    private double hoyer;
    private long count;

    void add(Sparsity sparsity) {
      if (!Double.isNaN(sparsity.trevesRolls())) {
        trevesRolls += sparsity.trevesRolls();
        hoyer += sparsity.hoyer();
        count++;
      }
    }

    Sparsity value() {
      return new Sparsity(trevesRolls / count, hoyer / count);
    }
  }
}
