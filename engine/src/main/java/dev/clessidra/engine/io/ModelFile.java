package dev.clessidra.engine.io;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;

/**
 * A safetensors file open for reading: 8 bytes of header length (little-endian), a JSON header with
 * each tensor's type, shape and offsets and the strings of {@code __metadata__}, then the tensors'
 * bytes without gaps (format: https://github.com/huggingface/safetensors). The whole header is
 * checked when the file is opened; tensors are read one at a time.
 *
 * <p>Reading is safe from several threads.
 */
public final class ModelFile implements AutoCloseable {
  /** The longest header that is accepted, in bytes, as in the format's own implementation. */
  public static final long MAXIMUM_HEADER_BYTES = 100_000_000;

  static final String METADATA = "__metadata__";

  private static final int CHUNK = 1 << 26;

  private final Path path;
  private final FileChannel channel;
  private final long dataStart;
  private final SequencedMap<String, Entry> entries;
  private final Map<String, String> metadata;

  /**
   * One tensor in the file.
   *
   * @param name unique in the file
   * @param type element type
   * @param dimensions outermost first; empty for a scalar
   * @param offset bytes from the start of the data
   * @param byteSize bytes of data: the product of the dimensions times the type's size
   */
  public record Entry(
      String name, StoredType type, List<Long> dimensions, long offset, long byteSize) {
    public Entry {
      dimensions = List.copyOf(dimensions);
    }
  }

  private ModelFile(Path path, FileChannel channel) throws IOException {
    this.path = path;
    this.channel = channel;
    long fileSize = channel.size();
    if (fileSize < Long.BYTES) {
      throw malformed(
          "not a safetensors file: " + fileSize + " bytes, expected at least 8 (a header length)");
    }
    ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    readFully(length, 0);
    long headerSize = length.getLong(0);
    if (headerSize < 2 || headerSize > MAXIMUM_HEADER_BYTES) {
      throw malformed(
          "not a safetensors file: its first 8 bytes give a header of "
              + Long.toUnsignedString(headerSize)
              + " bytes, expected 2 to "
              + MAXIMUM_HEADER_BYTES);
    }
    if (headerSize > fileSize - Long.BYTES) {
      throw malformed(
          "truncated, or not a safetensors file: the header needs "
              + (headerSize + Long.BYTES)
              + " bytes, the file has "
              + fileSize);
    }
    byte[] header = new byte[(int) headerSize];
    readFully(ByteBuffer.wrap(header), Long.BYTES);
    if (header[0] != '{') {
      throw malformed("not a safetensors file: its header does not start with '{'");
    }
    Map<String, Object> json;
    try {
      json = Json.readObject(header);
    } catch (Json.SyntaxException e) {
      throw malformed("not a safetensors file: bad JSON header: " + e.getMessage());
    }
    this.metadata = readMetadata(json.remove(METADATA));
    SequencedMap<String, Entry> found = new TreeMap<>();
    json.forEach((name, value) -> found.put(name, readEntry(name, value)));
    this.entries = Collections.unmodifiableSequencedMap(found);
    this.dataStart = Long.BYTES + headerSize;
    checkOffsets(fileSize - dataStart);
  }

  /**
   * Opens a file and checks its header.
   *
   * @throws ModelFileException when there is no such file or it is malformed
   */
  public static ModelFile open(Path path) {
    if (Files.isDirectory(path)) {
      throw new ModelFileException(path + ": is a folder, expected a file");
    }
    FileChannel channel;
    try {
      channel = FileChannel.open(path, StandardOpenOption.READ);
    } catch (NoSuchFileException e) {
      throw new ModelFileException(path + ": there is no such file", e);
    } catch (IOException e) {
      throw unreadable(path, e);
    }
    try {
      return new ModelFile(path, channel);
    } catch (IOException | RuntimeException e) {
      try {
        channel.close();
      } catch (IOException suppressed) {
        e.addSuppressed(suppressed);
      }
      if (e instanceof IOException problem) {
        throw unreadable(path, problem);
      }
      throw (RuntimeException) e;
    }
  }

  /** Where the file is. */
  public Path path() {
    return path;
  }

  /** The tensors by name, sorted; unmodifiable. */
  public SequencedMap<String, Entry> entries() {
    return entries;
  }

  /** The strings of {@code __metadata__}; unmodifiable, empty when there are none. */
  public Map<String, String> metadata() {
    return metadata;
  }

  /**
   * The entry of a name.
   *
   * @throws ModelFileException when the file has none
   */
  public Entry entry(String name) {
    Entry entry = entries.get(name);
    if (entry == null) {
      throw new ModelFileException(
          path + ": has no tensor \"" + name + "\"; it has " + summary(entries.sequencedKeySet()));
    }
    return entry;
  }

