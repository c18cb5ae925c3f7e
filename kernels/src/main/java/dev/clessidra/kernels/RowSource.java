package dev.clessidra.kernels;

import java.util.Objects;

/**
 * A data set in device memory, one row a sample, as an operand of {@link Kernels#gatherRows}.
 *
 * @param buffer where the rows are, one after the other from the buffer's start
 * @param elementType what they hold
 * @param rows number of rows, at least 1
 * @param columns elements of a row, 0 or more
 */
public record RowSource(Buffer buffer, ElementType elementType, long rows, int columns) {

  /**
   * Checks the sizes.
   *
   * @throws IllegalArgumentException if there is no row or the number of columns is negative
   */
  public RowSource {
    Objects.requireNonNull(buffer, "buffer");
    Objects.requireNonNull(elementType, "elementType");
    if (rows < 1 || columns < 0) {
      throw new IllegalArgumentException(
          "Row source is %d x %d: expected at least one row and no negative size."
              .formatted(rows, columns));
    }
  }
}
