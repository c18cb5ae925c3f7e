package dev.clessidra.models.segmentation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clessidra.models.data.DataException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SegmentationFolderTest {
  @TempDir private Path folder;

  private Path write(String name, int height, int width, int... values) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    BufferedImage picture = new BufferedImage(width, height, BufferedImage.TYPE_BYTE_GRAY);
    for (int i = 0; i < height * width; i++) {
      picture.getRaster().setSample(i % width, i / width, 0, values[i % values.length]);
    }
    ImageIO.write(picture, "png", file.toFile());
    return file;
  }

  private void pairs(String part, int count) throws IOException {
    for (int i = 0; i < count; i++) {
      write(part + "images/%02d.png".formatted(i), 2, 3, 10 * i, 20, 30);
      write(part + "masks/%02d.png".formatted(i), 2, 3, 0, 255);
    }
  }

  private void assertRefused(String message) {
    assertThatThrownBy(() -> SegmentationFolder.of(folder).read())
        .isInstanceOf(DataException.class)
        .hasMessage(message);
  }

  @Test
  void theLastTenthOrTheRangeAskedForIsTheTestPart() throws IOException {
    pairs("", 6);
    SegmentationDataset tenth = SegmentationFolder.of(folder).read();
    assertThat(tenth.train().count()).isEqualTo(5);
    assertThat(tenth.test().images().pixel(0, 0, 0, 0)).isEqualTo(50);
    SegmentationDataset range = SegmentationFolder.of(folder).test(1, 2).read();
    assertThat(range.train().count()).isEqualTo(4);
    assertThat(range.train().images().pixel(1, 0, 0, 0)).isEqualTo(30);
    assertThat(range.test().images().pixel(1, 0, 0, 0)).isEqualTo(20);
    assertThat(range.description())
        .isEqualTo(folder + ": images 1-2 as test part, 4 to train on, mask values [0, 255]");
    assertThatThrownBy(() -> SegmentationFolder.of(folder).test(4, 6).read())
        .hasMessageContaining("has the images 0 to 5: a test part of 4-6");
    assertThatThrownBy(() -> SegmentationFolder.of(folder).test(0, 5).read())
        .hasMessageContaining("leaves none to train on");
  }

  @Test
  void grayValuesOfTheTrainingMasksAreTheClasses() throws IOException {
    write("train/images/a.png", 1, 4, 0, 90, 180, 255);
    write("train/labels/a.png", 1, 4, 7, 200, 7, 30);
    write("test/images/b.png", 1, 2, 5, 6);
    Path unknown = write("test/labels/b.png", 1, 2, 30, 77);
    assertRefused(
        unknown
            + " has the value 77 at row 0, column 1: expected those of the classes, [7, 30, 200]");
    write("test/labels/b.png", 1, 2, 30, 200);
    SegmentationDataset data = SegmentationFolder.of(folder).read();
    assertThat(data.train().masks().numbers()).containsExactly(0, 2, 0, 1);
    assertThat(data.test().masks().numbers()).containsExactly(1, 2);
    assertThat(data.test().masks().classes()).isEqualTo(3);
    data = SegmentationFolder.of(folder).values(List.of(200, 30, 7, 1)).read();
    assertThat(data.train().masks().numbers()).containsExactly(2, 0, 2, 1);
    assertThat(data.train().masks().classes()).isEqualTo(4);
    assertThatThrownBy(() -> SegmentationFolder.of(folder).values(List.of(1, 1)))
        .hasMessageContaining("two or more different ones");
  }

  @Test
  void whatIsWrongWithAFolderIsSaidInOneLine() throws IOException {
    assertRefused(
        folder
            + " has no images with masks: expected pictures in sub-folders images and masks, in it"
            + " or in its sub-folders train and test");
    Files.createDirectories(folder.resolve("images"));
    Files.createDirectories(folder.resolve("masks"));
    assertRefused(
        folder.resolve("images") + " has no pictures: expected .png or .jpg files; check the name");
    Path image = write("images/a.png", 2, 3, 1, 2);
    assertRefused(
        image
            + " has no mask: expected a.png in "
            + folder.resolve("masks")
            + "; add it or remove the image");
    Path mask = write("masks/a.png", 3, 3, 0, 1);
    assertRefused(
        "%s is 3x3 but its image %s is 2x3 (height x width): expected the same size"
            .formatted(mask, image));
    write("masks/a.png", 2, 3, 4);
    assertRefused(
        mask + " and the other masks have the value 4 alone: expected two classes or more");
    write("masks/a.png", 2, 3, 0, 1);
    assertRefused(
        folder + " has one image: expected at least two, one to train and one to test on");
    int[] all = new int[100];
    for (int i = 0; i < 100; i++) {
      all[i] = i;
    }
    write("images/a.png", 10, 10, 1);
    write("masks/a.png", 10, 10, all);
    assertThatThrownBy(() -> SegmentationFolder.of(folder).read())
        .hasMessageContaining("have 100 gray values: expected one a class");
    Path nowhere = folder.resolve("nowhere");
    assertThatThrownBy(() -> SegmentationFolder.of(nowhere).read())
        .hasMessage(nowhere + " is not a folder here: check the name");
  }
}
