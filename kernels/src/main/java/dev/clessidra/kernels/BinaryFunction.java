package dev.clessidra.kernels;

/** Functions of two numbers. */
public enum BinaryFunction {
  /** {@code a + b}. */
  ADD(0),
  /** {@code a - b}. */
  SUBTRACT(1),
  /** {@code a * b}. */
  MULTIPLY(2),
  /** {@code a / b}. */
  DIVIDE(3);

  private final int code;

  BinaryFunction(int code) {
    this.code = code;
  }

  /** Returns the function's number in the C header. */
  public int code() {
    return code;
  }
}
