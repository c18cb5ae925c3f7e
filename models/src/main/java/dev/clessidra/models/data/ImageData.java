package dev.clessidra.models.data;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A set of images of one size, with or without class labels.
 *
 * <p>Pixels are unsigned bytes, row-major {@code [count, height, width, channels]}; as floats they
 * are {@code pixel / 255}, so from 0 to 1. Immutable, and safe for use by many threads. Holds up to
 * 2 GiB of pixels.
 */
public final class ImageData {
  private static final float[] LEVELS = levels();

  private final int count;
  private final int height;
  private final int width;
  private final int channels;
  private final int imageSize;
  private final int first; // index of the first image in the shared arrays
  private final byte[] pixels;
  private final int[] labels; // null where there are none
  private final List<String> classNames;

  private ImageData(
      int count,
      int height,
      int width,
      int channels,
      int first,
      byte[] pixels,
      int[] labels,
      List<String> classNames) {
    this.count = count;
    this.height = height;
    this.width = width;
    this.channels = channels;
    this.imageSize = height * width * channels;
    this.first = first;
    this.pixels = pixels;
    this.labels = labels;
    this.classNames = classNames;
  }

  /**
   * Images without labels; {@code pixels} is copied.
   *
   * @param pixels {@code [count, height, width, channels]}; the count follows from the length
   * @throws IllegalArgumentException if a size is not positive or the length does not fit it
   */
  public static ImageData of(int height, int width, int channels, byte[] pixels) {
    return wrap(height, width, channels, pixels.clone(), null, List.of());
  }

  /**
   * Images with one label each; both arrays are copied.
   *
   * @param pixels {@code [count, height, width, channels]}
   * @param labels {@code [count]}, class numbers from 0
   * @throws IllegalArgumentException if a size is not positive, a length does not fit or a label is
   *     negative
   */
  public static ImageData of(int height, int width, int channels, byte[] pixels, int[] labels) {
    return wrap(height, width, channels, pixels.clone(), labels.clone(), List.of());
  }

  /** As {@link #of} but takes the arrays over; {@code labels} may be null. */
  static ImageData wrap(
      int height, int width, int channels, byte[] pixels, int[] labels, List<String> classNames) {
    if (height < 1 || width < 1 || channels < 1) {
      throw new IllegalArgumentException(
          "images of %dx%dx%d pixels: height, width and channels must be positive"
              .formatted(height, width, channels));
    }
    long imageSize = (long) height * width * channels;
    if (pixels.length == 0 || imageSize > pixels.length || pixels.length % imageSize != 0) {
      throw new IllegalArgumentException(
          "%d bytes of pixels: expected a positive multiple of the %d bytes of one %dx%dx%d image"
              .formatted(pixels.length, imageSize, height, width, channels));
    }
    int count = (int) (pixels.length / imageSize);
    if (labels != null) {
      if (labels.length != count) {
        throw new IllegalArgumentException(
            "%d labels for %d images: expected one each".formatted(labels.length, count));
      }
      for (int label : labels) {
        if (label < 0) {
          throw new IllegalArgumentException(
              "label %d: expected class numbers from 0".formatted(label));
        }
      }
    }
    return new ImageData(
        count, height, width, channels, 0, pixels, labels, List.copyOf(classNames));
  }

  /** Number of images, at least 1. */
  public int count() {
    return count;
  }

  /** Rows of an image. */
  public int height() {
    return height;
  }

  /** Columns of an image. */
  public int width() {
    return width;
  }

  /** Values of a pixel: 1 for gray, 3 for red, green, blue. */
  public int channels() {
    return channels;
  }

  /** Values of an image: height * width * channels. */
  public int imageSize() {
    return imageSize;
  }

  /** Whether each image has a label. */
  public boolean hasLabels() {
    return labels != null;
  }

  /**
   * The labels, a copy of {@code [count]}.
   *
   * @throws DataException if there are none
   */
  public int[] labels() {
    requireLabels();
    return Arrays.copyOfRange(labels, first, first + count);
  }

  /**
   * The label of an image.
   *
   * @throws DataException if there are none
   * @throws IndexOutOfBoundsException if there is no such image
   */
  public int label(int image) {
    requireLabels();
    return labels[first + Objects.checkIndex(image, count)];
  }

  /**
   * Number of classes: of class names where there are any, else the largest label + 1.
   *
   * @throws DataException if there are no labels
   */
  public int classCount() {
    requireLabels();
    if (!classNames.isEmpty()) {
      return classNames.size();
    }
    int largest = 0;
    for (int i = first; i < first + count; i++) {
      largest = Math.max(largest, labels[i]);
    }
    return largest + 1;
  }

  /** Names of the classes by label; empty where the source had only numbers or no labels. */
  public List<String> classNames() {
    return classNames;
  }

  /**
   * A value of a pixel, 0 to 255.
   *
   * @throws IndexOutOfBoundsException if there is no such image, row, column or channel
   */
  public int pixel(int image, int row, int column, int channel) {
    Objects.checkIndex(image, count);
    Objects.checkIndex(row, height);
    Objects.checkIndex(column, width);
    Objects.checkIndex(channel, channels);
    return pixels[(first + image) * imageSize + (row * width + column) * channels + channel] & 0xff;
  }

