package dev.clessidra.models.segmentation;

import dev.clessidra.models.data.ImageData;

/**
 * Makes images of different brightness comparable, and in an image what is dim with what is bright.
 *
 * <p>A value v from 0 to 1 becomes min(v / white, 1) to the power of gamma, where white is a
 * percentile of the image's own values, all channels together.
 *
 * @param percentile in [0, 100]: white is the smallest value that at least this share of the values
 *     does not exceed; it is 1 where this is 0, and where the percentile is black
 * @param gamma above 0: below 1 brings out what is dim, 1 changes nothing
 */
public record Exposure(double percentile, double gamma) {
  private static final int WHITE = 255;

  /**
   * Checks both.
   *
   * @throws IllegalArgumentException if one is out of its range
   */
  public Exposure {
    if (!(percentile >= 0 && percentile <= 100)) {
      throw new IllegalArgumentException("the percentile must be in [0, 100], got " + percentile);
    }
    if (!(gamma > 0 && Double.isFinite(gamma))) {
      throw new IllegalArgumentException("gamma must be finite and above 0, got " + gamma);
    }
  }

  /** Leaves images as they are. */
  public static Exposure none() {
    return new Exposure(0, 1);
  }

  /** The images so exposed; the same object where nothing is to be done. */
  public ImageData apply(ImageData images) {
    if (equals(none())) {
      return images;
    }
    byte[] pixels = images.bytes();
    int size = images.imageSize();
    for (int from = 0; from < pixels.length; from += size) {
      byte[] curve = curve(percentile == 0 ? WHITE : percentileOf(pixels, from, size));
      for (int i = from; i < from + size; i++) {
        pixels[i] = curve[pixels[i] & 0xff];
      }
    }
    return images.hasLabels()
        ? ImageData.of(images.height(), images.width(), images.channels(), pixels, images.labels())
        : ImageData.of(images.height(), images.width(), images.channels(), pixels);
  }

  /** What each value becomes. */
  private byte[] curve(int white) {
    byte[] curve = new byte[WHITE + 1];
    for (int value = 0; value <= WHITE; value++) {
      double linear = Math.min(1, value / (double) (white == 0 ? WHITE : white));
      // StrictMath: the same pixels on every machine.
      curve[value] = (byte) StrictMath.round(WHITE * StrictMath.pow(linear, gamma));
    }
    return curve;
  }

  private int percentileOf(byte[] pixels, int from, int size) {
    int[] counts = new int[WHITE + 1];
    for (int i = from; i < from + size; i++) {
      counts[pixels[i] & 0xff]++;
    }
    long below = counts[0];
    int value = 0;
    while (below < percentile / 100 * size) {
      value++;
      below += counts[value];
    }
    return value;
  }
}
