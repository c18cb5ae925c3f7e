package dev.clessidra.models.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataSourceTest {
  @TempDir private Path folder;

  private Path file(String name, byte[] bytes) throws IOException {
    return Files.write(folder.resolve(name), bytes);
  }

  private void picture(String name, int value) throws IOException {
    BufferedImage picture = new BufferedImage(1, 1, BufferedImage.TYPE_BYTE_GRAY);
    picture.getRaster().setSample(0, 0, 0, value);
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    assertThat(ImageIO.write(picture, "png", file.toFile())).isTrue();
  }

  @Test
  void readsTheSample() {
    Dataset sample = DataSource.of("sample").read();
    assertThat(sample.train().count()).isEqualTo(10000);
    assertThat(sample.test().count()).isEqualTo(2000);
  }

  @Test
  void readsAFolderOfMnistFilesNamedOrRecognised() throws IOException {
    file("train-images-idx3-ubyte", IdxFiles.images(3, 2, 2));
    file("train-labels-idx1-ubyte", IdxFiles.labels(1, 2, 3));
    file("t10k-images-idx3-ubyte", IdxFiles.images(1, 2, 2));
    file("t10k-labels-idx1-ubyte", IdxFiles.labels(9));
    assertThat(DataSource.of("mnist:" + folder).read().test().labels()).containsExactly(9);
    assertThat(DataSource.of(folder.toString()).read().test().labels()).containsExactly(9);
  }

  @Test
  void namesTheFilesAndFoldersThatAreRead() throws IOException {
    assertThat(DataSource.of("sample").paths()).isEmpty();
    assertThat(DataSource.of("idx:a,,b").paths()).containsExactly(Path.of("a"), Path.of("b"));
    assertThat(DataSource.of(folder.toString()).paths()).containsExactly(folder);

    Path images = file("train-images-idx3-ubyte", IdxFiles.images(3, 2, 2));
    file("notes.txt", new byte[0]);
    assertThat(DataSource.of("mnist:" + folder).paths()).containsExactly(images);
    assertThat(DataSource.of(folder.toString()).paths()).containsExactly(images);
  }

  @Test
  void readsIdxFilesWithAnyOfThePartsLeftOut() throws IOException {
    Path images = file("a", IdxFiles.images(20, 2, 2));
    Path labels =
        file("b", IdxFiles.labels(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
    Path testImages = file("c", IdxFiles.images(2, 2, 2));
    Path testLabels = file("d", IdxFiles.labels(7, 8));

    Dataset all =
        DataSource.of("idx:%s,%s,%s,%s".formatted(images, labels, testImages, testLabels)).read();
    assertThat(all.train().count()).isEqualTo(20);
    assertThat(all.test().labels()).containsExactly(7, 8);
    assertThat(all.description()).contains("20 training and 2 test images").doesNotContain("tenth");

    Dataset unlabelled = DataSource.of("idx:%s,,%s".formatted(images, testImages)).read();
    assertThat(unlabelled.train().hasLabels()).isFalse();
    assertThat(unlabelled.test().count()).isEqualTo(2);

    Dataset split = DataSource.of("idx:%s,%s".formatted(images, labels)).read();
    assertThat(split.train().count()).isEqualTo(18);
    assertThat(split.test().labels()).containsExactly(8, 9);
    assertThat(split.test().pixel(0, 0, 0, 0)).isEqualTo(72);
    assertThat(split.description()).contains("last tenth of the images set aside");
  }

  @Test
  void readsABareIdxFileAndSetsAsideAtLeastOneImage() throws IOException {
    Dataset split = DataSource.of(file("a", IdxFiles.images(3, 2, 2)).toString()).read();
    assertThat(split.train().count()).isEqualTo(2);
    assertThat(split.test().count()).isEqualTo(1);
    assertThat(split.test().pixel(0, 0, 0, 0)).isEqualTo(8);
  }

  @Test
  void readsAFolderOfPictures() throws IOException {
    for (int i = 0; i < 10; i++) {
      picture("%d.png".formatted(i), i);
    }
    Dataset split = DataSource.of(folder.toString()).read();
    assertThat(split.train().count()).isEqualTo(9);
    assertThat(split.test().bytes()).containsExactly(9);
  }

  @Test
  void setsAsidePicturesOfEveryClass() throws IOException {
    for (int i = 0; i < 20; i++) {
      picture("a/%02d.png".formatted(i), i);
      picture("b/%02d.png".formatted(i), 100 + i);
    }
    picture("only/1.png", 200);
    Dataset split = DataSource.of(folder.toString()).read();
    assertThat(split.test().labels()).containsExactly(0, 0, 1, 1);
    assertThat(split.test().bytes()).containsExactly(18, 19, 118, 119);
    assertThat(split.train().count()).isEqualTo(37);
    assertThat(split.description()).contains("last tenth of each class");
  }

  @Test
  void takesTheSubFoldersTrainAndTestAsTheParts() throws IOException {
    picture("train/1.png", 1);
    picture("train/2.png", 2);
    picture("test/1.png", 3);
    Dataset parts = DataSource.of(folder.toString()).read();
    assertThat(parts.train().bytes()).containsExactly(1, 2);
    assertThat(parts.test().bytes()).containsExactly(3);
    picture("other/train/cat/1.png", 1);
    picture("other/test/dog/1.png", 3);
    assertRefused(folder.resolve("other").toString(), "[cat]", "[dog]");
  }

  @Test
  void refusesWhatItCannotUnderstand() throws IOException {
    Path one = file("one", IdxFiles.images(1, 2, 2));
    assertRefused(" ", "no data named");
    assertRefused(
        "no-such-thing", "no-such-thing is not a file or folder here", "sample, mnist:DIR");
    assertRefused("bad\0name", "is not a file name");
    assertRefused("idx:", "expected idx:IMAGES");
    assertRefused("idx:a,b,c,d,e", "expected idx:IMAGES");
    assertRefused("idx:%s,,,labels".formatted(one), "test labels without test images");
    assertRefused(one.toString(), "has one image");
    assertRefused("mnist:" + one, "is not a folder");
    Path other = file("other", IdxFiles.images(1, 3, 2));
    assertRefused(
        "idx:%s,,%s".formatted(one, other), "training images are 2x2x1 but test images 3x2x1");
    picture("only/a/1.png", 1);
    picture("only/b/1.png", 1);
    assertRefused(folder.resolve("only").toString(), "one picture a class");
  }

  @Test
  void whatCannotBeDividedIsTestedOn() throws IOException {
    picture("one/1.png", 7);
    picture("classes/a/1.png", 1);
    picture("classes/b/1.png", 2);
    for (int i = 0; i < 20; i++) {
      picture("many/%02d.png".formatted(i), i);
    }
    String one = folder.resolve("one").toString();
    assertThat(DataSource.of(one).readTest().bytes()).containsExactly(7);
    assertThat(DataSource.of(one + "/1.png").readTest().bytes()).containsExactly(7);
    assertThat(DataSource.of(folder.resolve("classes").toString()).readTest().bytes())
        .containsExactly(1, 2);
    assertThat(DataSource.of(folder.resolve("many").toString()).readTest().bytes())
        .containsExactly(18, 19);
    assertThat(DataSource.of("sample").readTest().count()).isEqualTo(2000);
    assertRefused(one + "/1.png", "1.png has one image: expected at least two, one to train");
  }

  private static void assertRefused(String source, String... parts) {
    assertThatThrownBy(() -> DataSource.of(source).read())
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(parts)
        .hasMessageNotContaining("\n");
  }
}
