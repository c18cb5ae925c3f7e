package dev.clessidra.models.segmentation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class SegmentationMetricsTest {
  private static final Offset<Double> EXACT = within(1e-12);

  private static Masks masks(int height, int width, String... rows) {
    String all = String.join("", rows);
    byte[] values = new byte[all.length()];
    int largest = 1;
    for (int i = 0; i < values.length; i++) {
      values[i] = (byte) Character.digit(all.charAt(i), 10);
      largest = Math.max(largest, values[i]);
    }
    return Masks.of(height, width, largest + 1, values);
  }

  @Test
  void overlapsAreThoseCountedByHand() {
    // First image: truth 4 pixels, predicted 3, both 2; second: truth 1, predicted 2, both 1.
    Masks truth = masks(2, 4, "1100", "1100", "0000", "0001");
    Masks predicted = masks(2, 4, "1000", "1010", "0000", "0011");
    SegmentationMetrics metrics = SegmentationMetrics.of(truth, predicted);
    assertThat(metrics.images()).isEqualTo(2);
    assertThat(metrics.pixelError()).isCloseTo(4 / 16.0, EXACT);
    SegmentationMetrics.Overlap cell = metrics.classes().get(1);
    assertThat(cell.meanIou()).isCloseTo((2 / 5.0 + 1 / 2.0) / 2, EXACT);
    assertThat(cell.meanDice()).isCloseTo((4 / 7.0 + 2 / 3.0) / 2, EXACT);
    assertThat(cell.pooledIou()).isCloseTo(3 / 7.0, EXACT);
    assertThat(cell.pooledDice()).isCloseTo(6 / 10.0, EXACT);
    SegmentationMetrics.Overlap ground = metrics.classes().get(0);
    assertThat(ground.pooledIou()).isCloseTo(9 / 13.0, EXACT);
    assertThat(ground.meanIou()).isCloseTo((3 / 6.0 + 6 / 7.0) / 2, EXACT);
  }

  @Test
  void aClassThatIsNowhereCountsAsFound() {
    Masks nothing = Masks.of(2, 2, 3, new byte[4]);
    SegmentationMetrics metrics = SegmentationMetrics.of(nothing, nothing);
    assertThat(metrics.pixelError()).isZero();
    assertThat(metrics.classes()).hasSize(3);
    assertThat(metrics.classes().get(2).meanIou()).isEqualTo(1);
    assertThat(metrics.classes().get(2).pooledDice()).isEqualTo(1);
    assertThat(metrics.rand().score()).isNaN();
  }

  @Test
  void theRandScoreOfSplitAndMergedCellsIsThatCountedByHand() {
    // Two true cells of 4 and 2 pixels; the first is split in 2 and 1 with one pixel lost.
    Masks truth = masks(2, 7, "1111000", "0000011");
    Masks split = masks(2, 7, "1101000", "0000011");
    SegmentationMetrics.Rand rand = SegmentationMetrics.of(truth, split).rand();
    double joint = 2 * 2 + 1 + 1 + 2 * 2;
    assertThat(rand.split()).isCloseTo(joint / (4 * 4 + 2 * 2), EXACT);
    assertThat(rand.merge()).isCloseTo(1, EXACT);
    assertThat(rand.score()).isCloseTo(joint / (0.5 * joint + 0.5 * 20), EXACT);
    // Merged: one segment over both, whose pixels outside the true cells do not count.
    Masks merged = masks(2, 7, "1111110", "0000011");
    rand = SegmentationMetrics.of(truth, merged).rand();
    assertThat(rand.split()).isCloseTo(1, EXACT);
    assertThat(rand.merge()).isCloseTo(20 / 36.0, EXACT);
    assertThat(rand.score()).isCloseTo(20 / (0.5 * 20 + 0.5 * 36), EXACT);
  }

  @Test
  void theRandScoreIsTheMeanOfTheImagesWithForeground() {
    Masks truth = masks(1, 4, "1100", "0000", "1111");
    Masks predicted = masks(1, 4, "1100", "0110", "1001");
    // Of the third image: segments of 1, 1, 1 and 1 pixels in a cell of 4.
    double third = 4 / (0.5 * 4 + 0.5 * 16);
    SegmentationMetrics metrics = SegmentationMetrics.of(truth, predicted);
    assertThat(metrics.rand().score()).isCloseTo((1 + third) / 2, EXACT);
    // Of class 0 as foreground the second image has a cell of 4 pixels, of which 1 and 1 remain.
    assertThat(SegmentationMetrics.of(truth, predicted, 0).rand().split())
        .isCloseTo((1 + 4 / 16.0) / 2, EXACT);
  }

  @Test
  void componentsHangTogetherByTheirSides() {
    byte[] mask = {1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1};
    ConnectedComponents components = ConnectedComponents.of(mask, 3, 4, 1);
    assertThat(components.count()).isEqualTo(2);
    assertThat(components.sizes()).containsExactly(6, 2, 4);
    assertThat(components.label(6)).isEqualTo(components.label(11)).isNotEqualTo(0);
    // As 4 rows of 3, three of the pieces meet at corners alone.
    assertThat(ConnectedComponents.of(mask, 4, 3, 1).sizes()).containsExactly(6, 1, 1, 3, 1);
    assertThat(ConnectedComponents.of(mask, 3, 4, 2).count()).isZero();
  }

  @Test
  void masksThatDoNotFitAreRefused() {
    Masks small = masks(1, 4, "0101");
    assertThatThrownBy(() -> SegmentationMetrics.of(masks(2, 2, "0101"), small))
        .hasMessage("metrics: 1 masks of 1x4, 2 classes, do not fit 1 of 2x2, 2 classes");
    assertThatThrownBy(() -> Masks.of(1, 2, 2, new byte[] {0, 2}))
        .hasMessage("mask 0 has the class 2: expected 0 to 1");
    assertThatThrownBy(() -> Masks.of(2, 2, 2, new byte[3]))
        .hasMessageContaining("3 class numbers");
  }
}
