package dev.clessidra.engine.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;
import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelFileTest {
  @TempDir private Path folder;

  private static byte[] file(String header, int dataBytes) {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(
        ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).array());
    out.writeBytes(json);
    for (int i = 0; i < dataBytes; i++) {
      out.write(i);
    }
    return out.toByteArray();
  }

  private Path write(byte[] bytes) throws IOException {
    return Files.write(folder.resolve("m.safetensors"), bytes);
  }

  private void assertMalformed(byte[] bytes, String message) throws IOException {
    Path path = write(bytes);
    assertThatThrownBy(() -> ModelFile.open(path).close())
        .isInstanceOf(ModelFileException.class)
        .hasMessageStartingWith(path + ": ")
        .hasMessageContaining(message)
        .hasMessageNotContaining("\n");
  }

  private static String tensor(String type, String shape, String offsets) {
    return "{\"a\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}}"
        .formatted(type, shape, offsets);
  }

  @Test
  void writesAndReadsTensorsOfAllTypesAndMetadata() throws IOException {
    Path path = folder.resolve("m.safetensors");
    try (Device device = Device.open("cpu");
        Scope scope = device.scope()) {
      new ModelFileWriter()
          .add("floats", Tensor.of(device, scope, "f", Shape.of(2, 2), new float[] {1, 2, 3, 4}))
          .add("ints", Tensor.of(device, scope, "i", Shape.of(3), new int[] {1, 2, 3}))
          .add("bytes", Tensor.of(device, scope, "b", Shape.of(1, 3), new byte[] {1, 2, -1}))
          .add("empty", Tensor.of(device, scope, "e", Shape.of(0, 4), new float[0]))
          .add("scalar", StoredType.I64, List.of(), MemorySegment.ofArray(new long[] {7}))
          .metadata("key \"quoted\"", "value\nof two lines")
          .metadata(Map.of("a", "b"))
          .write(path);
    }
    try (ModelFile file = ModelFile.open(path)) {
      assertThat(file.path()).isEqualTo(path);
      assertThat(file.entries().keySet())
          .containsExactly("bytes", "empty", "floats", "ints", "scalar");
      assertThat(file.metadata())
          .isEqualTo(Map.of("a", "b", "key \"quoted\"", "value\nof two lines"));
      assertThat(file.readFloats("floats")).containsExactly(1, 2, 3, 4);
      assertThat(file.readFloats("empty")).isEmpty();
      assertThat(file.entry("ints").type()).isEqualTo(StoredType.I32);
      assertThat(file.entry("bytes").dimensions()).containsExactly(1L, 3L);
      int[] ints = new int[3];
      MemorySegment host = MemorySegment.ofArray(ints);
      file.read("ints", host);
      assertThat(ints).containsExactly(1, 2, 3);
      assertThatThrownBy(() -> file.readFloats("ints"))
          .hasMessage(path + ": tensor \"ints\" is I32, expected F32");
      assertThatThrownBy(() -> file.readFloats("other"))
          .hasMessage(
              path + ": has no tensor \"other\"; it has bytes, empty, floats, ints, scalar");
      assertThatThrownBy(() -> file.read("scalar", host))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("has 8 bytes, the target has 12");
    }
    // Nothing is left of the temporary file.
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactly(path);
    }
  }

  @Test
  void theBytesAreThoseOfTheFormat() throws IOException {
    Path path = folder.resolve("m.safetensors");
    new ModelFileWriter()
        .add("b", StoredType.U8, List.of(2L), MemorySegment.ofArray(new byte[] {5, 6}))
        .add("a", StoredType.F32, List.of(), MemorySegment.ofArray(new float[] {1}))
        .metadata("z", "1")
        .metadata("k", "2")
        .write(path);
    String header =
        "{\"__metadata__\":{\"k\":\"2\",\"z\":\"1\"},"
            + "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
            + "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[4,6]}}";
    header = header + " ".repeat((8 - header.length() % 8) % 8);
    byte[] expected = file(header, 6);
    byte[] data = {0, 0, (byte) 0x80, 0x3f, 5, 6};
    System.arraycopy(data, 0, expected, expected.length - 6, 6);
    assertThat(Files.readAllBytes(path)).isEqualTo(expected);
  }

  @Test
  void replacesAFileInOnePieceAndLeavesItWhenWritingFails() throws IOException {
    Path path = write(new byte[] {1, 2, 3});
    try (Device device = Device.open("cpu");
        Scope scope = device.scope()) {
      Tensor closed = Tensor.filled(device, scope, "gone", Shape.of(2), 0);
      ModelFileWriter writer = new ModelFileWriter().add("gone", closed);
      closed.close();
      assertThatThrownBy(() -> writer.write(path))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("\"gone\"");
    }
    assertThat(path).hasBinaryContent(new byte[] {1, 2, 3});
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactly(path);
    }
    new ModelFileWriter().write(path);
    ModelFile.open(path).close();
    assertThatThrownBy(() -> new ModelFileWriter().write(folder.resolve("no/m.safetensors")))
        .isInstanceOf(ModelFileException.class)
        .hasMessageEndingWith(
            "cannot be written: there is no such folder; choose another place or make room");
  }

  @Test
  void aLinkStaysAndItsFileIsReplaced() throws IOException {
    Path path = write(new byte[] {1, 2, 3});
    Path link = Files.createSymbolicLink(folder.resolve("link"), path);
    new ModelFileWriter().write(link);
    assertThat(link).isSymbolicLink();
    ModelFile.open(path).close();
  }

  @Test
  void whatIsNoFileIsNotReplaced() throws Exception {
    Path pipe = folder.resolve("pipe");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    assertNotWritten(pipe, "device, pipe or socket");
    Path link = Files.createSymbolicLink(folder.resolve("link"), folder.resolve("none"));
    assertNotWritten(link, "link that leads nowhere");
    assertThat(link).isSymbolicLink();
    assertNotWritten(folder, "folder");
  }

  private static void assertNotWritten(Path path, String kind) {
    assertThatThrownBy(() -> new ModelFileWriter().write(path))
        .isInstanceOf(ModelFileException.class)
        .hasMessage(
            path
                + ": cannot be written: it is a %s, expected a file or a new name; choose another"
                + " place or make room",
            kind);
  }

  @Test
  void namesTheCauseAndNoOtherFile() throws IOException {
    Path path = folder.resolve("m".repeat(250));
    assertThatThrownBy(() -> new ModelFileWriter().write(path))
        .isInstanceOf(ModelFileException.class)
        .hasMessage(
            path + ": cannot be written: file name too long; choose another place or make room");
    assertThat(Causes.of(new AccessDeniedException("x"))).isEqualTo("permission denied");
    assertThat(Causes.of(new FileNotFoundException("x (Permission denied)")))
        .isEqualTo("permission denied");
    assertThat(Causes.of(new IOException("No space left on device")))
        .isEqualTo("no space left on device");
    assertThat(Causes.of(new FileSystemException("x", "y", "Read-only file system")))
        .isEqualTo("read-only file system");
    Path empty = write(file("{}", 0));
    Thread.currentThread().interrupt();
    try {
      assertThatThrownBy(() -> ModelFile.open(empty))
          .isInstanceOf(ModelFileException.class)
          .hasMessage(empty + ": cannot be read: the thread was interrupted");
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  @Test
  void anInterruptedThreadCanSave() {
    Path path = folder.resolve("m.safetensors");
    MemorySegment value = MemorySegment.ofArray(new float[] {1, 2});
    Thread.currentThread().interrupt();
    try {
      new ModelFileWriter().add("a", StoredType.F32, List.of(2L), value).write(path);
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
    try (ModelFile file = ModelFile.open(path)) {
      assertThat(file.readFloats("a")).containsExactly(1, 2);
    }
  }

  @Test
  void refusesWhatCannotBeAdded() {
    ModelFileWriter writer = new ModelFileWriter();
    MemorySegment four = MemorySegment.ofArray(new byte[4]);
    assertThatThrownBy(() -> writer.add("a", StoredType.F32, List.of(2L), four))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("tensor \"a\" of type F32 and shape [2] needs 8 bytes, got 4");
    writer.add("a", StoredType.F32, List.of(), four);
    assertThatThrownBy(() -> writer.add("a", StoredType.F32, List.of(), four))
        .hasMessage("there is already a tensor named \"a\"");
    assertThatThrownBy(() -> writer.add("__metadata__", StoredType.F32, List.of(), four))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aWellFormedFileOfAnotherWriterIsRead() throws IOException {
    // Other order of tensors and fields, spaces, no metadata.
    Path path =
        write(
            file(
                "{ \"z\": {\"shape\":[2], \"dtype\":\"U8\", \"data_offsets\":[0, 2]}, \"a\":"
                    + " {\"data_offsets\":[2,10],\"dtype\":\"F64\",\"shape\":[1,1,1,1,1]}}  ",
                10));
    try (ModelFile file = ModelFile.open(path)) {
      assertThat(file.metadata()).isEmpty();
      byte[] z = new byte[2];
      file.read("z", MemorySegment.ofArray(z));
      assertThat(z).containsExactly(0, 1);
    }
  }

  @Test
  void everyMalformedFileGetsOneClearLine() throws IOException {
    assertThatThrownBy(() -> ModelFile.open(folder.resolve("none")))
        .hasMessage(folder.resolve("none") + ": there is no such file");
    assertThatThrownBy(() -> ModelFile.open(folder))
        .isInstanceOf(ModelFileException.class)
        .hasMessage(folder + ": is a folder, expected a file");
    assertMalformed(new byte[0], "not a safetensors file: 0 bytes");
    assertMalformed(new byte[7], "not a safetensors file: 7 bytes");
    assertMalformed(new byte[8], "give a header of 0 bytes");
    assertMalformed("PK\3\4 some archive".getBytes(StandardCharsets.UTF_8), "give a header of");
    byte[] negative = file("{}", 0);
    negative[7] = (byte) 0x80;
    assertMalformed(negative, "give a header of 9223372036854775810 bytes");
    byte[] large = file("{}", 0);
    large[0] = 0x01;
    large[1] = (byte) 0xe1;
    large[2] = (byte) 0xf5;
    large[3] = 0x05;
    assertMalformed(large, "give a header of 100000001 bytes, expected 2 to 100000000");
    byte[] whole = file(tensor("F32", "[2]", "[0,8]"), 8);
    assertMalformed(
        Arrays.copyOf(whole, 20), "truncated, or not a safetensors file: the header needs");
    assertMalformed(
        Arrays.copyOf(whole, whole.length - 1),
        "truncated: its tensors need 8 bytes of data, the file has 7");
    assertMalformed(Arrays.copyOf(whole, whole.length + 3), "3 bytes follow the last tensor");
    assertMalformed(file("[]", 0), "does not start with '{'");
    assertMalformed(file("{\"a\":tru}", 0), "bad JSON header: expected an object");
    assertMalformed(file("{\"__metadata__\":[]}", 0), "__metadata__ is not an object");
    assertMalformed(file("{\"__metadata__\":{\"a\":1}}", 0), "metadata \"a\" is not a string");
    assertMalformed(file("{\"a\":[]}", 0), "needs dtype, shape and data_offsets");
    assertMalformed(
        file("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 0), "needs dtype, shape and data_offsets");
    assertMalformed(
        file(tensor("F4", "[2]", "[0,8]"), 8), "tensor \"a\" has the unsupported type F4");
    assertMalformed(file(tensor("F32", "[-2]", "[0,8]"), 8), "a number not below 0");
    assertMalformed(file(tensor("F32", "[\"2\"]", "[0,8]"), 8), "a number not below 0");
    assertMalformed(file(tensor("F32", "[3]", "[0,8]"), 8), "needs 12 bytes, its offsets give 8");
    assertMalformed(file(tensor("F32", "[2]", "[8,0]"), 8), "has the offsets [8, 0]");
    assertMalformed(file(tensor("F32", "[2]", "[0,8,9]"), 8), "has the offsets [0, 8, 9]");
    assertMalformed(file(tensor("F32", "[4611686018427387904,4]", "[0,0]"), 0), "the absurd shape");
    assertMalformed(
        file(tensor("F32", "[2]", "[4,12]"), 12), "starts at byte 4 of the data, expected 0");
    String overlapping =
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
            + "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}";
    assertMalformed(file(overlapping, 3), "tensor \"b\" starts at byte 1 of the data, expected 2");
    // The control: the file that these are made from is accepted.
    ModelFile.open(write(whole)).close();
  }
}
