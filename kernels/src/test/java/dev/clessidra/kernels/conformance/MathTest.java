package dev.clessidra.kernels.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.clessidra.kernels.Kernel;
import dev.clessidra.kernels.conformance.Definitions.Function;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The functions of {@code clessidra/math.h} against {@link StrictMath} in double. */
final class MathTest {
  // A prime, so that all parts of the bit patterns vary.
  private static final int STRIDE = 2503;
  private static final float SMALLEST_NORMAL = Float.MIN_NORMAL;

  /** Floats of every magnitude and sign, NaN and infinities among them, that a test wants. */
  private static float[] floats(float low, float high) {
    int count = (int) ((1L << 32) / STRIDE);
    double[] chosen =
        IntStream.range(0, count)
            .mapToObj(i -> Float.intBitsToFloat((int) ((long) i * STRIDE)))
            .filter(x -> x >= low && x <= high)
            .mapToDouble(x -> x)
            .toArray();
    float[] result = new float[chosen.length];
    for (int i = 0; i < result.length; i++) {
      result[i] = (float) chosen[i];
    }
    return result;
  }

  /** The error of a float in units in the last place of the exact value. */
  private static double ulps(float actual, double exact) {
    if (Double.isNaN(exact)) {
      return Float.isNaN(actual) ? 0 : Double.POSITIVE_INFINITY;
    }
    if (Float.isInfinite((float) exact)) {
      return actual == (float) exact ? 0 : Double.POSITIVE_INFINITY;
    }
    return Math.abs(actual - exact) / Math.ulp((float) exact);
  }

  private static void check(
      Function function, float[] x, DoubleUnaryOperator exact, double maximumUlps) {
    float[] y = Definitions.math(function, x);
    double worst = 0;
    float worstX = 0;
    for (int i = 0; i < x.length; i++) {
      double error = ulps(y[i], exact.applyAsDouble(x[i]));
      if (error > worst) {
        worst = error;
        worstX = x[i];
      }
    }
    assertThat(worst).as("error of %s in ulp, at %s", function, worstX).isLessThan(maximumUlps);
  }

  private static double sigmoid(double x) {
    return x < 0 ? StrictMath.exp(x) / (1 + StrictMath.exp(x)) : 1 / (1 + StrictMath.exp(-x));
  }

  private static double softplus(double x) {
    return Math.max(x, 0) + StrictMath.log1p(StrictMath.exp(-Math.abs(x)));
  }

  /** cos(pi / 2 * q), with the quarter turns taken off exactly. */
  private static double cosineOfQuarters(double q) {
    double quarters = Math.rint(q);
    double rest = (q - quarters) * Math.PI / 2;
    return switch ((int) quarters & 3) {
      case 0 -> StrictMath.cos(rest);
      case 1 -> -StrictMath.sin(rest);
      case 2 -> -StrictMath.cos(rest);
      default -> StrictMath.sin(rest);
    };
  }

  private static double sineOfQuarters(double q) {
    return q < 0.5 ? StrictMath.sin(q * Math.PI / 2) : cosineOfQuarters(q - 1);
  }

  @Test
  void functionsOfAllFloatsAreWithinAFewUnitsInTheLastPlace() {
    float[] all = floats(Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY);
    check(Function.EXPONENTIAL, all, StrictMath::exp, 1.0);
    check(Function.LOGARITHM, all, StrictMath::log, 0.8);
    check(Function.SIGMOID, all, MathTest::sigmoid, 2.5);
    check(Function.HYPERBOLIC_TANGENT, all, StrictMath::tanh, 1.5);
    check(Function.SOFTPLUS, all, MathTest::softplus, 3.0);
    check(Function.LOGARITHM_OF_ONE_PLUS, floats(0, Float.MAX_VALUE), StrictMath::log1p, 2.5);
  }

  @Test
  void functionsOfTurnsAreWithinAFewUnitsInTheLastPlace() {
    float[] turns = floats(0, 0.99999994f);
    check(Function.COSINE_OF_TURNS, turns, v -> cosineOfQuarters(4 * v), 2.0);
    check(Function.SINE_OF_TURNS, turns, v -> sineOfQuarters(4 * v), 2.0);
    // In double, rounded to float.
    check(Function.COSINE_OF_HALF_TURNS, floats(0, 1), v -> cosineOfQuarters(2 * v), 0.5001);
  }

  @Test
  void errorsWouldBeSeen() {
    float[] x = {0.3f, 1.7f};
    assertThatExceptionOfType(AssertionError.class)
        .isThrownBy(
            () -> check(Function.EXPONENTIAL, x, v -> StrictMath.exp(v) * (1 + 0x1p-21), 1.0));
  }

