package dev.clessidra.models.data;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Writes images as PNG files, pixel for pixel. Stateless and thread-safe. */
public final class PngWriter {
  private PngWriter() {}

  /**
   * Creates or replaces a file.
   *
   * @param images of 1 channel, gray, or 3 channels, red, green and blue
   * @param image which of them
   * @throws DataException if it cannot be written
   */
  public static void write(Path file, ImageData images, int image) {
    int channels = images.channels();
    if (channels != 1 && channels != 3) {
      throw new IllegalArgumentException(
          "%d channels: expected 1 (gray) or 3 (red, green, blue)".formatted(channels));
    }
    BufferedImage picture =
        new BufferedImage(
            images.width(),
            images.height(),
            channels == 1 ? BufferedImage.TYPE_BYTE_GRAY : BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < images.height(); y++) {
      for (int x = 0; x < images.width(); x++) {
        for (int c = 0; c < channels; c++) {
          picture.getRaster().setSample(x, y, c, images.pixel(image, y, x, c));
        }
      }
    }
    byte[] bytes = encoded(picture);
    AtomicFile.write(file, out -> out.write(bytes));
  }

  private static byte[] encoded(BufferedImage picture) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    // Not on the byte stream itself: ImageIO would go through a temporary file.
    try (ImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
      if (!ImageIO.write(picture, "png", out)) {
        throw new IllegalStateException(
            "this Java run-time writes no PNG: java.desktop is missing");
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }
}
