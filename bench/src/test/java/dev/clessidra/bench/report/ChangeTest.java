package dev.clessidra.bench.report;

import static dev.clessidra.bench.report.Runs.about;
import static dev.clessidra.bench.report.Runs.product;
import static dev.clessidra.bench.report.Runs.timing;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.clessidra.bench.baselines.Arithmetic;
import dev.clessidra.bench.measure.Result;
import dev.clessidra.bench.measure.Spread;
import dev.clessidra.bench.measure.Timing;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ChangeTest {
  @Test
  void aChangeWithinTheQuartilesIsNoise() {
    // Quartiles at 0.95 and 1.05 of the median, notches at 0.948 and 1.052 of 9 rounds.
    assertThat(new Change("w", "f", about(1), about(1.09)).isBeyondNoise()).isFalse();
    assertThat(new Change("w", "f", about(1), about(1.12)).isBeyondNoise()).isTrue();
    assertThat(new Change("w", "f", about(1), about(0.88)).isBeyondNoise()).isTrue();
    assertThat(new Change("w", "f", about(1), about(1.12)).relative())
        .isCloseTo(0.12, within(1e-12));
  }

  @Test
  void fewRoundsAreNotEnoughForASmallChange() {
    Spread before = new Spread(0.99, 1, 1.01, 7);
    Spread after = new Spread(1.012, 1.022, 1.032, 7);
    assertThat(new Change("w", "f", before, after).isBeyondNoise()).isFalse();

    Spread manyBefore = new Spread(0.99, 1, 1.01, 20);
    Spread manyAfter = new Spread(1.02, 1.03, 1.04, 20);
    assertThat(new Change("w", "f", manyBefore, manyAfter).isBeyondNoise()).isTrue();
  }

  @Test
  void tooFewRoundsAreNeverEnough() {
    Change change = new Change("w", "f", new Spread(1, 1, 1, 1), new Spread(2, 2, 2, 9));
    assertThat(change.isBeyondNoise()).isFalse();
    assertThat(change.hasTooFewRounds()).isTrue();

    Run before = Runs.of("a", uncounted("training", 0.1, 6));
    StringWriter text = new StringWriter();
    ChangeTable.print(
        before, Runs.of("b", uncounted("training", 0.05, 6)), new PrintWriter(text, true));
    assertThat(text.toString())
        .contains("too few rounds")
        .contains("0 of 1 figures changed beyond the noise.")
        .contains("Fewer than 7 rounds tell no change from noise.");
  }

  @Test
  void sharesRatiosAndSpeedsAreCompared() {
    Run before =
        Runs.of(
            "a",
            product(
                "gemm",
                "g",
                timing("clessidra", 1, about(0.5), null),
                timing("onednn", 2, about(0.25), about(2))),
            uncounted("training", 0.1),
            product("old", "g", timing("clessidra", 1, about(0.5), null)));
    Run after =
        Runs.of(
            "b",
            product(
                "gemm",
                "g",
                timing("clessidra", 1, about(0.75), null),
                timing("onednn", 2, about(0.25), about(2.01))),
            uncounted("training", 0.05),
            product("new", "g", timing("clessidra", 1, about(0.5), null)));

    List<Change> changes = Change.between(before, after);

    assertThat(changes)
        .extracting(change -> change.work() + ", " + change.figure())
        .containsExactly("gemm, share of the limit", "gemm, ratio to onednn", "training, speed");
    assertThat(changes).extracting(Change::isBeyondNoise).containsExactly(true, false, true);
    assertThat(changes.getLast().relative()).isCloseTo(1, within(1e-9));
    StringWriter text = new StringWriter();
    ChangeTable.print(before, after, new PrintWriter(text, true));
    assertThat(text.toString())
        .containsPattern("gemm +share of the limit +0.500 +0.750 +\\+50.0 % +beyond the noise")
        .containsPattern("gemm +ratio to onednn +2.00 +2.01 +\\+0.5 % +within the noise")
        .contains("2 of 3 figures changed beyond the noise.")
        .contains("only before: old")
        .contains("only after: new");
  }

  @Test
  void runsWhoseProcessorsWereFurtherApartAreComparedByRatiosAlone() {
    String warning =
        "A cache line went to another thread and back in 100 ns before, in 151 after: compare the"
            + " ratios to libraries alone.";
    assertThat(compared(about(100e-9), about(151e-9))).contains(warning);
    assertThat(compared(about(151e-9), about(100e-9))).contains("in 151 ns before, in 100 after");
    assertThat(compared(about(100e-9), about(149e-9))).doesNotContain("cache line");
    assertThat(compared(null, about(100e-9))).doesNotContain("cache line");
    assertThat(compared(about(100e-9), null)).doesNotContain("cache line");
  }

  private static String compared(Spread roundTripBefore, Spread roundTripAfter) {
    StringWriter text = new StringWriter();
    ChangeTable.print(
        Runs.of("a", roundTripBefore), Runs.of("b", roundTripAfter), new PrintWriter(text, true));
    return text.toString();
  }

  @Test
  void aShareThatAnOlderRunDoesNotHaveIsNotCompared() {
    Run older = Runs.of("a", uncounted("training", 0.1));
    Run newer =
        Runs.of("b", product("training", "training", timing("clessidra", 0.1, about(0.5), null)));

    for (List<Change> changes :
        List.of(Change.between(older, newer), Change.between(newer, older))) {
      assertThat(changes).extracting(Change::figure).containsExactly("speed");
      assertThat(changes.getFirst().relative()).isCloseTo(0, within(1e-9));
    }
  }

  private static Result uncounted(String work, double seconds) {
    return uncounted(work, seconds, 9);
  }

  private static Result uncounted(String work, double seconds, int rounds) {
    Spread time = new Spread(0.9 * seconds, seconds, 1.1 * seconds, rounds);
    Timing timing = new Timing("clessidra", Arithmetic.FLOAT32, time, time, null, null, null);
    return new Result(work, "training", 0, 0, 256, List.of(timing), Map.of());
  }
}
