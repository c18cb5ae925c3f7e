package dev.clessidra.kernels;

/** How a learning rate follows the step. */
public enum ScheduleKind {
  /** {@code base}. */
  CONSTANT(0),
  /**
   * Linear from 0 to {@code base} over {@code warmup} steps, then half a cosine down to {@code
   * floor} at {@code total}.
   */
  WARMUP_COSINE(1),
  /** {@code base * factor ^ floor(step / every)}. */
  STEP_DECAY(2);

  private final int code;

  ScheduleKind(int code) {
    this.code = code;
  }

  /** Returns the function's number in the C header. */
  public int code() {
    return code;
  }
}
