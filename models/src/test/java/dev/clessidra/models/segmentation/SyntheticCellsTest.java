package dev.clessidra.models.segmentation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class SyntheticCellsTest {
  private static final SyntheticCells CELLS = new SyntheticCells(96, 80, 1.2, 0.05);

  @Test
  void aSeedGivesTheSameBytes() {
    SegmentationData first = CELLS.draw(2, 3);
    assertThat(CELLS.draw(2, 3).images().bytes()).isEqualTo(first.images().bytes());
    assertThat(CELLS.draw(2, 3).masks().numbers()).isEqualTo(first.masks().numbers());
    assertThat(CELLS.draw(2, 4).images().bytes()).isNotEqualTo(first.images().bytes());
  }

  @Test
  void cellsAreBrighterThanTheGroundAndManyTouch() {
    SegmentationData data = CELLS.draw(8, 1);
    double[] sum = new double[2];
    double[] count = new double[2];
    int cells = 0;
    int gaps = 0;
    for (int i = 0; i < 8; i++) {
      byte[] mask = data.masks().bytes(i);
      cells += ConnectedComponents.of(mask, 96, 80, 1).count();
      for (int j = 0; j < mask.length; j++) {
        sum[mask[j]] += data.images().pixel(i, j / 80, j % 80, 0);
        count[mask[j]]++;
        int x = j % 80;
        if (x > 0 && x < 79 && mask[j] == 0 && mask[j - 1] == 1 && mask[j + 1] == 1) {
          gaps++;
        }
      }
    }
    assertThat(sum[1] / count[1]).isGreaterThan(1.8 * sum[0] / count[0]);
    assertThat(data.masks().shares()[1]).isBetween(0.15, 0.6);
    assertThat(cells).isBetween(8 * 4, 8 * 40);
    assertThat(gaps).isGreaterThan(8 * 10);
  }

  @Test
  void noiseHasTheDeviationAskedFor() {
    byte[] clean = new SyntheticCells(96, 80, 1.2, 0).draw(1, 7).images().bytes();
    byte[] noisy = new SyntheticCells(96, 80, 1.2, 0.05).draw(1, 7).images().bytes();
    double squares = 0;
    for (int i = 0; i < clean.length; i++) {
      squares += Math.pow((noisy[i] & 0xff) - (clean[i] & 0xff), 2);
    }
    assertThat(Math.sqrt(squares / clean.length) / 255).isCloseTo(0.05, within(0.005));
  }

  @Test
  void mistakesAreNamed() {
    assertThatThrownBy(() -> new SyntheticCells(31, 64, 1, 0)).hasMessageContaining("got 31x64");
    assertThatThrownBy(() -> new SyntheticCells(64, 64, 0, 0)).hasMessageContaining("a blur above");
  }
}
