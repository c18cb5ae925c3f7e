package dev.clessidra.kernels;

import java.util.Objects;

/**
 * A matrix of floats in a buffer, stored row after row, as an operand of {@link Kernels#gemm}.
 *
 * @param buffer where it is, from the buffer's start
 * @param rows rows of the matrix as it is used, that is after transposing
 * @param columns columns of the matrix as it is used
 * @param leadingDimension elements from the start of one stored row to the start of the next
 * @param transposed whether the stored matrix is the transpose, {@code columns x rows}
 */
public record Matrix(
    Buffer buffer, int rows, int columns, int leadingDimension, boolean transposed) {

  /**
   * Checks the sizes.
   *
   * @throws IllegalArgumentException if a size is negative or a stored row is longer than the
   *     leading dimension
   */
  public Matrix {
    Objects.requireNonNull(buffer, "buffer");
    if (rows < 0 || columns < 0) {
      throw new IllegalArgumentException(
          "Matrix is %d x %d: expected sizes of 0 or more.".formatted(rows, columns));
    }
    int storedColumns = transposed ? rows : columns;
    if (leadingDimension < storedColumns) {
      throw new IllegalArgumentException(
          "Matrix has leading dimension %d: expected at least its %d stored columns."
              .formatted(leadingDimension, storedColumns));
    }
  }

  /** Returns a matrix whose rows follow one another without gaps. */
  public static Matrix of(Buffer buffer, int rows, int columns) {
    return new Matrix(buffer, rows, columns, columns, false);
  }

  /** Returns a matrix whose rows start {@code leadingDimension} elements apart. */
  public static Matrix of(Buffer buffer, int rows, int columns, int leadingDimension) {
    return new Matrix(buffer, rows, columns, leadingDimension, false);
  }

  /** Returns the transpose, which reads the same memory. */
  public Matrix transpose() {
    return new Matrix(buffer, columns, rows, leadingDimension, !transposed);
  }

  /** Returns how many elements of the buffer the matrix spans. */
  public long extent() {
    int storedRows = transposed ? columns : rows;
    int storedColumns = transposed ? rows : columns;
    return storedRows == 0 || storedColumns == 0
        ? 0
        : (long) (storedRows - 1) * leadingDimension + storedColumns;
  }
}
