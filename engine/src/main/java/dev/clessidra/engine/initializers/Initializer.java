package dev.clessidra.engine.initializers;

import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Distribution;

/**
 * How a parameter starts. Random values are drawn on the device with Philox under (seed, stream)
 * and what is computed from them on the host uses only exactly defined double arithmetic, so a seed
 * gives the same bits on any device.
 *
 * <p>"Fan in" and "fan out" are the numbers of inputs of an output unit and of outputs of an input
 * unit: for a matrix [in, out] its rows and columns, for filters [K, R, S, C] the products R * S *
 * C and K * R * S, for a vector its length. All initializers are immutable.
 */
public sealed interface Initializer {

  /**
   * Fills a FLOAT32 tensor.
   *
   * @param seed key of the random numbers
   * @param stream number of the random stream; up to two streams are drawn from, {@code stream} and
   *     {@code ~stream}
   */
  void initialize(Tensor target, long seed, int stream);

  /** All 0. */
  static Initializer zeros() {
    return new Constant(0);
  }

  /** All one value. */
  static Initializer constant(float value) {
    return new Constant(value);
  }

  /** Given values, in row-major order; copied. */
  static Initializer values(float... values) {
    return new Values(values);
  }

  /**
   * Uniform in [low, high).
   *
   * @throws IllegalArgumentException when one is not finite or {@code high} is below {@code low}
   */
  static Initializer uniform(float low, float high) {
    return new Random(Distribution.UNIFORM, low, high);
  }

  /**
   * Normal with the given mean and standard deviation.
   *
   * @throws IllegalArgumentException when one is not finite or the deviation is negative
   */
  static Initializer normal(float mean, float standardDeviation) {
    return new Random(Distribution.NORMAL, mean, standardDeviation);
  }

  /** Normal with variance 2 / fan in, for ReLU (He et al. 2015). */
  static Initializer heNormal() {
    return new Scaled(Distribution.NORMAL, 2, Fan.IN);
  }

  /** Uniform with variance 2 / fan in: bound sqrt(6 / fan in) (He et al. 2015). */
  static Initializer heUniform() {
    return new Scaled(Distribution.UNIFORM, 2, Fan.IN);
  }

  /** Normal with variance 2 / (fan in + fan out) (Glorot and Bengio 2010). */
  static Initializer glorotNormal() {
    return new Scaled(Distribution.NORMAL, 1, Fan.AVERAGE);
  }

  /** Uniform with bound sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010). */
  static Initializer glorotUniform() {
    return new Scaled(Distribution.UNIFORM, 1, Fan.AVERAGE);
  }

  /**
   * {@code gain} times a random matrix with orthonormal rows or columns, whichever are fewer (Saxe
   * et al. 2014); a tensor of higher rank is read as the matrix of its innermost dimension.
   */
  static Initializer orthogonal(float gain) {
    return new Orthogonal(gain);
  }

  /**
   * Sparse initialisation: each output unit has {@code nonZeros} incoming weights (all, when it has
   * fewer inputs) drawn normally, the others are 0 (Martens 2010, with 15 and 1).
   */
  static Initializer sparse(int nonZeros, float standardDeviation) {
    return new Sparse(nonZeros, standardDeviation);
  }

  /** See {@link Initializer#constant}. */
  record Constant(float value) implements Initializer {
    @Override
    public void initialize(Tensor target, long seed, int stream) {
      target.fill(value);
    }
  }

  /** See {@link Initializer#values}. */
  final class Values implements Initializer {
    private final float[] values;

    private Values(float[] values) {
      this.values = values.clone();
    }

    @Override
    public void initialize(Tensor target, long seed, int stream) {
      target.copyFrom(values);
    }
  }

  /**
   * See {@link Initializer#uniform} and {@link Initializer#normal}.
   *
   * @param a low, or mean
   * @param b high, or standard deviation
   */
  record Random(Distribution distribution, float a, float b) implements Initializer {
    /** Checks the ranges. */
    public Random {
      boolean uniform = distribution == Distribution.UNIFORM;
      if (!Float.isFinite(a) || !Float.isFinite(b) || b < (uniform ? a : 0)) {
        throw new IllegalArgumentException(
            (uniform
                    ? "uniform: expected finite numbers, low at most high, got %s and %s"
                    : "normal: expected a finite mean and a finite deviation of at least 0, got %s"
                        + " and %s")
                .formatted(a, b));
      }
    }

    @Override
    public void initialize(Tensor target, long seed, int stream) {
      RandomNumbers.draw(target, seed, stream, distribution, a, b);
    }
  }

  /** The count that the variance of {@link Scaled} is divided by. */
  enum Fan {
    /** Fan in. */
    IN,
    /** The mean of fan in and fan out. */
    AVERAGE
  }

