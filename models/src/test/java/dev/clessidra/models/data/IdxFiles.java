package dev.clessidra.models.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.zip.GZIPOutputStream;

/** Makes IDX files, sound and not, for tests. */
final class IdxFiles {
  private IdxFiles() {}

  /** Images whose pixels count up from 0. */
  static byte[] images(int count, int height, int width) {
    byte[] pixels = new byte[count * height * width];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) i;
    }
    return file(pixels, 0x803, count, height, width);
  }

  static byte[] labels(int... labels) {
    byte[] bytes = new byte[labels.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) labels[i];
    }
    return file(bytes, 0x801, labels.length);
  }

  /** A header of big-endian numbers, and a body. */
  static byte[] file(byte[] body, int... header) {
    ByteBuffer buffer = ByteBuffer.allocate(header.length * Integer.BYTES + body.length);
    for (int number : header) {
      buffer.putInt(number);
    }
    return buffer.put(body).array();
  }

  static byte[] gzip(byte[] bytes) {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
      out.write(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return packed.toByteArray();
  }
}