  @Test
  void edgesAreExact() {
    float infinity = Float.POSITIVE_INFINITY;
    assertThat(Definitions.math(Function.EXPONENTIAL, new float[] {0, -0.0f, infinity, -infinity}))
        .containsExactly(1, 1, infinity, 0);
    assertThat(Definitions.math(Function.EXPONENTIAL, new float[] {-104, 88.73f, 89, -103.9f}))
        .containsExactly(0, infinity, infinity, Float.MIN_VALUE);
    assertThat(Definitions.math(Function.LOGARITHM, new float[] {0, -0.0f, 1, infinity}))
        .containsExactly(-infinity, -infinity, 0, infinity);
    assertThat(Definitions.math(Function.SIGMOID, new float[] {0, infinity, -infinity}))
        .containsExactly(0.5f, 1, 0);
    assertThat(
            Definitions.math(Function.HYPERBOLIC_TANGENT, new float[] {infinity, -infinity, -0f}))
        .containsExactly(1, -1, -0f);
    assertThat(Definitions.math(Function.SOFTPLUS, new float[] {infinity, -infinity}))
        .containsExactly(infinity, 0);
    assertThat(
            Definitions.math(
                Function.HYPERBOLIC_TANGENT, new float[] {SMALLEST_NORMAL / 4, Float.MIN_VALUE}))
        .containsExactly(SMALLEST_NORMAL / 4, Float.MIN_VALUE);
    for (Function function : Function.values()) {
      if (function.compareTo(Function.COSINE_OF_TURNS) < 0) {
        assertThat(Definitions.math(function, new float[] {Float.NaN})).containsExactly(Float.NaN);
      }
    }
    assertThat(Definitions.math(Function.LOGARITHM, new float[] {-1, -infinity}))
        .containsExactly(Float.NaN, Float.NaN);
  }

  @Test
  void philoxGivesTheKnownAnswersOfRandom123() {
    assertThat(Definitions.philox(new int[4], 0))
        .containsExactly(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    assertThat(Definitions.philox(new int[] {-1, -1, -1, -1}, -1))
        .containsExactly(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
    assertThat(
            Definitions.philox(
                new int[] {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822L))
        .containsExactly(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
  }

  @Test
  void uniformNumbersAreTheWordsOfTheirBlock() {
    Launch launch =
        new Launch(Kernel.RANDOM, new Values(1))
            .output("y", 6)
            .input("step", (7L << 32) + 3)
            .int64("count", 6)
            .int64("seed", 99)
            .int32("stream", 5)
            .int32("distribution", 0)
            .float32("a", 0)
            .float32("b", 1);
    float[] expected = new float[6];
    for (int i = 0; i < expected.length; i++) {
      int word = Definitions.philox(new int[] {i / 4, 5, 3, 7}, 99)[i % 4];
      expected[i] = (word >>> 8) * 0x1p-24f;
    }
    assertThat(launch.floats("y", launch.define())).containsExactly(expected);
  }

  @Test
  void normalNumbersHaveTheirMeanAndDeviation() {
    int count = 200_000;
    Launch launch =
        new Launch(Kernel.RANDOM, new Values(1))
            .output("y", count)
            .input("step", 0)
            .int64("count", count)
            .int64("seed", 7)
            .int32("stream", 1)
            .int32("distribution", 1)
            .float32("a", 3)
            .float32("b", 2);
    double sum = 0;
    double squares = 0;
    int beyond = 0;
    for (float y : launch.floats("y", launch.define())) {
      double z = (y - 3) / 2;
      sum += z;
      squares += z * z;
      beyond += Math.abs(z) > 2 ? 1 : 0;
    }
    // Four standard errors.
    assertThat(Math.abs(sum / count)).isLessThan(4 / Math.sqrt(count));
    assertThat(Math.abs(squares / count - 1)).isLessThan(4 * Math.sqrt(2.0 / count));
    assertThat(beyond / (double) count).isBetween(0.0455 - 0.002, 0.0455 + 0.002);
  }

  @Test
  void everyEpochIsAnotherPermutationOfAllRows() {
    for (int rows : new int[] {1, 2, 3, 4, 5, 16, 17, 1000}) {
      int[] first = epoch(rows, 0, 42);
      assertThat(IntStream.of(first).sorted().toArray())
          .containsExactly(IntStream.range(0, rows).toArray());
      if (rows >= 16) {
        assertThat(first).isNotEqualTo(IntStream.range(0, rows).toArray());
        assertThat(epoch(rows, 1, 42)).isNotEqualTo(first);
        assertThat(epoch(rows, 0, 43)).isNotEqualTo(first);
        assertThat(epoch(rows, 0, 42)).isEqualTo(first);
      }
    }
  }

  private static int[] epoch(int rows, long step, long seed) {
    Launch launch =
        new Launch(Kernel.GATHER_ROWS, new Values(1))
            .input("source", IntStream.range(0, rows).toArray())
            .output("y", rows)
            .input("step", step)
            .int64("source_rows", rows)
            .int64("seed", seed)
            .int32("rows", rows)
            .int32("columns", 1)
            .int32("element", 2)
            .int32("shuffle", 1);
    return launch.ints("y", launch.define());
  }
}