  /**
   * Reads a tensor's bytes as they are in the file.
   *
   * @param target as many bytes as the entry's {@code byteSize}
   * @throws ModelFileException when there is no such tensor or it cannot be read
   */
  public void read(String name, MemorySegment target) {
    Entry entry = entry(name);
    if (target.byteSize() != entry.byteSize()) {
      throw new IllegalArgumentException(
          path
              + ": tensor \""
              + name
              + "\" has "
              + entry.byteSize()
              + " bytes, the target has "
              + target.byteSize());
    }
    if (target.isNative()) {
      readTo(entry, target);
    } else {
      // A channel reads into a heap segment only when that is an array of bytes.
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment bytes = arena.allocate(entry.byteSize(), Long.BYTES);
        readTo(entry, bytes);
        target.copyFrom(bytes);
      }
    }
  }

  private void readTo(Entry entry, MemorySegment target) {
    try {
      for (long done = 0; done < entry.byteSize(); done += CHUNK) {
        long bytes = Math.min(CHUNK, entry.byteSize() - done);
        readFully(target.asSlice(done, bytes).asByteBuffer(), dataStart + entry.offset() + done);
      }
    } catch (IOException e) {
      throw unreadable(path, e);
    }
  }

  /**
   * Reads an F32 tensor.
   *
   * @throws ModelFileException when there is no such tensor, it is of another type, or cannot be
   *     read
   */
  public float[] readFloats(String name) {
    Entry entry = entry(name);
    if (entry.type() != StoredType.F32) {
      throw new ModelFileException(
          path + ": tensor \"" + name + "\" is " + entry.type() + ", expected F32");
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(entry.byteSize(), Float.BYTES);
      read(name, bytes);
      return bytes.toArray(ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN));
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw unreadable(path, e);
    }
  }

  private Map<String, String> readMetadata(Object value) {
    Map<String, String> result = new TreeMap<>();
    if (value != null) {
      if (!(value instanceof Map<?, ?> map)) {
        throw malformed("malformed header: " + METADATA + " is not an object");
      }
      map.forEach((key, text) -> {
        if (!(text instanceof String string)) {
          throw malformed("malformed header: metadata \"" + key + "\" is not a string");
        }
        result.put((String) key, string);
      });
    }
    return Collections.unmodifiableMap(result);
  }

  private Entry readEntry(String name, Object value) {
    if (!(value instanceof Map<?, ?> map)
        || !(map.get("dtype") instanceof String dtype)
        || !(map.get("shape") instanceof List<?> shape)
        || !(map.get("data_offsets") instanceof List<?> offsets)
        || map.size() != 3) {
      throw malformed(
          "malformed header: tensor \"" + name + "\" needs dtype, shape and data_offsets");
    }
    StoredType type;
    try {
      type = StoredType.valueOf(dtype);
    } catch (IllegalArgumentException e) {
      throw malformed("tensor \"" + name + "\" has the unsupported type " + dtype);
    }
    List<Long> dimensions = wholeNumbers(name, shape);
    List<Long> range = wholeNumbers(name, offsets);
    if (range.size() != 2 || range.get(0) > range.get(1)) {
      throw malformed("malformed header: tensor \"" + name + "\" has the offsets " + range);
    }
    long byteSize = range.get(1) - range.get(0);
    long expected = type.byteSize();
    try {
      for (long dimension : dimensions) {
        expected = Math.multiplyExact(expected, dimension);
      }
    } catch (ArithmeticException e) {
      throw malformed(
          "malformed header: tensor \"" + name + "\" has the absurd shape " + dimensions);
    }
    if (expected != byteSize) {
      throw malformed(
          "malformed header: tensor \""
              + name
              + "\" of type "
              + type
              + " and shape "
              + dimensions
              + " needs "
              + expected
              + " bytes, its offsets give "
              + byteSize);
    }
    return new Entry(name, type, dimensions, range.get(0), byteSize);
  }

  private List<Long> wholeNumbers(String name, List<?> values) {
    List<Long> result = new ArrayList<>(values.size());
    for (Object value : values) {
      if (!(value instanceof Long number) || number < 0) {
        throw malformed(
            "malformed header: tensor \""
                + name
                + "\" holds "
                + value
                + " where a number not below 0 is expected");
      }
      result.add(number);
    }
    return result;
  }

  /** The tensors must cover the data exactly: no gap, no overlap, nothing after the last. */
  private void checkOffsets(long dataSize) {
    List<Entry> byOffset = new ArrayList<>(entries.values());
    byOffset.sort(Comparator.comparingLong(Entry::offset).thenComparingLong(Entry::byteSize));
    long end = 0;
    for (Entry entry : byOffset) {
      if (entry.offset() != end) {
        throw malformed(
            "malformed header: tensor \""
                + entry.name()
                + "\" starts at byte "
                + entry.offset()
                + " of the data, expected "
                + end
                + " (gaps and overlaps are not allowed)");
      }
      end += entry.byteSize();
    }
    if (end > dataSize) {
      throw malformed(
          "truncated: its tensors need " + end + " bytes of data, the file has " + dataSize);
    }
    if (end < dataSize) {
      throw malformed("malformed: " + (dataSize - end) + " bytes follow the last tensor");
    }
  }

  private void readFully(ByteBuffer target, long position) throws IOException {
    long at = position;
    while (target.hasRemaining()) {
      int count = channel.read(target, at);
      if (count < 0) {
        throw malformed("truncated: it ends at byte " + at);
      }
      at += count;
    }
  }

  private ModelFileException malformed(String what) {
    return new ModelFileException(path + ": " + what);
  }

  private static ModelFileException unreadable(Path path, IOException cause) {
    return new ModelFileException(path + ": cannot be read: " + Causes.of(cause), cause);
  }

  /** At most eight names, for a message of one line. */
  static String summary(Collection<String> names) {
    if (names.isEmpty()) {
      return "none";
    }
    String listed = String.join(", ", names.stream().limit(8).toList());
    return names.size() > 8 ? listed + " and " + (names.size() - 8) + " more" : listed;
  }
}
