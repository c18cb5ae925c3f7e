package dev.clessidra.bench.report;

import dev.clessidra.bench.measure.Result;
import dev.clessidra.bench.measure.Spread;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Figures as text. */
final class Figures {
  private Figures() {}

  /** For example {@code 1.234 ms}. */
  static String time(double seconds) {
    if (seconds < 1e-3) {
      return number(seconds * 1e6) + " us";
    }
    return seconds < 1 ? number(seconds * 1e3) + " ms" : number(seconds) + " s";
  }

  /** What is done in a second, for example {@code 217 GFLOP/s}; nothing if that is not counted. */
  static String rate(Result result, double seconds) {
    List<String> rates = new ArrayList<>();
    if (result.samples() > 0) {
      rates.add(number(result.samples() / seconds) + " samples/s");
    }
    if (result.operations() > 0) {
      rates.add(number(result.operations() / seconds * 1e-9) + " GFLOP/s");
    } else if (result.bytes() > 0) {
      rates.add(number(result.bytes() / seconds * 1e-9) + " GB/s");
    }
    return String.join(", ", rates);
  }

  /** For example {@code 1.05x (1.02-1.09)}: the median and the quartiles. */
  static String ratio(Spread ratio) {
    return String.format(
        Locale.ROOT,
        "%.2fx (%.2f-%.2f)",
        ratio.median(),
        ratio.lowerQuartile(),
        ratio.upperQuartile());
  }

  /** For example {@code 94 %}. */
  static String percent(double share) {
    return String.format(Locale.ROOT, "%.0f %%", 100 * share);
  }

  /** At least three digits. */
  static String number(double value) {
    return String.format(Locale.ROOT, Math.abs(value) >= 100 ? "%.0f" : "%.3g", value);
  }
}
