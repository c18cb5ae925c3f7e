package dev.clessidra.models.report;

import java.util.ArrayList;
import java.util.List;

/** Maps values to the unit interval and says where the ticks are. */
final class Axis {
  /** Larger magnitudes are not drawn: differences of them could overflow. */
  static final double LARGEST = 1e150;

  private static final int TICKS = 5;

  private final boolean logarithmic;
  private final double from; // of the logarithms, where logarithmic
  private final double to;
  private final List<Double> ticks;

  private Axis(boolean logarithmic, double from, double to, List<Double> ticks) {
    this.logarithmic = logarithmic;
    this.from = from;
    this.to = to;
    this.ticks = List.copyOf(ticks);
  }

  /** An axis from {@code min} to {@code max} exactly, or widened to whole ticks. */
  static Axis linear(double min, double max, boolean widened) {
    double low = min;
    double high = max;
    if (low == high) {
      double margin = low == 0 ? 1 : Math.abs(low) * 0.1;
      low -= margin;
      high += margin;
    }
    double step = step((high - low) / TICKS);
    long first = (long) (widened ? Math.floor(low / step) : Math.ceil(low / step - 1e-9));
    long last = (long) (widened ? Math.ceil(high / step) : Math.floor(high / step + 1e-9));
    List<Double> ticks = new ArrayList<>();
    for (long i = first; i <= last; i++) {
      ticks.add(i * step);
    }
    return widened
        ? new Axis(false, first * step, last * step, ticks)
        : new Axis(false, low, high, ticks);
  }

  /** A logarithmic axis from {@code min} to {@code max}, both positive, with some margin. */
  static Axis logarithmic(double min, double max) {
    double low = Math.log10(min);
    double high = Math.log10(max);
    double margin = Math.max(0.05, 0.04 * (high - low));
    low -= margin;
    high += margin;
    double span = high - low;
    int[] digits = span < 0.7 ? new int[] {1, 2, 3, 4, 5, 6, 8} : new int[] {1, 2, 5};
    if (span > 2.5) {
      digits = new int[] {1};
    }
    int every = Math.max(1, (int) Math.ceil(span / 8));
    List<Double> ticks = new ArrayList<>();
    for (int decade = (int) Math.floor(low); decade <= high; decade++) {
      for (int digit : digits) {
        double tick = digit * Math.pow(10, decade);
        double place = Math.log10(tick);
        if (Math.floorMod(decade, every) == 0 && place >= low && place <= high) {
          ticks.add(tick);
        }
      }
    }
    return new Axis(true, low, high, ticks);
  }

  /** The least of 1, 2 or 5 times a power of ten that is not smaller. */
  private static double step(double atLeast) {
    double power = Math.pow(10, Math.floor(Math.log10(atLeast)));
    for (int factor : new int[] {1, 2, 5}) {
      if (factor * power >= atLeast * (1 - 1e-9)) {
        return factor * power;
      }
    }
    return 10 * power;
  }

  /** Whether a value has a place on an axis of this kind. */
  static boolean drawable(double value, boolean logarithmic) {
    return Math.abs(value) <= LARGEST && (!logarithmic || value >= Float.MIN_VALUE);
  }

  /** The place of a value: 0 at the axis's start, 1 at its end. */
  double place(double value) {
    double position = logarithmic ? Math.log10(value) : value;
    return (position - from) / (to - from);
  }

  List<Double> ticks() {
    return ticks;
  }
}
