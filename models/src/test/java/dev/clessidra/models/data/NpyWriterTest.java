package dev.clessidra.models.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NpyWriterTest {
  private static final Pattern HEADER =
      Pattern.compile(
          "\\{'descr': '(<[fi]4)', 'fortran_order': False, 'shape': \\(([0-9, ]*)\\), } *\n");

  @TempDir private Path folder;

  /** A .npy file taken apart as the format's document says. */
  private record Npy(String type, String shape, ByteBuffer values) {
    static Npy read(Path file) throws IOException {
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
      byte[] magic = new byte[8];
      bytes.get(magic);
      assertThat(magic).containsExactly((byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0);
      byte[] header = new byte[bytes.getShort()];
      bytes.get(header);
      assertThat(bytes.position() % 64).isZero();
      Matcher matcher = HEADER.matcher(new String(header, StandardCharsets.US_ASCII));
      assertThat(matcher.matches()).isTrue();
      return new Npy(matcher.group(1), matcher.group(2), bytes);
    }
  }

  @Test
  void writesFloatsInRows() throws IOException {
    Path file = folder.resolve("codes.npy");
    NpyWriter.write(file, new float[] {1f, -2.5f, Float.NaN, 3e-40f, 5f, 6f}, 2, 3);
    Npy npy = Npy.read(file);
    assertThat(npy.type()).isEqualTo("<f4");
    assertThat(npy.shape()).isEqualTo("2, 3");
    assertThat(npy.values().remaining()).isEqualTo(24);
    assertThat(npy.values().getFloat()).isEqualTo(1f);
    assertThat(npy.values().getFloat()).isEqualTo(-2.5f);
    assertThat(npy.values().getFloat()).isNaN();
    assertThat(npy.values().getFloat()).isEqualTo(3e-40f);
  }

  @Test
  void writesIntsWithTheCommaThatPythonWants() throws IOException {
    Path file = folder.resolve("labels.npy");
    NpyWriter.write(file, new int[] {1, -2, 0x01020304}, 3);
    Npy npy = Npy.read(file);
    assertThat(npy.type()).isEqualTo("<i4");
    assertThat(npy.shape()).isEqualTo("3,");
    assertThat(npy.values().getInt(npy.values().position() + 8)).isEqualTo(0x01020304);
  }

  @Test
  void writesNativeMemoryLargerThanOneBlock() throws IOException {
    int count = 40_001;
    Path file = folder.resolve("large.npy");
    try (Arena arena = Arena.ofConfined()) {
      var values = arena.allocate(ValueLayout.JAVA_FLOAT, count);
      for (int i = 0; i < count; i++) {
        values.setAtIndex(ValueLayout.JAVA_FLOAT, i, i);
      }
      NpyWriter.writeFloats(file, values, count);
    }
    ByteBuffer values = Npy.read(file).values();
    assertThat(values.remaining()).isEqualTo(count * 4);
    for (int i = 0; i < count; i++) {
      assertThat(values.getFloat()).isEqualTo(i);
    }
  }

  @Test
  void writesScalarsAndEmptyArrays() throws IOException {
    Path file = folder.resolve("a.npy");
    NpyWriter.write(file, new float[] {7f});
    assertThat(Npy.read(file).shape()).isEmpty();
    NpyWriter.write(file, new float[0], 0, 30);
    assertThat(Npy.read(file).shape()).isEqualTo("0, 30");
    assertThat(Npy.read(file).values().remaining()).isZero();
  }

  @Test
  void replacesAnOlderFileAndLeavesNothingElse() throws IOException {
    Path file = folder.resolve("deep/er/a.npy");
    NpyWriter.write(file, new float[] {1f}, 1);
    NpyWriter.write(file, new float[] {2f, 3f}, 2);
    assertThat(Npy.read(file).shape()).isEqualTo("2,");
    assertThat(file.getParent()).isDirectoryContaining(file::equals);
    try (var entries = Files.list(file.getParent())) {
      assertThat(entries).hasSize(1);
    }
  }

  @Test
  void aFailureLeavesTheOlderFileAlone() throws IOException {
    Path file = folder.resolve("a.npy");
    NpyWriter.write(file, new float[] {1f}, 1);
    byte[] before = Files.readAllBytes(file);
    assertThatThrownBy(() ->
            AtomicFile.write(
                file,
                out -> {
                  out.write(new byte[100_000]);
                  throw new IOException("disk full");
                }))
        .isInstanceOf(DataException.class)
        .hasMessage(file + " cannot be written: disk full; choose another place or make room");
    assertThat(file).hasBinaryContent(before);
    try (var entries = Files.list(folder)) {
      assertThat(entries).hasSize(1);
    }
  }

  @Test
  void refusesAShapeThatDoesNotHoldTheValues() {
    Path file = folder.resolve("a.npy");
    assertThatThrownBy(() -> NpyWriter.write(file, new float[5], 2, 3))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("5 values do not fit the shape [2, 3]: expected 6");
    assertThatThrownBy(() -> NpyWriter.write(file, new float[6], -2, -3))
        .hasMessageContaining("negative");
    assertThat(file).doesNotExist();
  }

  @Test
  void saysWhenAFolderIsInTheWay() throws IOException {
    Path blocked = Files.writeString(folder.resolve("file"), "").resolve("a.npy");
    assertThatThrownBy(() -> NpyWriter.write(blocked, new float[1], 1))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(blocked + " cannot be written")
        .hasMessageNotContaining("\n");
  }
}
