package dev.clessidra.models.segmentation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clessidra.models.data.ImageData;
import org.junit.jupiter.api.Test;

class ExposureTest {
  @Test
  void eachImageIsDividedByItsOwnPercentile() {
    byte[] pixels = {0, 10, 20, 40, 0, 0, 0, 0, (byte) 255, 1, 2, 4};
    ImageData images = ImageData.of(2, 2, 1, pixels);
    assertThat(Exposure.scaled(images, 100).bytes())
        .isEqualTo(new byte[] {0, 64, (byte) 128, (byte) 255, 0, 0, 0, 0, (byte) 255, 1, 2, 4});
    // Three of four values are not above 20 and 4.
    assertThat(Exposure.scaled(images, 75).bytes())
        .isEqualTo(
            new byte[] {
              0,
              (byte) 128,
              (byte) 255,
              (byte) 255,
              0,
              0,
              0,
              0,
              (byte) 255,
              64,
              (byte) 128,
              (byte) 255
            });
    assertThat(Exposure.scaled(images, 0)).isSameAs(images);
    assertThatThrownBy(() -> Exposure.scaled(images, 101)).hasMessageContaining("got 101");
  }
}
