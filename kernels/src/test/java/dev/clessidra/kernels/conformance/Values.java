package dev.clessidra.kernels.conformance;

import java.util.SplittableRandom;

/** Operands from a seed. */
final class Values {

  /** What floats look like. */
  enum Kind {
    /** Between -2 and 2, with zeros of both signs and denormals among them. */
    ORDINARY,
    /** Of every magnitude from denormals to 1e18. */
    WIDE,
    /** Ordinary with NaN and infinities among them. */
    SPECIAL
  }

  private static final float[] RARE = {0.0f, -0.0f, 1.0f, -1.0f, 1e-42f, -1e-42f, 1.2e-38f};
  private static final float[] NOT_FINITE = {
    Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY
  };

  private final SplittableRandom random;

  Values(long seed) {
    random = new SplittableRandom(seed);
  }

  int below(int bound) {
    return random.nextInt(bound);
  }

  long next() {
    return random.nextLong();
  }

  float between(float low, float high) {
    return low + (high - low) * random.nextInt(1 << 24) * 0x1p-24f;
  }

  float[] floats(Kind kind, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] =
          switch (kind) {
            case ORDINARY -> ordinary();
            case WIDE -> (float) Math.pow(10, between(-44, 18)) * (random.nextBoolean() ? 1 : -1);
            case SPECIAL -> below(20) == 0 ? NOT_FINITE[below(NOT_FINITE.length)] : ordinary();
          };
    }
    return values;
  }

  float[] floats(int count) {
    return floats(Kind.ORDINARY, count);
  }

  /** Floats of all bit patterns: every magnitude and sign, NaN and denormals. */
  float[] anyBits(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = Float.intBitsToFloat(random.nextInt());
    }
    return values;
  }

  /** Few different values, so that ties are many; both zeros and NaN are among them. */
  float[] ties(int count) {
    float[] different = {0.0f, -0.0f, 1.0f, -1.0f, 2.5f, Float.NaN, Float.NEGATIVE_INFINITY};
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = different[below(different.length)];
    }
    return values;
  }

  float[] uniform(float low, float high, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = between(low, high);
    }
    return values;
  }

  byte[] bytes(int count) {
    byte[] values = new byte[count];
    random.nextBytes(values);
    return values;
  }

  int[] ints(int bound, int count) {
    int[] values = new int[count];
    for (int i = 0; i < count; i++) {
      values[i] = below(bound);
    }
    return values;
  }

  private float ordinary() {
    return below(25) == 0 ? RARE[below(RARE.length)] : between(-2, 2);
  }
}