  /** The pixels, read-only and not copied: bytes {@code [count, height, width, channels]}. */
  public MemorySegment segment() {
    return MemorySegment.ofArray(pixels)
        .asSlice((long) first * imageSize, (long) count * imageSize)
        .asReadOnly();
  }

  /** The pixels, a copy: unsigned bytes {@code [count, height, width, channels]}. */
  public byte[] bytes() {
    return Arrays.copyOfRange(pixels, first * imageSize, (first + count) * imageSize);
  }

  /**
   * Images {@code from} (inclusive) to {@code to} (exclusive), sharing this set's memory.
   *
   * @throws IllegalArgumentException if the range is empty
   * @throws IndexOutOfBoundsException if the range is not within this set
   */
  public ImageData subset(int from, int to) {
    Objects.checkFromToIndex(from, to, count);
    if (from == to) {
      throw new IllegalArgumentException(
          "subset from %d to %d is empty: take at least one image".formatted(from, to));
    }
    return new ImageData(
        to - from, height, width, channels, first + from, pixels, labels, classNames);
  }

  /**
   * The given images, in the given order, copied; an image may be taken more than once.
   *
   * @throws IllegalArgumentException if no image is given
   * @throws IndexOutOfBoundsException if there is no such image
   */
  public ImageData subset(int[] images) {
    byte[] taken = new byte[Math.multiplyExact(images.length, imageSize)];
    int[] takenLabels = labels == null ? null : new int[images.length];
    for (int i = 0; i < images.length; i++) {
      int image = first + Objects.checkIndex(images[i], count);
      System.arraycopy(pixels, image * imageSize, taken, i * imageSize, imageSize);
      if (takenLabels != null) {
        takenLabels[i] = labels[image];
      }
    }
    return wrap(height, width, channels, taken, takenLabels, classNames);
  }

  /**
   * Other images of the same size with the labels of these; {@code pixels} is copied.
   *
   * @param pixels {@code [count, height, width, channels]}
   * @throws IllegalArgumentException if there are not as many
   */
  public ImageData withPixels(byte[] pixels) {
    if (pixels.length != count * imageSize) {
      throw new IllegalArgumentException(
          "%d pixels for %d images of %d: expected one each"
              .formatted(pixels.length, count, imageSize));
    }
    return wrap(height, width, channels, pixels.clone(), hasLabels() ? labels() : null, classNames);
  }

  /** All pixels as floats in [0, 1], a matrix {@code [count, imageSize]}. */
  public float[] floats() {
    return floats(0, count);
  }

  /**
   * Images {@code from} (inclusive) to {@code to} (exclusive) as floats in [0, 1], a matrix {@code
   * [to - from, imageSize]}.
   *
   * @throws IndexOutOfBoundsException if the range is not within this set
   */
  public float[] floats(int from, int to) {
    Objects.checkFromToIndex(from, to, count);
    int start = (first + from) * imageSize;
    float[] values = new float[(to - from) * imageSize];
    for (int i = 0; i < values.length; i++) {
      values[i] = LEVELS[pixels[start + i] & 0xff];
    }
    return values;
  }

  /**
   * Writes chosen images as floats in [0, 1] to {@code target}, a matrix {@code [to - from,
   * imageSize]} in native byte order from its start: a batch for a device's buffer.
   *
   * @param images image numbers, of which those at {@code from} (inclusive) to {@code to}
   *     (exclusive) are taken
   * @throws IndexOutOfBoundsException if the range, an image number or the target's size does not
   *     fit
   */
  public void copyFloats(int[] images, int from, int to, MemorySegment target) {
    Objects.checkFromToIndex(from, to, images.length);
    Objects.checkFromIndexSize(0L, (long) (to - from) * imageSize * Float.BYTES, target.byteSize());
    for (int row = 0; row < to - from; row++) {
      int start = (first + Objects.checkIndex(images[from + row], count)) * imageSize;
      long offset = (long) row * imageSize * Float.BYTES;
      for (int i = 0; i < imageSize; i++) {
        target.set(
            ValueLayout.JAVA_FLOAT_UNALIGNED,
            offset + (long) i * Float.BYTES,
            LEVELS[pixels[start + i] & 0xff]);
      }
    }
  }

  /** Size and count, for a message: {@code 60000 images of 28x28, gray, 10 classes}. */
  @Override
  public String toString() {
    String colour =
        switch (channels) {
          case 1 -> "gray";
          case 3 -> "colour";
          default -> channels + " channels";
        };
    return "%d image%s of %dx%d, %s%s"
        .formatted(
            count,
            count == 1 ? "" : "s",
            height,
            width,
            colour,
            hasLabels() ? ", " + classCount() + " classes" : "");
  }

  private void requireLabels() {
    if (labels == null) {
      throw new DataException(
          "the images have no labels: give labels, a label file or a folder with one sub-folder a"
              + " class");
    }
  }

  private static float[] levels() {
    float[] levels = new float[256];
    for (int i = 0; i < levels.length; i++) {
      levels[i] = i / 255f;
    }
    return levels;
  }
}
