package dev.clessidra.models.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MnistTest {
  @Test
  void theSampleIsTheFirstDigitsOfMnist() {
    Dataset sample = Mnist.sample();
    assertThat(sample.train()).hasToString("10000 images of 28x28, gray, 10 classes");
    assertThat(sample.test()).hasToString("2000 images of 28x28, gray, 10 classes");
    // The first labels of the published files.
    assertThat(Arrays.copyOf(sample.train().labels(), 10))
        .containsExactly(5, 0, 4, 1, 9, 2, 1, 3, 1, 4);
    assertThat(Arrays.copyOf(sample.test().labels(), 10))
        .containsExactly(7, 2, 1, 0, 4, 1, 4, 9, 5, 9);
    // The first stroke of the first digit, a 5.
    assertThat(sample.train().pixel(0, 5, 11, 0)).isZero();
    assertThat(sample.train().pixel(0, 5, 12, 0)).isEqualTo(3);
    assertThat(sample.train().pixel(0, 5, 13, 0)).isEqualTo(18);
    double sum = 0;
    for (float value : sample.train().floats()) {
      sum += value;
    }
    // All of MNIST has a mean pixel of 0.1307.
    assertThat(sum / (10000 * 784)).isBetween(0.128, 0.134);
  }

  @Test
  void theSampleHasItsLicenceBeside() throws IOException {
    try (var text = Mnist.class.getResourceAsStream("mnist-sample/ATTRIBUTION.txt")) {
      assertThat(text).isNotNull();
      assertThat(new String(text.readAllBytes(), StandardCharsets.UTF_8))
          .contains("Attribution-ShareAlike 3.0", "Yann LeCun");
    }
  }

  @Test
  void readsTheFourFilesPackedOrNot(@TempDir Path folder) throws IOException {
    Files.write(folder.resolve("train-images-idx3-ubyte"), IdxFiles.images(3, 2, 2));
    Files.write(folder.resolve("train-labels-idx1-ubyte"), IdxFiles.labels(1, 2, 3));
    Files.write(
        folder.resolve("t10k-images-idx3-ubyte.gz"), IdxFiles.gzip(IdxFiles.images(1, 2, 2)));
    assertThatThrownBy(() -> Mnist.read(folder))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(folder + " lacks t10k-labels-idx1-ubyte:");
    Files.write(folder.resolve("t10k-labels-idx1-ubyte.gz"), IdxFiles.gzip(IdxFiles.labels(9)));
    Dataset read = Mnist.read(folder);
    assertThat(read.train().labels()).containsExactly(1, 2, 3);
    assertThat(read.test().labels()).containsExactly(9);
    assertThat(read.description()).endsWith("3 training and 1 test image");
  }
}
