package dev.clessidra.kernels;

/** Types of the elements of a buffer. */
public enum ElementType {
  /** Unsigned bytes; kernels that read them as numbers divide by 255. */
  UINT8(0, 1),
  /** IEEE 754 single precision. */
  FLOAT32(1, 4),
  /** Signed 32-bit integers. */
  INT32(2, 4);

  private final int code;
  private final int byteSize;

  ElementType(int code, int byteSize) {
    this.code = code;
    this.byteSize = byteSize;
  }

  /** Returns the type's number in the C header. */
  public int code() {
    return code;
  }

  /** Returns the size of an element in bytes. */
  public int byteSize() {
    return byteSize;
  }
}
