package dev.clessidra.models.analysis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.clessidra.models.analysis.SparsityStatistics.Accumulator;
import org.junit.jupiter.api.Test;

class SparsityStatisticsTest {
  private static final double EXACT = 1e-12;

  @Test
  void countsActiveAndDeadUnits() {
    float[] codes = {
      1, 0, 0, 2, //
      0, 0, 0, 3,
      -1, 0, 0, 0.5f
    };
    SparsityStatistics statistics = SparsityStatistics.of(codes, 4);
    assertThat(statistics.samples()).isEqualTo(3);
    assertThat(statistics.units()).isEqualTo(4);
    assertThat(statistics.meanActive()).isCloseTo(5.0 / 3, within(EXACT));
    assertThat(statistics.deadUnits()).isEqualTo(2);
    assertThat(statistics.frequencies())
        .containsExactly(new double[] {2.0 / 3, 0, 0, 1}, within(EXACT));
  }

  @Test
  void aSingleActiveValueIsAsSparseAsCanBe() {
    float[] identity = {
      5, 0, 0, //
      0, 2, 0,
      0, 0, 0.1f
    };
    SparsityStatistics statistics = SparsityStatistics.of(identity, 3);
    assertThat(statistics.lifetime().trevesRolls()).isCloseTo(1, within(EXACT));
    assertThat(statistics.lifetime().hoyer()).isCloseTo(1, within(EXACT));
    assertThat(statistics.population().trevesRolls()).isCloseTo(1, within(EXACT));
    assertThat(statistics.population().hoyer()).isCloseTo(1, within(EXACT));
  }

  @Test
  void equalValuesAreNotSparseAtAll() {
    SparsityStatistics statistics = SparsityStatistics.of(new float[] {2, -2, 2, 2, 2, -2}, 2);
    assertThat(statistics.lifetime().trevesRolls()).isCloseTo(0, within(EXACT));
    assertThat(statistics.lifetime().hoyer()).isCloseTo(0, within(EXACT));
    assertThat(statistics.population().trevesRolls()).isCloseTo(0, within(EXACT));
    assertThat(statistics.population().hoyer()).isCloseTo(0, within(EXACT));
  }

  @Test
  void theFormulasGiveTheValuesWorkedOutByHand() {
    // One sample (3, 1, 0, 0): a = (4/4)^2 / (10/4) = 0.4, so (1 - 0.4) / (1 - 1/4) = 0.8;
    // Hoyer (2 - 4/sqrt(10)) / (2 - 1).
    SparsityStatistics statistics = SparsityStatistics.of(new float[] {3, 1, 0, 0}, 4);
    assertThat(statistics.population().trevesRolls()).isCloseTo(0.8, within(EXACT));
    assertThat(statistics.population().hoyer()).isCloseTo(2 - 4 / Math.sqrt(10), within(EXACT));
    // The same values as the life of one unit.
    SparsityStatistics life = SparsityStatistics.of(new float[] {3, 1, 0, 0}, 1);
    assertThat(life.lifetime().trevesRolls()).isCloseTo(0.8, within(EXACT));
    assertThat(life.population().trevesRolls()).isNaN();
  }

  @Test
  void lifetimeAndPopulationAreToldApart() {
    // Every sample lights the same unit: sparse over units, not over time.
    SparsityStatistics same = SparsityStatistics.of(new float[] {1, 0, 0, 1, 0, 0, 1, 0, 0}, 3);
    assertThat(same.population().trevesRolls()).isCloseTo(1, within(EXACT));
    assertThat(same.lifetime().trevesRolls()).isCloseTo(0, within(EXACT));
    // One sample lights all units: sparse over time, not over units.
    SparsityStatistics once = SparsityStatistics.of(new float[] {1, 1, 1, 0, 0, 0, 0, 0, 0}, 3);
    assertThat(once.population().trevesRolls()).isCloseTo(0, within(EXACT));
    assertThat(once.lifetime().trevesRolls()).isCloseTo(1, within(EXACT));
  }

  @Test
  void batchesGiveWhatTheWholeGives() {
    float[] codes = {1, 0, 2, 0, 3, 1, 0, 0, 0, 4, 4, 0};
    SparsityStatistics whole = SparsityStatistics.of(codes, 3);
    SparsityStatistics batches =
        new Accumulator(3, 0)
            .add(new float[] {1, 0, 2, 0, 3, 1})
            .add(new float[0])
            .add(new float[] {0, 0, 0, 4, 4, 0})
            .statistics();
    assertThat(batches).usingRecursiveComparison().isEqualTo(whole);
    assertThat(whole)
        .hasToString(
            "L0 1.5 of 3 units, 0 dead, lifetime sparsity 0.752, population sparsity 0.600"
                + " (Treves-Rolls), over 4 samples");
  }

  @Test
  void aThresholdTellsRestFromActivity() {
    float[] sigmoid = {0.05f, 0.9f, 0.04f, 0.01f};
    assertThat(SparsityStatistics.of(sigmoid, 2).meanActive()).isEqualTo(2);
    SparsityStatistics statistics = new Accumulator(2, 0.1f).add(sigmoid).statistics();
    assertThat(statistics.meanActive()).isEqualTo(0.5);
    assertThat(statistics.deadUnits()).isEqualTo(1);
  }

  @Test
  void codesOfZerosHaveNoSparsityToSpeakOf() {
    SparsityStatistics statistics = SparsityStatistics.of(new float[6], 3);
    assertThat(statistics.deadUnits()).isEqualTo(3);
    assertThat(statistics.meanActive()).isZero();
    assertThat(statistics.lifetime().trevesRolls()).isNaN();
    assertThat(statistics.population().hoyer()).isNaN();
  }

  @Test
  void refusesWhatDoesNotFit() {
    assertThatThrownBy(() -> SparsityStatistics.of(new float[7], 3))
        .hasMessage("7 values of codes of 3 units: expected a multiple");
    assertThatThrownBy(() -> SparsityStatistics.of(new float[] {1, 2, 3, Float.NaN}, 2))
        .hasMessageStartingWith("unit 1 of sample 1 is NaN");
    assertThatThrownBy(() -> new Accumulator(0, 0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Accumulator(1, Float.NaN))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Accumulator(1, 0).statistics())
        .isInstanceOf(IllegalStateException.class);
  }
}
