package dev.clessidra.kernels;

/** Distributions of random numbers. */
public enum Distribution {
  /** From a (included) to b (not included). */
  UNIFORM(0),
  /** With mean a and standard deviation b. */
  NORMAL(1);

  private final int code;

  Distribution(int code) {
    this.code = code;
  }

  /** Returns the function's number in the C header. */
  public int code() {
    return code;
  }
}
