package dev.clessidra.bench.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class SpreadTest {
  @Test
  void quartilesLieBetweenOrderStatistics() {
    assertThat(Spread.of(new double[] {7, 1, 3, 5})).isEqualTo(new Spread(2.5, 4, 5.5, 4));
    assertThat(Spread.of(new double[] {5, 1, 4, 2, 3})).isEqualTo(new Spread(2, 3, 4, 5));
    assertThat(Spread.of(new double[] {6})).isEqualTo(new Spread(6, 6, 6, 1));
  }

  @Test
  void noValuesAreRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Spread.of(new double[0]))
        .withMessage("Spread of no values: expected at least one.");
  }

  @Test
  void moreRoundsMakeTheNotchNarrower() {
    assertThat(new Spread(8, 10, 12, 16).notch()).isCloseTo(1.57, within(1e-12));
    assertThat(new Spread(8, 10, 12, 64).notch()).isCloseTo(0.785, within(1e-12));
  }

  @Test
  void ratesAreAmountsDividedByTimes() {
    assertThat(new Spread(1, 2, 4, 5).dividing(8)).isEqualTo(new Spread(2, 4, 8, 5));
    assertThat(new Spread(1, 2, 4, 5).times(3)).isEqualTo(new Spread(3, 6, 12, 5));
  }
}
