package dev.clessidra.models.segmentation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BorderWeightsTest {
  private static final List<Float> CLASS_WEIGHTS = List.of(0.5f, 2f);

  /** Equation 2 by the distance of every pixel to every pixel of every cell. */
  private static double[] byDefinition(byte[] mask, int height, int width, BorderWeights weights) {
    ConnectedComponents cells = ConnectedComponents.of(mask, height, width, 1);
    double[] result = new double[mask.length];
    for (int i = 0; i < mask.length; i++) {
      double[] distances = new double[cells.count()];
      Arrays.fill(distances, Double.POSITIVE_INFINITY);
      for (int j = 0; j < mask.length; j++) {
        if (cells.label(j) > 0) {
          double distance = Math.hypot(i / width - j / width, i % width - j % width);
          int cell = cells.label(j) - 1;
          distances[cell] = Math.min(distances[cell], distance);
        }
      }
      Arrays.sort(distances);
      result[i] = CLASS_WEIGHTS.get(mask[i]);
      if (mask[i] == 0 && distances.length > 1) {
        double sum = distances[0] + distances[1];
        result[i] += weights.w0() * Math.exp(-sum * sum / (2 * weights.sigma() * weights.sigma()));
      }
    }
    return result;
  }

  @Test
  void theMapIsThatOfTheDefinition() {
    Random random = new Random(5);
    for (double sigma : new double[] {1, 5}) {
      BorderWeights weights = new BorderWeights(10, sigma, 1);
      for (double density : new double[] {0, 0.002, 0.02, 0.3, 1}) {
        int height = 37;
        int width = 53;
        byte[] mask = new byte[height * width];
        for (int i = 0; i < mask.length; i++) {
          mask[i] = (byte) (random.nextDouble() < density ? 1 : 0);
        }
        float[] map = weights.of(Masks.of(height, width, 2, mask), CLASS_WEIGHTS);
        double[] expected = byDefinition(mask, height, width, weights);
        for (int i = 0; i < mask.length; i++) {
          assertThat((double) map[i]).isCloseTo(expected[i], within(3e-6));
        }
      }
    }
  }

  @Test
  void aGapBetweenTwoCellsHasTheLargestWeight() {
    SegmentationData cells = new SyntheticCells(64, 64, 1, 0).draw(3, 9);
    float[] map = BorderWeights.standard().of(cells.masks(), List.of());
    float largest = 0;
    for (int i = 0; i < map.length; i++) {
      int size = 64 * 64;
      if (cells.masks().classOf(i / size, i % size / 64, i % 64) == 1) {
        assertThat(map[i]).isEqualTo(1);
      }
      largest = Math.max(largest, map[i]);
    }
    // A line one pixel thin: both distances 1, so 1 + 10 exp(-4 / 50).
    assertThat((double) largest).isCloseTo(1 + 10 * Math.exp(-0.08), within(1e-5));
  }

  @Test
  void mistakesAreNamed() {
    assertThatThrownBy(() -> new BorderWeights(10, 0, 1)).hasMessageContaining("sigma above 0");
    assertThatThrownBy(() -> new BorderWeights(Double.NaN, 5, 1)).hasMessageContaining("NaN");
    Masks masks = Masks.of(1, 1, 2, new byte[1]);
    assertThatThrownBy(() -> BorderWeights.standard().of(masks, List.of(1f)))
        .hasMessageContaining("each of the 2 classes, got [1.0]");
  }
}
