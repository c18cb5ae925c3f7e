package dev.clessidra.models.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DatasetTest {
  private static Dataset of(int label) {
    ImageData part = ImageData.of(1, 1, 1, new byte[] {7, 9}, new int[] {1000, label});
    return new Dataset("two pixels", part, part);
  }

  @Test
  void theChecksumTellsAllLabels() {
    assertThat(of(1).checksum()).isEqualTo(of(1).checksum());
    assertThat(IntStream.of(0, 1, 2, 257, 513).mapToObj(label -> of(label).checksum()))
        .doesNotHaveDuplicates();
  }
}
