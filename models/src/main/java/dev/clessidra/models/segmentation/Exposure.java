package dev.clessidra.models.segmentation;

import dev.clessidra.models.data.ImageData;

/** Makes images of different brightness comparable. */
public final class Exposure {
  private Exposure() {}

  /**
   * Divides each image by a percentile of its own values, all channels together; what is brighter
   * becomes white.
   *
   * @param percentile in [0, 100]: the smallest value that at least this share of the values does
   *     not exceed becomes 255; 0 leaves the images as they are, and so is one left whose
   *     percentile is black
   */
  public static ImageData scaled(ImageData images, double percentile) {
    if (!(percentile >= 0 && percentile <= 100)) {
      throw new IllegalArgumentException("the percentile must be in [0, 100], got " + percentile);
    }
    if (percentile == 0) {
      return images;
    }
    byte[] pixels = images.bytes();
    int size = images.imageSize();
    for (int from = 0; from < pixels.length; from += size) {
      int white = percentile(pixels, from, size, percentile);
      for (int i = from; i < from + size && white > 0; i++) {
        pixels[i] = (byte) Math.min(255, ((pixels[i] & 0xff) * 255 + white / 2) / white);
      }
    }
    return images.hasLabels()
        ? ImageData.of(images.height(), images.width(), images.channels(), pixels, images.labels())
        : ImageData.of(images.height(), images.width(), images.channels(), pixels);
  }

  private static int percentile(byte[] pixels, int from, int size, double percentile) {
    int[] counts = new int[256];
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
