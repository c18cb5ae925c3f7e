package dev.clessidra.bench.report;

import dev.clessidra.bench.baselines.Clessidra;
import dev.clessidra.bench.measure.Result;
import dev.clessidra.bench.measure.Spread;
import dev.clessidra.bench.measure.Timing;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How one figure of a work differs between two runs. All figures are relative to what the machine
 * could do at the time, or to another library in the same round, so that a slower minute of the
 * machine is not taken for slower code; in all of them more is better.
 *
 * @param figure {@code share of the limit}, {@code speed} or {@code ratio to onednn}
 */
public record Change(String work, String figure, Spread before, Spread after) {
  /** With fewer rounds quartiles lie close together by chance; of one round they are one value. */
  public static final int LEAST_ROUNDS = 7;

  /** Returns the change of the median: 0.1 for a tenth more. */
  public double relative() {
    return after.median() / before.median() - 1;
  }

  /**
   * Returns whether the medians differ by more than the rounds of each run would let them: neither
   * the notches about them overlap, see {@link Spread#notch}, which few rounds make wide, nor the
   * ranges between the quartiles, as two processes differ by more than chance between rounds. Never
   * with fewer than {@value #LEAST_ROUNDS} rounds.
   */
  public boolean isBeyondNoise() {
    if (hasTooFewRounds()) {
      return false;
    }
    boolean notchesOverlap =
        Math.abs(after.median() - before.median()) <= before.notch() + after.notch();
    boolean rangesOverlap =
        before.lowerQuartile() <= after.upperQuartile()
            && after.lowerQuartile() <= before.upperQuartile();
    return !notchesOverlap && !rangesOverlap;
  }

  /** Returns whether one of the runs has too few rounds to tell a change from noise. */
  public boolean hasTooFewRounds() {
    return Math.min(before.rounds(), after.rounds()) < LEAST_ROUNDS;
  }

  /** Returns the changes of all figures that both runs have. */
  public static List<Change> between(Run before, Run after) {
    List<Change> changes = new ArrayList<>();
    for (Result old : before.results()) {
      Optional<Result> current =
          after.results().stream().filter(result -> result.work().equals(old.work())).findFirst();
      current.ifPresent(result -> add(changes, before, old, after, result));
    }
    return changes;
  }

  private static void add(
      List<Change> changes, Run runBefore, Result before, Run runAfter, Result after) {
    for (Timing timing : before.timings()) {
      Optional<Timing> now = after.timing(timing.library());
      if (now.isEmpty()) {
        continue;
      }
      if (!timing.library().equals(Clessidra.NAME)) {
        if (timing.ratio() != null && now.get().ratio() != null) {
          changes.add(
              new Change(
                  before.work(),
                  "ratio to " + timing.library(),
                  timing.ratio(),
                  now.get().ratio()));
        }
      } else if (timing.share() != null && now.get().share() != null) {
        changes.add(
            new Change(before.work(), "share of the limit", timing.share(), now.get().share()));
      } else {
        changes.add(
            new Change(
                before.work(), "speed", speed(runBefore, timing), speed(runAfter, now.get())));
      }
    }
  }

  /** Runs in the time in which the machine could do a billion operations. */
  private static Spread speed(Run run, Timing timing) {
    return timing.seconds().dividing(1e9 / run.peak().median());
  }
}
