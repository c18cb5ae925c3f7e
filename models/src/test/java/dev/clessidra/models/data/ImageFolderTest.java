package dev.clessidra.models.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.awt.image.WritableRaster;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFolderTest {
  @TempDir private Path folder;

  /** Writes a gray picture of which every pixel has the value. */
  private void gray(String name, int height, int width, int value) throws IOException {
    BufferedImage picture = new BufferedImage(width, height, BufferedImage.TYPE_BYTE_GRAY);
    int[] samples = new int[height * width];
    Arrays.fill(samples, value);
    picture.getRaster().setSamples(0, 0, width, height, 0, samples);
    write(name, picture);
  }

  private void write(String name, BufferedImage picture) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    String format = name.endsWith("png") ? "png" : "jpg";
    assertThat(ImageIO.write(picture, format, file.toFile())).isTrue();
  }

  @Test
  void readsPicturesInTheOrderOfTheirNames() throws IOException {
    gray("b.png", 2, 3, 20);
    gray("a.PNG", 2, 3, 10); // written as JPEG: the content tells the format
    gray("c.jpg", 2, 3, 30);
    Files.writeString(folder.resolve("notes.txt"), "not a picture");
    Files.writeString(folder.resolve(".hidden.png"), "not a picture");
    ImageData data = ImageFolder.read(folder);
    assertThat(data).hasToString("3 images of 2x3, gray");
    assertThat(data.bytes()).hasSize(18);
    assertThat(data.pixel(0, 0, 0, 0)).isEqualTo(10);
    assertThat(data.pixel(1, 1, 2, 0)).isEqualTo(20);
    assertThat(data.pixel(2, 1, 2, 0)).isEqualTo(30);
  }

  @Test
  void grayValuesComeUnchanged() throws IOException {
    BufferedImage ramp = new BufferedImage(256, 1, BufferedImage.TYPE_BYTE_GRAY);
    BufferedImage deep = new BufferedImage(256, 1, BufferedImage.TYPE_USHORT_GRAY);
    for (int x = 0; x < 256; x++) {
      ramp.getRaster().setSample(x, 0, 0, x);
      deep.getRaster().setSample(x, 0, 0, x * 257);
    }
    write("1.png", ramp);
    write("2.png", deep);
    ImageData data = ImageFolder.read(folder);
    for (int x = 0; x < 256; x++) {
      assertThat(data.pixel(0, 0, x, 0)).isEqualTo(x);
      assertThat(data.pixel(1, 0, x, 0)).isEqualTo(x);
    }
  }

  @Test
  void blackAndWhitePicturesBecomeTheTwoEnds() throws IOException {
    BufferedImage picture = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_BINARY);
    picture.getRaster().setSample(1, 0, 0, 1);
    write("1.png", picture);
    assertThat(ImageFolder.read(folder).bytes()).containsExactly((byte) 0, (byte) 255);
  }

  @Test
  void coloursBecomeLumaUnlessColourIsAskedFor() throws IOException {
    BufferedImage picture = new BufferedImage(3, 1, BufferedImage.TYPE_INT_RGB);
    picture.setRGB(0, 0, 0xff0000);
    picture.setRGB(1, 0, 0x00ff00);
    picture.setRGB(2, 0, 0x4080c0);
    write("1.png", picture);
    assertThat(ImageFolder.read(folder).bytes()).containsExactly(76, (byte) 150, 116);
    ImageData colour = ImageFolder.read(folder, 3);
    assertThat(colour).hasToString("1 image of 1x3, colour");
    assertThat(colour.bytes())
        .containsExactly((byte) 255, 0, 0, 0, (byte) 255, 0, 0x40, (byte) 0x80, (byte) 0xc0);
  }

  @Test
  void transparentPixelsAreBlendedOverBlack() throws IOException {
    BufferedImage picture = new BufferedImage(3, 1, BufferedImage.TYPE_INT_ARGB);
    picture.setRGB(0, 0, 0x00ffffff);
    picture.setRGB(1, 0, 0x80ffffff);
    picture.setRGB(2, 0, 0xffffffff);
    write("1.png", picture);
    assertThat(ImageFolder.read(folder).bytes()).containsExactly((byte) 0, (byte) 128, (byte) 255);
  }

  @Test
  void subFoldersAreClasses() throws IOException {
    gray("dog/1.png", 2, 2, 1);
    gray("cat/2.png", 2, 2, 2);
    gray("cat/1.png", 2, 2, 3);
    ImageData data = ImageFolder.read(folder);
    assertThat(data.classNames()).containsExactly("cat", "dog");
    assertThat(data.labels()).containsExactly(0, 0, 1);
    assertThat(data.pixel(0, 0, 0, 0)).isEqualTo(3);
    assertThat(data.pixel(2, 0, 0, 0)).isEqualTo(1);
    assertThat(data.subset(0, 2).classCount()).isEqualTo(2);
  }

  @Test
  void picturesOfTwoLevelsAreRefused() throws IOException {
    gray("cat/1.png", 2, 2, 1);
    Files.createDirectory(folder.resolve("cat/notes"));
    assertThat(ImageFolder.read(folder).count()).isEqualTo(1);
    gray("top.png", 2, 2, 9);
    assertRefused(folder + " has pictures and so has its sub-folder cat");
    Files.delete(folder.resolve("top.png"));
    gray("cat/black/1.png", 2, 2, 1);
    assertRefused(folder.resolve("cat") + " has pictures and so has its sub-folder black");
  }

  @Test
  void refusesAFolderWithoutPictures() throws IOException {
    assertRefused(folder.toString(), "has no pictures", "check the name");
    gray("cat/1.png", 2, 2, 1);
    Path empty = Files.createDirectory(folder.resolve("dog"));
    assertRefused(empty.toString(), "has no pictures", "fill or remove it");
  }

  @Test
  void refusesPicturesOfDifferentSizes() throws IOException {
    gray("1.png", 2, 3, 1);
    gray("2.png", 3, 2, 1);
    assertRefused(folder.resolve("2.png") + " is 3x2", folder.resolve("1.png") + " is 2x3");
  }

  @Test
  void refusesWhatIsNoPicture() throws IOException {
    Path file = folder.resolve("1.png");
    Files.writeString(file, "no picture");
    assertRefused(file.toString(), "is not a picture");
    Files.write(file, new byte[0]);
    assertRefused(file.toString(), "is not a picture");
    Files.write(file, IdxFiles.images(10, 28, 28)); // which starts like a WBMP picture
    assertRefused(file.toString(), "is not a picture: expected PNG or JPEG data");
  }

  @Test
  void refusesATruncatedPicture() throws IOException {
    BufferedImage noise = new BufferedImage(64, 64, BufferedImage.TYPE_BYTE_GRAY);
    WritableRaster raster = noise.getRaster();
    for (int i = 0; i < 64 * 64; i++) {
      raster.setSample(i % 64, i / 64, 0, (i * 0x9e3779b1) >>> 24);
    }
    write("1.png", noise);
    Path file = folder.resolve("1.png");
    byte[] whole = Files.readAllBytes(file);
    for (int length : new int[] {20, 40, whole.length / 2}) {
      Files.write(file, Arrays.copyOf(whole, length));
      assertRefused(file.toString(), "cannot be read as a picture");
    }
  }

  @Test
  void refusesAHugePictureBeforeDecodingIt() throws IOException {
    gray("1.png", 1, 1, 1);
    Path file = folder.resolve("1.png");
    byte[] bytes = Files.readAllBytes(file);
    // Width and height in the header, and the header's checksum.
    bytes[16] = 0x7f;
    bytes[20] = 0x7f;
    CRC32 crc = new CRC32();
    crc.update(bytes, 12, 17);
    ByteBuffer.wrap(bytes).putInt(29, (int) crc.getValue());
    Files.write(file, bytes);
    assertRefused(file.toString(), "more than 2 GiB");
  }

  @Test
  void refusesAMissingFolder() {
    Path missing = folder.resolve("nothing");
    assertThatThrownBy(() -> ImageFolder.read(missing))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(missing + " does not exist");
  }

  @Test
  void refusesANumberOfChannelsThatNoPictureHas() {
    assertThatThrownBy(() -> ImageFolder.read(folder, 2))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("2 channels");
  }

  private void assertRefused(String... parts) {
    assertThatThrownBy(() -> ImageFolder.read(folder))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(parts)
        .hasMessageNotContaining("\n");
  }
}
