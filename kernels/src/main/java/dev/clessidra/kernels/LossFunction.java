package dev.clessidra.kernels;

/** Losses that are a sum of one term an element. */
public enum LossFunction {
  /** {@code d * d} with {@code d = x - target}; gradient {@code 2 * d}. */
  SQUARED_ERROR(0),
  /**
   * Of a logit x: {@code fma(-x, target, max(x, 0)) + log1p(exp(-|x|))}; gradient {@code sigmoid(x)
   * - target}.
   */
  BINARY_CROSS_ENTROPY(1),
  /** {@code |x|}, without a target; gradient {@code sign(x)}. */
  ABSOLUTE_VALUE(2);

  private final int code;

  LossFunction(int code) {
    this.code = code;
  }

  /** Returns the function's number in the C header. */
  public int code() {
    return code;
  }
}
