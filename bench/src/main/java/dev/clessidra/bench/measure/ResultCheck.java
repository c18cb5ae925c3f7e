package dev.clessidra.bench.measure;

import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.Work;
import java.util.Arrays;
import java.util.Locale;

/** Tells whether what an implementation computes is right: only then is it timed. */
final class ResultCheck {
  private ResultCheck() {}

  /**
   * Returns by how much a result differs.
   *
   * @param reference what it is compared with; the result itself where there is nothing else, and
   *     then random numbers still have to be like what they are drawn from
   * @throws IllegalStateException if it differs by more than different orders of a sum do
   */
  static double error(
      Work work, Inputs inputs, Implementation implementation, float[] result, float[] reference) {
    if (result.length != work.resultSize()) {
      throw new IllegalStateException(
          "wrong result: %d values, expected %d".formatted(result.length, work.resultSize()));
    }
    for (int i = 0; i < result.length; i++) {
      if (!Float.isFinite(result[i])) {
        throw new IllegalStateException(
            "wrong result: value %d is %s, expected finite numbers".formatted(i, result[i]));
      }
    }
    double error = work.error(inputs, result, reference);
    double tolerance = Math.max(work.tolerance(), implementation.tolerance());
    if (!(error <= tolerance)) {
      throw new IllegalStateException(
          String.format(
              Locale.ROOT,
              "wrong result: it differs by %.2g from what is right, expected at most %.2g",
              error,
              tolerance));
    }
    return error;
  }

  /**
   * Checks that two devices compute the same bits.
   *
   * @throws IllegalStateException if they do not
   */
  static void requireSameBits(float[] result, float[] onCpu) {
    int difference = Arrays.mismatch(result, onCpu);
    if (difference >= 0) {
      throw new IllegalStateException(
          "wrong result: value %d is %s, expected %s as on the CPU, to the bit"
              .formatted(difference, result[difference], onCpu[difference]));
    }
  }
}
