package dev.clessidra.models.data;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * Writes arrays as NumPy's {@code .npy} files, version 1.0: little-endian, C order, read by {@code
 * numpy.load}. The file is whole or not there at all (see {@link AtomicFile}).
 *
 * <p>Format: NumPy Enhancement Proposal 1, and {@code numpy.lib.format}. Stateless and thread-safe.
 */
public final class NpyWriter {
  /** The ending of the names of such files. */
  public static final String ENDING = ".npy";

  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  private static final int ALIGNMENT = 64;
  private static final int BLOCK = 1 << 14; // values converted at a time

  private NpyWriter() {}

  /**
   * Writes float32 values of the given shape, the last dimension running fastest; no dimension is a
   * scalar.
   *
   * @throws IllegalArgumentException if the shape does not hold exactly the values given
   * @throws DataException if the file cannot be written
   */
  public static void write(Path file, float[] values, int... shape) {
    write(file, MemorySegment.ofArray(values), ValueLayout.JAVA_FLOAT, "<f4", shape);
  }

  /**
   * Writes int32 values of the given shape, the last dimension running fastest.
   *
   * @throws IllegalArgumentException if the shape does not hold exactly the values given
   * @throws DataException if the file cannot be written
   */
  public static void write(Path file, int[] values, int... shape) {
    write(file, MemorySegment.ofArray(values), ValueLayout.JAVA_INT, "<i4", shape);
  }

  /**
   * Writes float32 values in native byte order of the given shape, straight from native memory.
   *
   * @throws IllegalArgumentException if the shape does not hold exactly the values given
   * @throws DataException if the file cannot be written
   */
  public static void writeFloats(Path file, MemorySegment values, int... shape) {
    write(file, values, ValueLayout.JAVA_FLOAT_UNALIGNED, "<f4", shape);
  }

  private static void write(
      Path file, MemorySegment values, ValueLayout layout, String type, int... shape) {
    long expected = 1;
    for (int size : shape) {
      if (size < 0) {
        throw new IllegalArgumentException(
            "shape %s has a negative size".formatted(Arrays.toString(shape)));
      }
      expected = Math.multiplyExact(expected, size);
    }
    if (expected * Integer.BYTES != values.byteSize()) {
      throw new IllegalArgumentException(
          "%d values do not fit the shape %s: expected %d"
              .formatted(values.byteSize() / Integer.BYTES, Arrays.toString(shape), expected));
    }
    AtomicFile.write(
        file,
        out -> {
          out.write(header(type, shape));
          writeLittleEndian(values, layout, out);
        });
  }

  private static byte[] header(String type, int... shape) {
    String sizes =
        Arrays.stream(shape).mapToObj(Integer::toString).collect(Collectors.joining(", "));
    String dictionary =
        "{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }"
            .formatted(type, sizes, shape.length == 1 ? "," : "");
    int prefix = MAGIC.length + Short.BYTES;
    int total = (prefix + dictionary.length() + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    String padded = dictionary + " ".repeat(total - prefix - dictionary.length() - 1) + "\n";
    return ByteBuffer.allocate(total)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(MAGIC)
        .putShort((short) padded.length())
        .put(padded.getBytes(StandardCharsets.US_ASCII))
        .array();
  }

  private static void writeLittleEndian(MemorySegment values, ValueLayout layout, OutputStream out)
      throws IOException {
    byte[] block = new byte[BLOCK * Integer.BYTES];
    MemorySegment target = MemorySegment.ofArray(block);
    ValueLayout little = layout.withOrder(ByteOrder.LITTLE_ENDIAN).withByteAlignment(1);
    long count = values.byteSize() / Integer.BYTES;
    for (long done = 0; done < count; done += BLOCK) {
      int number = (int) Math.min(BLOCK, count - done);
      MemorySegment.copy(values, layout, done * Integer.BYTES, target, little, 0, number);
      out.write(block, 0, number * Integer.BYTES);
    }
  }
}
