package dev.clessidra.kernels;

/** Reductions of many numbers to one, in the order that {@link Kernels} states. */
public enum Reduction {
  /** The sum of {@code x}; +0 of nothing. */
  SUM(0),
  /** The sum of {@code x * x}, each rounded; +0 of nothing. */
  SQUARE_SUM(1),
  /** The sum of {@code |x|}; +0 of nothing. */
  ABSOLUTE_SUM(2),
  /** The largest, NaN ignored; -infinity of nothing. */
  MAXIMUM(3);

  private final int code;

  Reduction(int code) {
    this.code = code;
  }

  /** Returns the function's number in the C header. */
  public int code() {
    return code;
  }
}
