package dev.clessidra.bench.jmh;

import java.util.Arrays;

/** Reads sizes as JMH's parameters have them: a comma would divide two values. */
final class Sizes {
  private Sizes() {}

  /**
   * Reads {@code 512x512x512}.
   *
   * @throws IllegalArgumentException if it is anything else than three numbers
   */
  static int[] three(String shape) {
    if (!shape.matches("[0-9]{1,9}(x[0-9]{1,9}){2}")) {
      throw new IllegalArgumentException(
          "shape is '%s': expected three sizes, such as 512x512x512".formatted(shape));
    }
    return Arrays.stream(shape.split("x", -1)).mapToInt(Integer::parseInt).toArray();
  }
}
