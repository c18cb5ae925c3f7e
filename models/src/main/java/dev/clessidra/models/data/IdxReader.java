package dev.clessidra.models.data;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * Reads the IDX files of MNIST and its kin: images (magic 0x803) and labels (magic 0x801) of
 * unsigned bytes, of any size up to 2 GiB, gzip or not, which the content tells and not the name.
 *
 * <p>Format: big-endian 32-bit magic number, one 32-bit size a dimension (count; rows and columns
 * for images), then the bytes row by row. Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST
 * database of handwritten digits". Memory is taken as the bytes arrive, so a header cannot ask for
 * more than the file holds. Stateless and thread-safe.
 */
public final class IdxReader {
  private static final int IMAGES = 0x803;
  private static final int LABELS = 0x801;
  private static final int MOST_BYTES = Integer.MAX_VALUE - 8;
  private static final int FIRST_BLOCK = 1 << 20;
  private static final String GET_AGAIN = "get the file again";

  private IdxReader() {}

  /**
   * Reads images without labels; they are gray.
   *
   * @throws DataException if the file cannot be read or is not a sound IDX file of images
   */
  public static ImageData readImages(Path images) {
    return readImages(Input.of(images));
  }

  /**
   * Reads labels, class numbers from 0 to 255.
   *
   * @throws DataException if the file cannot be read or is not a sound IDX file of labels
   */
  public static int[] readLabels(Path labels) {
    return readLabels(Input.of(labels));
  }

  /**
   * Reads images and their labels.
   *
   * @throws DataException if a file cannot be read or is not sound, or their counts differ
   */
  public static ImageData read(Path images, Path labels) {
    return read(Input.of(images), Input.of(labels));
  }

  static ImageData read(Input images, Input labels) {
    ImageData unlabelled = readImages(images);
    int[] classes = readLabels(labels);
    if (classes.length != unlabelled.count()) {
      throw new DataException(
          "%s has %d labels but %s has %d images: expected one label an image; give the two files"
                  .formatted(labels.name(), classes.length, images.name(), unlabelled.count())
              + " that belong together");
    }
    return ImageData.wrap(
        unlabelled.height(), unlabelled.width(), 1, unlabelled.bytes(), classes, List.of());
  }

  static ImageData readImages(Input input) {
    int[] sizes = new int[3];
    byte[] pixels = readBody(input, IMAGES, sizes);
    return ImageData.wrap(sizes[1], sizes[2], 1, pixels, null, List.of());
  }

