package dev.clessidra.engine;

import java.util.Arrays;

/**
 * The dimensions of a tensor, outermost first; elements are stored row-major, images as [N, H, W,
 * C]. A scalar has rank 0 and one element. A dimension may be 0.
 *
 * <p>Immutable and safe for use by several threads.
 */
public final class Shape {
  /** The largest rank. */
  public static final int MAXIMUM_RANK = 4;

  private static final Shape SCALAR = new Shape(new int[0]);

  private final int[] dimensions;
  private final long elements;

  private Shape(int[] dimensions) {
    this.dimensions = dimensions;
    long product = 1;
    for (int dimension : dimensions) {
      product = Math.multiplyExact(product, (long) dimension);
    }
    this.elements = product;
  }

  /**
   * A shape of 0 to 4 dimensions.
   *
   * @throws IllegalArgumentException when a dimension is negative, there are more than {@value
   *     #MAXIMUM_RANK}, or the number of elements does not fit a long
   */
  public static Shape of(int... dimensions) {
    if (dimensions.length == 0) {
      return SCALAR;
    }
    if (dimensions.length > MAXIMUM_RANK) {
      throw new IllegalArgumentException(
          "shape "
              + Arrays.toString(dimensions)
              + " has "
              + dimensions.length
              + " dimensions; at most "
              + MAXIMUM_RANK
              + " are supported");
    }
    for (int dimension : dimensions) {
      if (dimension < 0) {
        throw new IllegalArgumentException(
            "shape " + Arrays.toString(dimensions) + " has a negative dimension");
      }
    }
    try {
      return new Shape(dimensions.clone());
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException(
          "shape " + Arrays.toString(dimensions) + " has more elements than a long can count", e);
    }
  }

  /** The shape of a single number: rank 0, one element. */
  public static Shape scalar() {
    return SCALAR;
  }

  /** The number of dimensions, 0 to 4. */
  public int rank() {
    return dimensions.length;
  }

  /** The product of the dimensions; 1 for a scalar. */
  public long elements() {
    return elements;
  }

  /**
   * One dimension.
   *
   * @param index 0 for the outermost; a negative index counts from the innermost, -1
   * @throws IndexOutOfBoundsException when there is no such dimension
   */
  public int dim(int index) {
    int position = index < 0 ? index + dimensions.length : index;
    if (position < 0 || position >= dimensions.length) {
      throw new IndexOutOfBoundsException("shape " + this + " has no dimension " + index);
    }
    return dimensions[position];
  }

  /** The dimensions as a new array. */
  public int[] dimensions() {
    return dimensions.clone();
  }

  /**
   * The innermost dimension: the columns when the tensor is read as a matrix; 1 for a scalar. An
   * image batch [N, H, W, C] reads as a matrix of N * H * W rows and C columns.
   */
  public int columns() {
    return dimensions.length == 0 ? 1 : dimensions[dimensions.length - 1];
  }

  /** The product of all dimensions but the innermost: the rows of the same matrix. */
  public long rows() {
    long product = 1;
    for (int i = 0; i < dimensions.length - 1; i++) {
      product *= dimensions[i];
    }
    return product;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape shape && Arrays.equals(dimensions, shape.dimensions);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dimensions);
  }

  /** For example {@code [256, 784]}; a scalar is {@code []}. */
  @Override
  public String toString() {
    return Arrays.toString(dimensions);
  }
}
