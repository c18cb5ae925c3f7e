package dev.clessidra.engine.io;

/**
 * The element types of the safetensors format that are a whole number of bytes. Names are those in
 * the file; all are little-endian.
 */
public enum StoredType {
  /** One byte, 0 or 1. */
  BOOL(1),
  /** Unsigned byte. */
  U8(1),
  /** Signed byte. */
  I8(1),
  /** Signed 16-bit integer. */
  I16(2),
  /** Unsigned 16-bit integer. */
  U16(2),
  /** IEEE half precision. */
  F16(2),
  /** The upper half of a 32-bit float. */
  BF16(2),
  /** Signed 32-bit integer. */
  I32(4),
  /** Unsigned 32-bit integer. */
  U32(4),
  /** IEEE single precision. */
  F32(4),
  /** Signed 64-bit integer. */
  I64(8),
  /** Unsigned 64-bit integer. */
  U64(8),
  /** IEEE double precision. */
  F64(8);

  private final int byteSize;

  StoredType(int byteSize) {
    this.byteSize = byteSize;
  }

  /** Bytes an element. */
  public int byteSize() {
    return byteSize;
  }
}
