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
    assertThat(new Exposure(100, 1).apply(images).bytes())
        .isEqualTo(new byte[] {0, 64, (byte) 128, (byte) 255, 0, 0, 0, 0, (byte) 255, 1, 2, 4});
    // Three of four values are not above 20 and 4.
    assertThat(new Exposure(75, 1).apply(images).bytes())
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
    assertThat(Exposure.none().apply(images)).isSameAs(images);
    assertThatThrownBy(() -> new Exposure(101, 1)).hasMessageContaining("got 101");
  }

  @Test
  void gammaBringsOutWhatIsDim() {
    byte[] pixels = {0, 1, 16, 64, (byte) 255, 0};
    ImageData images = ImageData.of(2, 3, 1, pixels);
    // 255 (v / 255)^0.5 is 15.97, 63.87 and 127.75.
    assertThat(new Exposure(0, 0.5).apply(images).bytes())
        .isEqualTo(new byte[] {0, 16, 64, (byte) 128, (byte) 255, 0});
    // White is 64 first: (1 / 64)^0.5 is 0.125 and (16 / 64)^0.5 is 0.5.
    assertThat(new Exposure(80, 0.5).apply(images).bytes())
        .isEqualTo(new byte[] {0, 32, (byte) 128, (byte) 255, (byte) 255, 0});
    for (double gamma : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatThrownBy(() -> new Exposure(0, gamma)).hasMessageContaining("got " + gamma);
    }
  }
}
