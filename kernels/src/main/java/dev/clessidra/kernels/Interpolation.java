package dev.clessidra.kernels;

/** How images are brought to another size. */
public enum Interpolation {
  /** The nearest pixel: output row i is row {@code i * height / outputHeight}, rounded down. */
  NEAREST(0),
  /** Linear between two rows and two columns, with the corners of the pixels not aligned. */
  BILINEAR(1);

  private final int code;

  Interpolation(int code) {
    this.code = code;
  }

  /** Returns the interpolation's number in the C header. */
  public int code() {
    return code;
  }
}
