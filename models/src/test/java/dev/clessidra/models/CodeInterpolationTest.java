package dev.clessidra.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class CodeInterpolationTest {
  @Test
  void theStraightLineHasEqualSteps() {
    assertThat(CodeInterpolation.LINEAR.between(new float[] {0, 4}, new float[] {2, 0}, 5))
        .containsExactly(0, 4, 0.5f, 3, 1, 2, 1.5f, 1, 2, 0);
  }

  @Test
  void theGreatCircleKeepsTheLength() {
    float[] way = CodeInterpolation.SPHERICAL.between(new float[] {3, 0}, new float[] {0, 3}, 4);
    for (int step = 0; step < 4; step++) {
      double angle = step * Math.PI / 6;
      assertThat((double) way[2 * step]).isCloseTo(3 * Math.cos(angle), within(1e-6));
      assertThat((double) way[2 * step + 1]).isCloseTo(3 * Math.sin(angle), within(1e-6));
    }
  }

  @Test
  void codesWithoutAGreatCircleAreJoinedByTheLine() {
    float[] ahead = {1, 2};
    for (float[] other : new float[][] {{2, 4}, {-1, -2}, {0, 0}}) {
      assertThat(CodeInterpolation.SPHERICAL.between(ahead, other, 3))
          .isEqualTo(CodeInterpolation.LINEAR.between(ahead, other, 3));
    }
  }

  @Test
  void mistakesAreNamed() {
    assertThatThrownBy(() -> CodeInterpolation.LINEAR.between(new float[2], new float[3], 4))
        .hasMessageContaining("2 and 3 numbers");
    assertThatThrownBy(() -> CodeInterpolation.LINEAR.between(new float[2], new float[2], 1))
        .hasMessageContaining("at least 2 steps, the two ends, got 1");
    assertThatThrownBy(() -> CodeInterpolation.parse("curved"))
        .hasMessage("interpolation 'curved' is unknown; expected linear or spherical");
  }
}