  static int[] readLabels(Input input) {
    byte[] bytes = readBody(input, LABELS, new int[1]);
    int[] labels = new int[bytes.length];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = bytes[i] & 0xff;
    }
    return labels;
  }

  /** A named source of bytes: a file or a resource. */
  record Input(String name, Opener opener) {
    static Input of(Path file) {
      return new Input(
          file.toString(),
          () -> {
            if (Files.isDirectory(file)) {
              throw new DataException(file + " is a folder: expected an IDX file; name the file");
            }
            return Files.newInputStream(file);
          });
    }
  }

  /** Opens a source; the caller closes the stream. */
  @FunctionalInterface
  interface Opener {
    InputStream open() throws IOException;
  }

  /** Reads the bytes that follow the header, and the sizes of the dimensions into {@code sizes}. */
  private static byte[] readBody(Input input, int magic, int[] sizes) {
    String name = input.name();
    try (InputStream raw = new BufferedInputStream(input.opener().open(), 1 << 16)) {
      InputStream in = unpacked(raw);
      int headerLength = Integer.BYTES * (1 + sizes.length);
      byte[] header = readUpTo(in, headerLength);
      if (header.length == 0) {
        throw new DataException(
            "%s is empty: expected %s; %s".formatted(name, kind(magic), GET_AGAIN));
      }
      checkMagic(name, header, magic);
      if (header.length < headerLength) {
        throw new DataException(
            "%s is truncated: %d bytes, expected a header of %d bytes; %s"
                .formatted(name, header.length, headerLength, GET_AGAIN));
      }
      long expected = checkSizes(name, ByteBuffer.wrap(header, 4, header.length - 4), sizes);
      byte[] bytes = readUpTo(in, (int) expected);
      if (bytes.length < expected) {
        throw new DataException(
            "%s is truncated: %d bytes after the header, expected %d (%s); %s"
                .formatted(name, bytes.length, expected, shape(sizes), GET_AGAIN));
      }
      if (in.read() >= 0) {
        throw new DataException(
            "%s has bytes after the last expected one: expected %d after the header (%s); %s"
                .formatted(name, expected, shape(sizes), GET_AGAIN));
      }
      return bytes;
    } catch (ZipException e) {
      throw new DataException(
          "%s is damaged: expected gzip data that can be unpacked (%s); %s"
              .formatted(name, Problems.describe(e), GET_AGAIN),
          e);
    } catch (IOException e) {
      throw new DataException(
          "%s cannot be read: %s; check the name and the permissions"
              .formatted(name, Problems.describe(e)),
          e);
    }
  }

  private static InputStream unpacked(InputStream in) throws IOException {
    in.mark(2);
    int first = in.read();
    int second = in.read();
    in.reset();
    return first == 0x1f && second == 0x8b ? new GZIPInputStream(in, 1 << 16) : in;
  }

  private static void checkMagic(String name, byte[] header, int expected) {
    if (header.length < Integer.BYTES) {
      throw new DataException(
          "%s is truncated: %d bytes, expected %s; %s"
              .formatted(name, header.length, kind(expected), GET_AGAIN));
    }
    int magic = ByteBuffer.wrap(header).getInt();
    if (magic == expected) {
      return;
    }
    String found =
        switch (magic) {
          case IMAGES, LABELS -> "is " + kind(magic);
          default -> "has the magic number 0x%08x".formatted(magic);
        };
    String remedy =
        switch (magic) {
          case IMAGES, LABELS -> "check the order of the files";
          default -> "give an IDX file of unsigned bytes, gzip or not";
        };
    throw new DataException(
        "%s %s: expected %s; %s".formatted(name, found, kind(expected), remedy));
  }

  /** Fills {@code sizes} and returns their product, the number of bytes that have to follow. */
  private static long checkSizes(String name, ByteBuffer header, int[] sizes) {
    long product = 1;
    for (int i = 0; i < sizes.length; i++) {
      long size = Integer.toUnsignedLong(header.getInt());
      if (size == 0) {
        throw new DataException(
            "%s says it has %s: expected at least one of each; give a file with content"
                .formatted(name, i == 0 ? "0 items" : "images of 0 pixels"));
      }
      if (size > MOST_BYTES || product * size > MOST_BYTES) {
        throw new DataException(
            "%s says in its header that it is larger than 2 GiB: expected at most %d bytes; %s, or"
                    .formatted(name, MOST_BYTES, GET_AGAIN)
                + " split it");
      }
      product *= size;
      sizes[i] = (int) size;
    }
    return product;
  }

  /** Reads {@code length} bytes, or fewer where the data, packed or not, ends before. */
  private static byte[] readUpTo(InputStream in, int length) throws IOException {
    byte[] bytes = new byte[Math.min(length, FIRST_BLOCK)];
    int filled = 0;
    while (filled < length) {
      if (filled == bytes.length) {
        bytes = Arrays.copyOf(bytes, (int) Math.min(length, 2L * bytes.length));
      }
      int read;
      try {
        read = in.read(bytes, filled, bytes.length - filled);
      } catch (EOFException e) {
        read = -1; // a gzip stream that breaks off
      }
      if (read < 0) {
        return Arrays.copyOf(bytes, filled);
      }
      filled += read;
    }
    return bytes;
  }

  private static String kind(int magic) {
    return magic == IMAGES
        ? "an IDX file of images (magic 0x00000803)"
        : "an IDX file of labels (magic 0x00000801)";
  }

  private static String shape(int[] sizes) {
    return sizes.length == 1
        ? "%d labels".formatted(sizes[0])
        : "%d images of %dx%d".formatted(sizes[0], sizes[1], sizes[2]);
  }
}
