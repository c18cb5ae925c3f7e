package dev.clessidra.engine.io;

import dev.clessidra.engine.Tensor;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes safetensors files. The same content gives the same bytes: metadata and tensors are sorted
 * by name. A file appears complete or not at all, see {@link AtomicFileWriter}.
 *
 * <p>Not safe for use by several threads.
 */
public final class ModelFileWriter {
  private static final int ALIGNMENT = 8;
  private static final int CHUNK = 1 << 20;

  private final Map<String, String> metadata = new TreeMap<>();
  private final Map<String, Item> items = new TreeMap<>();

  /** Copies a tensor's bytes into a host segment of the tensor's size. */
  private interface Source {
    void copyTo(MemorySegment target);
  }

  private record Item(StoredType type, List<Long> dimensions, long byteSize, Source source) {}

  /** A writer of an empty file. */
  public ModelFileWriter() {}

  /** Adds or replaces a string of the metadata. */
  public ModelFileWriter metadata(String key, String value) {
    metadata.put(key, value);
    return this;
  }

  /** Adds or replaces strings of the metadata. */
  public ModelFileWriter metadata(Map<String, String> strings) {
    metadata.putAll(strings);
    return this;
  }

  /**
   * Adds a tensor, which is read when the file is written.
   *
   * @throws IllegalArgumentException when the name is taken
   */
  public ModelFileWriter add(String name, Tensor tensor) {
    StoredType type =
        switch (tensor.elementType()) {
          case FLOAT32 -> StoredType.F32;
          case INT32 -> StoredType.I32;
          case UINT8 -> StoredType.U8;
        };
    List<Long> dimensions =
        Arrays.stream(tensor.shape().dimensions()).mapToObj(Long::valueOf).toList();
    return put(name, new Item(type, dimensions, tensor.byteSize(), tensor::copyTo));
  }

  /**
   * Adds a tensor from host memory, which is read when the file is written.
   *
   * @param bytes little-endian elements; as many bytes as type and dimensions need
   * @throws IllegalArgumentException when the name is taken or the size does not fit
   */
  public ModelFileWriter add(
      String name, StoredType type, List<Long> dimensions, MemorySegment bytes) {
    long expected = type.byteSize();
    for (long dimension : dimensions) {
      expected = Math.multiplyExact(expected, dimension);
    }
    if (bytes.byteSize() != expected) {
      throw new IllegalArgumentException(
          "tensor \""
              + name
              + "\" of type "
              + type
              + " and shape "
              + dimensions
              + " needs "
              + expected
              + " bytes, got "
              + bytes.byteSize());
    }
    return put(
        name, new Item(type, List.copyOf(dimensions), expected, target -> target.copyFrom(bytes)));
  }

  private ModelFileWriter put(String name, Item item) {
    if (name.equals(ModelFile.METADATA)) {
      throw new IllegalArgumentException("a tensor cannot be named " + ModelFile.METADATA);
    }
    if (items.putIfAbsent(name, item) != null) {
      throw new IllegalArgumentException("there is already a tensor named \"" + name + "\"");
    }
    return this;
  }

  /**
   * Writes the file, replacing one of that name; of a symbolic link what it leads to.
   *
   * @throws ModelFileException when it cannot be written; a file of that name is then as it was
   */
  public void write(Path path) {
    try {
      AtomicFileWriter.write(path, this::writeTo);
    } catch (FileSystemException e) {
      throw new ModelFileException(
          path + ": cannot be written: " + e.getReason() + "; choose another place or make room",
          e);
    }
  }

  private void writeTo(OutputStream out) throws IOException {
    byte[] header = header();
    byte[] length = new byte[Long.BYTES];
    ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length);
    out.write(length);
    out.write(header);
    byte[] chunk = new byte[CHUNK];
    for (Item item : items.values()) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment bytes = arena.allocate(item.byteSize(), ALIGNMENT);
        item.source().copyTo(bytes);
        for (long done = 0; done < item.byteSize(); done += CHUNK) {
          int size = (int) Math.min(CHUNK, item.byteSize() - done);
          MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, done, chunk, 0, size);
          out.write(chunk, 0, size);
        }
      }
    }
  }

  private byte[] header() {
    StringBuilder json = new StringBuilder("{");
    if (!metadata.isEmpty()) {
      Json.writeString(json, ModelFile.METADATA);
      json.append(":{");
      metadata.forEach((key, value) -> {
        Json.writeString(json, key);
        json.append(':');
        Json.writeString(json, value);
        json.append(',');
      });
      json.setLength(json.length() - 1);
      json.append("},");
    }
    long offset = 0;
    for (Map.Entry<String, Item> entry : items.entrySet()) {
      Item item = entry.getValue();
      Json.writeString(json, entry.getKey());
      json.append(":{\"dtype\":\"").append(item.type()).append("\",\"shape\":");
      json.append(item.dimensions().toString().replace(" ", ""));
      json.append(",\"data_offsets\":[").append(offset);
      offset += item.byteSize();
      json.append(',').append(offset).append("]},");
    }
    if (json.length() > 1) {
      json.setLength(json.length() - 1);
    }
    json.append('}');
    byte[] unpadded = json.toString().getBytes(StandardCharsets.UTF_8);
    int size = Math.ceilDiv(unpadded.length, ALIGNMENT) * ALIGNMENT;
    if (size > ModelFile.MAXIMUM_HEADER_BYTES) {
      throw new ModelFileException(
          "a header of "
              + size
              + " bytes is above the format's cap of "
              + ModelFile.MAXIMUM_HEADER_BYTES);
    }
    byte[] header = Arrays.copyOf(unpadded, size);
    Arrays.fill(header, unpadded.length, size, (byte) ' ');
    return header;
  }
}
