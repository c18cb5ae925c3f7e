package dev.clessidra.bench.report;

import dev.clessidra.bench.baselines.Arithmetic;
import dev.clessidra.bench.measure.Result;
import dev.clessidra.bench.measure.Spread;
import dev.clessidra.bench.measure.Timing;
import java.util.List;
import java.util.Map;

/** Runs made up for tests. */
final class Runs {
  static final Spread PEAK = new Spread(190e9, 200e9, 210e9, 30);
  static final Spread BANDWIDTH = new Spread(19e9, 20e9, 21e9, 30);

  static final Spread ROUND_TRIP = new Spread(110e-9, 180e-9, 580e-9, 30);

  private Runs() {}

  static Run of(String commit, Result... results) {
    return of(commit, ROUND_TRIP, results);
  }

  static Run of(String commit, Spread roundTrip, Result... results) {
    return new Run(
        commit,
        "2026-01-02T03:04:05Z",
        "cpu: 2 threads, avx512",
        Map.of("java", "25"),
        Map.of("libtorch", "not built in"),
        9,
        PEAK,
        BANDWIDTH,
        roundTrip,
        timing("clessidra", 1e-6, null, null),
        List.of(results));
  }

  /** A product of 2e9 operations and 1e7 bytes. */
  static Result product(String work, String group, Timing... timings) {
    return new Result(work, group, 2e9, 1e7, 0, List.of(timings), Map.of());
  }

  static Timing timing(String library, double seconds, Spread share, Spread ratio) {
    return timing(library, Arithmetic.FLOAT32, seconds, share, ratio);
  }

  static Timing timing(
      String library, Arithmetic arithmetic, double seconds, Spread share, Spread ratio) {
    Spread time = new Spread(0.9 * seconds, seconds, 1.1 * seconds, 9);
    return new Timing(library, arithmetic, time, time, share, ratio, ratio == null ? null : 1e-6);
  }

  /** A median with a tenth of it between the quartiles. */
  static Spread about(double median) {
    return new Spread(0.95 * median, median, 1.05 * median, 9);
  }
}
