package dev.clessidra.kernels;

/** Functions of one number. */
public enum UnaryFunction {
  /** {@code fma(alpha, x, shift)}. */
  AFFINE(0),
  /** {@code x * x}. */
  SQUARE(1),
  /** {@code sqrt(x)}. */
  SQUARE_ROOT(2),
  /** {@code exp(x)}. */
  EXP(3),
  /** {@code log(x)}. */
  LOG(4),
  /** {@code |x|}. */
  ABSOLUTE(5),
  /** -1, 0 or 1. */
  SIGN(6),
  /** {@code 1 / x}. */
  RECIPROCAL(7);

  private final int code;

  UnaryFunction(int code) {
    this.code = code;
  }

  /** Returns the function's number in the C header. */
  public int code() {
    return code;
  }
}
