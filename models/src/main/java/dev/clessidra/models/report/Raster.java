package dev.clessidra.models.report;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import javax.imageio.ImageIO;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** A picture to draw squares of colour in; transparent where nothing was drawn. Not thread-safe. */
final class Raster {
  private final BufferedImage image;

  Raster(int height, int width) {
    image = new BufferedImage(width, height, BufferedImage.TYPE_INT_ARGB);
  }

  int height() {
    return image.getHeight();
  }

  int width() {
    return image.getWidth();
  }

  /** Fills a square with a colour, 0xRRGGBB. */
  void square(int top, int left, int side, int rgb) {
    for (int y = top; y < top + side; y++) {
      for (int x = left; x < left + side; x++) {
        image.setRGB(x, y, 0xff000000 | rgb);
      }
    }
  }

  /** Draws another picture with its upper left corner at the place given. */
  void draw(int top, int left, Raster other) {
    int[] row = new int[other.width()];
    for (int y = 0; y < other.height(); y++) {
      other.image.getRGB(0, y, row.length, 1, row, 0, row.length);
      image.setRGB(left, top + y, row.length, 1, row, 0, row.length);
    }
  }

  byte[] png() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    // Not on the byte stream itself: ImageIO would go through a temporary file.
    try (ImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
      if (!ImageIO.write(image, "png", out)) {
        throw new IllegalStateException(
            "this Java run-time writes no PNG: java.desktop is missing");
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }
}
