package dev.clessidra.models.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdxReaderTest {
  @TempDir private Path folder;

  private Path file(String name, byte[] bytes) throws IOException {
    return Files.write(folder.resolve(name), bytes);
  }

  /** The message is one line, and the file's name, what is wrong and what to do are in it. */
  private static void assertRefused(Path file, ThrowingCallable reading, String... parts) {
    assertThatThrownBy(reading)
        .isInstanceOf(DataException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContainingAll(parts)
        .hasMessageNotContainingAny("\n", "Exception")
        .hasMessageMatching(".*expected.*;.*");
  }

  private void assertImagesRefused(byte[] bytes, String... parts) throws IOException {
    Path file = file("images", bytes);
    assertRefused(file, () -> IdxReader.readImages(file), parts);
  }

  @Test
  void readsImagesAndLabels() throws IOException {
    ImageData data =
        IdxReader.read(
            file("images", IdxFiles.images(3, 5, 7)), file("labels", IdxFiles.labels(2, 255, 0)));
    assertThat(data.count()).isEqualTo(3);
    assertThat(data.height()).isEqualTo(5);
    assertThat(data.width()).isEqualTo(7);
    assertThat(data.channels()).isEqualTo(1);
    assertThat(data.pixel(2, 4, 6, 0)).isEqualTo(104);
    assertThat(data.labels()).containsExactly(2, 255, 0);
  }

  @Test
  void tellsGzipByContentNotByName() throws IOException {
    byte[] images = IdxFiles.images(2, 3, 4);
    byte[] expected = IdxReader.readImages(file("plain.gz", images)).bytes();
    byte[] packed = IdxReader.readImages(file("packed", IdxFiles.gzip(images))).bytes();
    assertThat(packed).isEqualTo(expected).hasSize(24).endsWith(22, 23);
  }

  @Test
  void readsFilesLargerThanOneBlock() throws IOException {
    byte[] images = IdxFiles.images(3001, 28, 29);
    ImageData data = IdxReader.readImages(file("images", IdxFiles.gzip(images)));
    assertThat(data.bytes()).isEqualTo(Arrays.copyOfRange(images, 16, images.length));
  }

  @Test
  void refusesATruncatedFile() throws IOException {
    byte[] images = IdxFiles.images(3, 5, 7);
    assertImagesRefused(
        Arrays.copyOf(images, images.length - 1),
        "truncated: 104 bytes after the header, expected 105 (3 images of 5x7)");
    assertImagesRefused(Arrays.copyOf(images, 16), "truncated: 0 bytes after the header");
    assertImagesRefused(Arrays.copyOf(images, 15), "truncated: 15 bytes, expected a header of 16");
    assertImagesRefused(Arrays.copyOf(images, 3), "truncated: 3 bytes");
  }

  @Test
  void refusesATruncatedGzipFileWhereverItIsCut() throws IOException {
    byte[] packed = IdxFiles.gzip(IdxFiles.images(40, 5, 7));
    for (int length = 3; length < packed.length; length++) {
      Path file = file("images", Arrays.copyOf(packed, length));
      assertThatThrownBy(() -> IdxReader.readImages(file))
          .as("cut to %d of %d bytes", length, packed.length)
          .isInstanceOf(DataException.class)
          .hasMessageContaining(file.toString());
    }
    assertImagesRefused(Arrays.copyOf(packed, packed.length / 2), "truncated");
  }

  @Test
  void refusesDamagedGzipData() throws IOException {
    byte[] packed = IdxFiles.gzip(IdxFiles.images(40, 5, 7));
    packed[packed.length - 6] ^= 1; // the checksum
    assertImagesRefused(packed, "damaged");
  }

  @Test
  void refusesAnEmptyFile() throws IOException {
    assertImagesRefused(new byte[0], "is empty");
    assertImagesRefused(IdxFiles.gzip(new byte[0]), "is empty");
  }

  @Test
  void refusesAWrongMagicNumber() throws IOException {
    assertImagesRefused(
        IdxFiles.file(new byte[8], 0x03080000, 1, 2, 4), "has the magic number 0x03080000");
    assertImagesRefused(
        "<!DOCTYPE html>".getBytes(StandardCharsets.US_ASCII), "has the magic number 0x3c21444f");
    assertImagesRefused(IdxFiles.file(new byte[8], 0x0d03, 1, 1, 2), "unsigned bytes");
  }

  @Test
  void tellsLabelsGivenAsImagesAndImagesGivenAsLabels() throws IOException {
    assertImagesRefused(
        IdxFiles.labels(1, 2, 3), "is an IDX file of labels", "check the order of the files");
    Path file = file("images", IdxFiles.images(1, 2, 2));
    assertRefused(file, () -> IdxReader.readLabels(file), "is an IDX file of images");
  }

  @Test
  void refusesBytesAfterTheLast() throws IOException {
    byte[] images = IdxFiles.images(3, 5, 7);
    byte[] longer = Arrays.copyOf(images, images.length + 1);
    assertImagesRefused(longer, "bytes after the last");
    assertImagesRefused(IdxFiles.gzip(longer), "bytes after the last");
  }

  @Test
  void refusesImagesOfNoPixelsAndFilesOfNoImages() throws IOException {
    assertImagesRefused(IdxFiles.file(new byte[0], 0x803, 0, 28, 28), "0 items");
    assertImagesRefused(IdxFiles.file(new byte[0], 0x803, 5, 0, 28), "0 pixels");
    Path file = file("labels", IdxFiles.labels());
    assertRefused(file, () -> IdxReader.readLabels(file), "0 items");
  }

  @Test
  void refusesAbsurdSizesWithoutTakingMemoryForThem() throws IOException {
    for (int[] header :
        List.of(
            new int[] {0x803, -1, -1, -1},
            new int[] {0x803, 65536, 65536, 1},
            new int[] {0x803, 1 << 30, 1 << 30, 1 << 30},
            new int[] {0x803, 1, Integer.MAX_VALUE, 1})) {
      assertImagesRefused(IdxFiles.file(new byte[100], header), "larger than 2 GiB");
    }
    // Within the limit, so only the length of the file tells; 2 GB would not fit many times.
    byte[] claim = IdxFiles.gzip(IdxFiles.file(new byte[100], 0x803, 2_000_000_000, 1, 1));
    for (int i = 0; i < 20; i++) {
      assertImagesRefused(claim, "truncated: 100 bytes after the header, expected 2000000000");
    }
  }

  @Test
  void refusesLabelsOfAnotherNumberThanTheImages() throws IOException {
    Path images = file("images", IdxFiles.images(3, 2, 2));
    Path labels = file("labels", IdxFiles.labels(1, 2));
    assertRefused(labels, () -> IdxReader.read(images, labels), "2 labels", "3 images");
  }

  @Test
  void saysWhichFileIsMissingOrAFolder() {
    Path missing = folder.resolve("nothing");
    assertThatThrownBy(() -> IdxReader.readImages(missing))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(missing + " does not exist");
    assertThatThrownBy(() -> IdxReader.readImages(folder))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("is a folder");
  }
}
