package dev.clessidra.models.report;

import java.util.Objects;

/**
 * How often values of each size occur, in bins of one width from the least value to the largest.
 * Values that are not finite are counted and named, not drawn.
 */
public final class Histogram implements Figure {
  private final String title;
  private final String label;
  private final boolean logarithmic;
  private final double least;
  private final double largest;
  private final long[] counts;
  private final long total;
  private final long zeros;
  private final long notFinite;

  private Histogram(String title, String label, boolean logarithmic, float[] values, int bins) {
    this.title = Objects.requireNonNull(title, "title");
    this.label = Objects.requireNonNull(label, "label");
    this.logarithmic = logarithmic;
    if (bins < 1) {
      throw new IllegalArgumentException("%s bins: expected at least 1".formatted(bins));
    }
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    long finite = 0;
    long nothing = 0;
    for (float value : values) {
      if (Float.isFinite(value)) {
        low = Math.min(low, value);
        high = Math.max(high, value);
        finite++;
        nothing += value == 0 ? 1 : 0;
      }
    }
    if (low == high) {
      low -= 0.5;
      high += 0.5;
    }
    long[] found = new long[bins];
    for (float value : values) {
      if (Float.isFinite(value)) {
        found[Math.min(bins - 1, (int) ((value - low) / (high - low) * bins))]++;
      }
    }
    least = low;
    largest = high;
    counts = found;
    total = finite;
    zeros = nothing;
    notFinite = values.length - finite;
  }

  /**
   * A histogram of counts.
   *
   * @param title may be empty
   * @param label what the values are, with their unit
   * @param bins number of bins, at least 1
   * @throws IllegalArgumentException if {@code bins} is less than 1
   */
  public static Histogram of(String title, String label, float[] values, int bins) {
    return new Histogram(title, label, false, values, bins);
  }

  /**
   * As {@link #of} with a logarithmic axis of counts, for codes most of whose values are 0.
   *
   * @throws IllegalArgumentException if {@code bins} is less than 1
   */
  public static Histogram logarithmic(String title, String label, float[] values, int bins) {
    return new Histogram(title, label, true, values, bins);
  }

  @Override
  public String html() {
    String note = note();
    if (total == 0) {
      return Html.figure(title, note, "<p class=\"empty\">There is no value to draw.</p>\n");
    }
    long most = 0;
    for (long count : counts) {
      most = Math.max(most, count);
    }
    Axis y =
        logarithmic ? Axis.logarithmic(0.8, (double) most) : Axis.linear(0, (double) most, true);
    Plot plot = new Plot(Axis.linear(least, largest, false), y, label, "count");
    double width = (largest - least) / counts.length;
    for (int i = 0; i < counts.length; i++) {
      if (counts[i] > 0) {
        double from = plot.x(least + i * width);
        double to = plot.x(least + (i + 1) * width);
        double gap = Math.min(1, (to - from) / 5);
        double top = plot.y((double) counts[i]);
        plot.add(
            "<rect class=\"bar\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"><title>%s to %s: %s</title></rect>"
                .formatted(
                    Numbers.coordinate(from),
                    Numbers.coordinate(top),
                    Numbers.coordinate(Math.max(0.5, to - from - gap)),
                    Numbers.coordinate(plot.bottom() - top),
                    Numbers.compact(least + i * width),
                    Numbers.compact(least + (i + 1) * width),
                    counts[i]));
      }
    }
    return Html.figure(title, note, plot.svg(description()));
  }

  private String note() {
    StringBuilder note = new StringBuilder();
    note.append(total).append(" values");
    if (zeros > 0) {
      note.append(", ")
          .append(Numbers.compact(Math.round(1000.0 * zeros / total) / 10.0))
          .append(" % exactly 0");
    }
    if (notFinite > 0) {
      note.append(", ").append(notFinite).append(" more are not finite");
    }
    return note.append('.').toString();
  }

  private String description() {
    return "%sHistogram of %s values from %s to %s."
        .formatted(
            title.isEmpty() ? "" : title + ". ",
            total,
            Numbers.compact(least),
            Numbers.compact(largest));
  }
}
