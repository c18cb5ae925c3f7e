package dev.clessidra.models.segmentation;

import java.util.Arrays;
import java.util.Objects;

/**
 * A class for each pixel of some images of one size. Immutable, and safe for use by many threads.
 */
public final class Masks {
  private final int count;
  private final int height;
  private final int width;
  private final int classes;
  private final byte[] values;

  private Masks(int count, int height, int width, int classes, byte[] values) {
    this.count = count;
    this.height = height;
    this.width = width;
    this.classes = classes;
    this.values = values;
  }

  /**
   * Masks of class numbers; {@code values} is copied.
   *
   * @param height rows of a mask, at least 1
   * @param width columns of a mask, at least 1
   * @param classes how many there are, 1 to 256
   * @param values [count, height, width], each a class number in [0, classes) as an unsigned byte
   * @throws IllegalArgumentException if a size, the length or a value does not fit
   */
  public static Masks of(int height, int width, int classes, byte[] values) {
    return wrap(height, width, classes, values.clone());
  }

  /** As {@link #of} but takes the array over. */
  static Masks wrap(int height, int width, int classes, byte[] values) {
    if (height < 1 || width < 1 || classes < 1 || classes > 256) {
      throw new IllegalArgumentException(
          "masks of %dx%d pixels and %d classes: expected positive sizes and at most 256 classes"
              .formatted(height, width, classes));
    }
    long size = (long) height * width;
    if (values.length == 0 || values.length % size != 0) {
      throw new IllegalArgumentException(
          "%d class numbers: expected a positive multiple of the %d pixels of a %dx%d mask"
              .formatted(values.length, size, height, width));
    }
    for (int i = 0; i < values.length; i++) {
      if ((values[i] & 0xff) >= classes) {
        throw new IllegalArgumentException(
            "mask %d has the class %d: expected 0 to %d"
                .formatted(i / size, values[i] & 0xff, classes - 1));
      }
    }
    return new Masks((int) (values.length / size), height, width, classes, values);
  }

  /** Number of masks, at least 1. */
  public int count() {
    return count;
  }

  /** Rows of a mask. */
  public int height() {
    return height;
  }

  /** Columns of a mask. */
  public int width() {
    return width;
  }

  /** Number of classes. */
  public int classes() {
    return classes;
  }

  /**
   * The class of a pixel.
   *
   * @throws IndexOutOfBoundsException if there is no such mask, row or column
   */
  public int classOf(int mask, int row, int column) {
    Objects.checkIndex(mask, count);
    Objects.checkIndex(row, height);
    Objects.checkIndex(column, width);
    return values[(mask * height + row) * width + column] & 0xff;
  }

  /** The class numbers of one mask, a copy: unsigned bytes [height, width]. */
  public byte[] bytes(int mask) {
    int size = height * width;
    int from = Objects.checkIndex(mask, count) * size;
    return Arrays.copyOfRange(values, from, from + size);
  }

  /** All class numbers: [count, height, width]. */
  public int[] numbers() {
    int[] numbers = new int[values.length];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = values[i] & 0xff;
    }
    return numbers;
  }

  /** The share of pixels of each class, [classes], in [0, 1]. */
  public double[] shares() {
    double[] shares = new double[classes];
    for (byte value : values) {
      shares[value & 0xff]++;
    }
    for (int c = 0; c < classes; c++) {
      shares[c] /= values.length;
    }
    return shares;
  }

  /**
   * The given masks, in the given order, copied.
   *
   * @throws IndexOutOfBoundsException if there is no such mask
   */
  public Masks subset(int[] masks) {
    int size = height * width;
    byte[] taken = new byte[Math.multiplyExact(masks.length, size)];
    for (int i = 0; i < masks.length; i++) {
      System.arraycopy(values, Objects.checkIndex(masks[i], count) * size, taken, i * size, size);
    }
    return wrap(height, width, classes, taken);
  }
}
