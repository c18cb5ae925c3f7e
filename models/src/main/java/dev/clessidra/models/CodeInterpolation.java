package dev.clessidra.models;

/** The way from one code to another. Immutable, and safe for use by many threads. */
public enum CodeInterpolation {
  /** Along the straight line. */
  LINEAR,
  /**
   * Along the great circle (Shoemake 1985; for codes: White, "Sampling generative networks", 2016),
   * which keeps to the lengths that a normal prior makes likely. Codes in the same or in opposite
   * directions have no such circle and are joined by the straight line.
   */
  SPHERICAL;

  /** Reads a {@link #label}. */
  public static CodeInterpolation parse(String label) {
    return Choices.parse("interpolation", label, values());
  }

  /**
   * Codes at equal distances, the first and the last being those given.
   *
   * @param steps how many, at least 2
   * @return [steps, size] row by row
   * @throws IllegalArgumentException when the codes differ in size, or there are too few steps
   */
  public float[] between(float[] from, float[] to, int steps) {
    if (from.length != to.length) {
      throw new IllegalArgumentException(
          "interpolation: the codes have %d and %d numbers: give two of one model"
              .formatted(from.length, to.length));
    }
    if (steps < 2) {
      throw new IllegalArgumentException(
          "interpolation: expected at least 2 steps, the two ends, got " + steps);
    }
    double sine = 0;
    double angle = 0;
    if (this == SPHERICAL) {
      double lengths = Math.sqrt(dot(from, from) * dot(to, to));
      double cosine = lengths == 0 ? 1 : Math.clamp(dot(from, to) / lengths, -1, 1);
      angle = StrictMath.acos(cosine);
      sine = StrictMath.sin(angle);
    }
    boolean straight = sine < 1e-6;
    float[] codes = new float[Math.multiplyExact(steps, from.length)];
    for (int step = 0; step < steps; step++) {
      double t = (double) step / (steps - 1);
      double first = straight ? 1 - t : StrictMath.sin((1 - t) * angle) / sine;
      double second = straight ? t : StrictMath.sin(t * angle) / sine;
      for (int i = 0; i < from.length; i++) {
        codes[step * from.length + i] = (float) (first * from[i] + second * to[i]);
      }
    }
    return codes;
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }

  /** The name on the command line, such as {@code spherical}. */
  public String label() {
    return Choices.label(this);
  }

  @Override
  public String toString() {
    return label();
  }
}