  /** Mean 0 and variance {@code gain / fan}. */
  record Scaled(Distribution distribution, double gain, Fan fan) implements Initializer {
    @Override
    public void initialize(Tensor target, long seed, int stream) {
      double in = fanIn(target.shape());
      double count = fan == Fan.IN ? in : (in + fanOut(target.shape())) / 2;
      double variance = gain / Math.max(1, count);
      if (distribution == Distribution.NORMAL) {
        float deviation = (float) Math.sqrt(variance);
        RandomNumbers.draw(target, seed, stream, distribution, 0, deviation);
      } else {
        float bound = (float) Math.sqrt(3 * variance);
        RandomNumbers.draw(target, seed, stream, distribution, -bound, bound);
      }
    }
  }

  /** See {@link Initializer#orthogonal}. */
  record Orthogonal(float gain) implements Initializer {
    @Override
    public void initialize(Tensor target, long seed, int stream) {
      int rows = Math.toIntExact(target.shape().rows());
      int columns = target.shape().columns();
      float[] normal = RandomNumbers.drawToHost(target, seed, stream, Distribution.NORMAL, 0, 1);
      int count = Math.min(rows, columns);
      double[][] vectors = new double[count][Math.max(rows, columns)];
      for (int i = 0; i < count; i++) {
        for (int j = 0; j < vectors[i].length; j++) {
          vectors[i][j] = normal[rows <= columns ? i * columns + j : j * columns + i];
        }
      }
      orthonormalize(vectors);
      float[] result = new float[normal.length];
      for (int i = 0; i < count; i++) {
        for (int j = 0; j < vectors[i].length; j++) {
          result[rows <= columns ? i * columns + j : j * columns + i] =
              (float) (gain * vectors[i][j]);
        }
      }
      target.copyFrom(result);
    }

    /** Gram-Schmidt, each vector projected twice so that rounding does not add up. */
    private static void orthonormalize(double[][] vectors) {
      for (int i = 0; i < vectors.length; i++) {
        double[] vector = vectors[i];
        for (int pass = 0; pass < 2; pass++) {
          for (int j = 0; j < i; j++) {
            double projection = dot(vector, vectors[j]);
            for (int e = 0; e < vector.length; e++) {
              vector[e] -= projection * vectors[j][e];
            }
          }
        }
        double norm = Math.sqrt(dot(vector, vector));
        for (int e = 0; e < vector.length; e++) {
          vector[e] /= norm;
        }
      }
    }

    private static double dot(double[] a, double[] b) {
      double sum = 0;
      for (int i = 0; i < a.length; i++) {
        sum += a[i] * b[i];
      }
      return sum;
    }
  }

  /** See {@link Initializer#sparse}. */
  record Sparse(int nonZeros, float standardDeviation) implements Initializer {
    /** Checks the count. */
    public Sparse {
      if (nonZeros < 1) {
        throw new IllegalArgumentException(
            "sparse: each unit needs at least 1 non-zero weight, got " + nonZeros);
      }
      if (!(standardDeviation >= 0 && standardDeviation <= Float.MAX_VALUE)) {
        throw new IllegalArgumentException(
            "sparse: expected a finite deviation of at least 0, got " + standardDeviation);
      }
    }

    @Override
    public void initialize(Tensor target, long seed, int stream) {
      int rows = Math.toIntExact(target.shape().rows());
      int columns = target.shape().columns();
      float[] values =
          RandomNumbers.drawToHost(target, seed, stream, Distribution.NORMAL, 0, standardDeviation);
      float[] order = RandomNumbers.drawToHost(target, seed, ~stream, Distribution.UNIFORM, 0, 1);
      float[] result = new float[values.length];
      for (int column = 0; column < columns; column++) {
        for (int kept = 0; kept < Math.min(nonZeros, rows); kept++) {
          int best = -1;
          for (int row = 0; row < rows; row++) {
            float key = order[row * columns + column];
            if (key >= 0 && (best < 0 || key > order[best])) {
              best = row * columns + column;
            }
          }
          result[best] = values[best];
          order[best] = -1;
        }
      }
      target.copyFrom(result);
    }
  }

  private static double fanIn(Shape shape) {
    return switch (shape.rank()) {
      case 0 -> 1;
      case 1, 2 -> shape.dim(0);
      default -> shape.elements() / Math.max(1.0, shape.dim(0));
    };
  }

  private static double fanOut(Shape shape) {
    return switch (shape.rank()) {
      case 0 -> 1;
      case 1, 2 -> shape.dim(-1);
      default -> shape.elements() / Math.max(1.0, shape.dim(-1));
    };
  }
}
