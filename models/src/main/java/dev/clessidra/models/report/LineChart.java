package dev.clessidra.models.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A chart of lines, such as loss curves. Points that are not finite, or not positive on a
 * logarithmic axis, leave a gap in their line. Long series are thinned to what can be seen: the
 * least and the largest value of each column of pixels stay.
 */
public final class LineChart implements Figure {
  private static final int COLOURS = 6;

  private final String title;
  private final String xLabel;
  private final String yLabel;
  private final boolean logarithmic;
  private final List<Series> series;

  private record Point(double x, double y) {}

  private record Series(String name, List<Point> points, boolean logarithmic) {
    boolean drawable(Point point) {
      return Axis.drawable(point.x(), false) && Axis.drawable(point.y(), logarithmic);
    }

    List<Point> drawn() {
      return points.stream().filter(this::drawable).toList();
    }
  }

  private LineChart(Builder builder) {
    title = builder.title;
    xLabel = builder.xLabel;
    yLabel = builder.yLabel;
    logarithmic = builder.logarithmic;
    series =
        builder.series.stream()
            .map(one -> new Series(one.name(), one.points(), logarithmic))
            .toList();
  }

  /** Starts a chart; {@code title} may be empty. */
  public static Builder builder(String title) {
    return new Builder(title);
  }

  @Override
  public String html() {
    List<Point> drawn = series.stream().flatMap(one -> one.drawn().stream()).toList();
    if (drawn.isEmpty()) {
      return Html.figure(title, "", "<p class=\"empty\">There is no value to draw.</p>\n");
    }
    Axis x =
        Axis.linear(
            drawn.stream().mapToDouble(Point::x).min().orElseThrow(),
            drawn.stream().mapToDouble(Point::x).max().orElseThrow(),
            false);
    double least = drawn.stream().mapToDouble(Point::y).min().orElseThrow();
    double largest = drawn.stream().mapToDouble(Point::y).max().orElseThrow();
    Axis y = logarithmic ? Axis.logarithmic(least, largest) : Axis.linear(least, largest, true);
    Plot plot = new Plot(x, y, xLabel, yLabel);
    for (int i = 0; i < series.size(); i++) {
      draw(series.get(i), i % COLOURS, plot);
    }
    long left = series.stream().mapToLong(one -> one.points().size() - one.drawn().size()).sum();
    String note =
        left == 0
            ? ""
            : "%s value%s not drawn: not finite%s."
                .formatted(left, left == 1 ? "" : "s", logarithmic ? " or not above 0" : "");
    return Html.figure(title, note, legend() + plot.svg(description()));
  }

  private void draw(Series one, int colour, Plot plot) {
    StringBuilder path = new StringBuilder();
    List<Point> run = new ArrayList<>();
    for (Point point : one.points()) {
      if (one.drawable(point)) {
        run.add(new Point(plot.x(point.x()), plot.y(point.y())));
      } else {
        finish(run, path, colour, plot);
      }
    }
    finish(run, path, colour, plot);
    if (!path.isEmpty()) {
      plot.add("<path class=\"line c%s\" d=\"%s\"/>".formatted(colour, path));
    }
  }

  /** Draws points that follow each other without a gap, and forgets them. */
  private static void finish(List<Point> run, StringBuilder path, int colour, Plot plot) {
    if (run.size() == 1) {
      plot.add(
          "<circle class=\"dot c%s\" cx=\"%s\" cy=\"%s\" r=\"3.5\"/>"
              .formatted(
                  colour,
                  Numbers.coordinate(run.getFirst().x()),
                  Numbers.coordinate(run.getFirst().y())));
    } else {
      String command = "M";
      for (Point point : thinned(run)) {
        path.append(command)
            .append(Numbers.coordinate(point.x()))
            .append(' ')
            .append(Numbers.coordinate(point.y()));
        command = "L";
      }
    }
    run.clear();
  }

  /** Of the points in one column of pixels only the first, the extremes and the last. */
  private static List<Point> thinned(List<Point> points) {
    if (points.size() <= 2 * Plot.WIDTH) {
      return points;
    }
    List<Point> kept = new ArrayList<>();
    int start = 0;
    while (start < points.size()) {
      long column = Math.round(points.get(start).x());
      int least = start;
      int largest = start;
      int end = start;
      while (end < points.size() && Math.round(points.get(end).x()) == column) {
        least = points.get(end).y() < points.get(least).y() ? end : least;
        largest = points.get(end).y() > points.get(largest).y() ? end : largest;
        end++;
      }
      IntStream.of(start, least, largest, end - 1)
          .sorted()
          .distinct()
          .mapToObj(points::get)
          .forEach(kept::add);
      start = end;
    }
    return kept;
  }

  private String legend() {
    StringBuilder html = new StringBuilder("<ul class=\"legend\">\n");
    for (int i = 0; i < series.size(); i++) {
      html.append(
          "<li><span class=\"key c%s\"></span>%s <b>%s</b></li>\n"
              .formatted(i % COLOURS, Html.escape(series.get(i).name()), last(series.get(i))));
    }
    return html.append("</ul>\n").toString();
  }

  private String description() {
    return "%sLines over %s: %s."
        .formatted(
            title.isEmpty() ? "" : title + ". ",
            xLabel,
            series.stream()
                .map(one ->
                    "%s with %s points, last value %s"
                        .formatted(one.name(), one.points().size(), last(one)))
                .collect(Collectors.joining("; ")));
  }

  private static String last(Series one) {
    return one.points().isEmpty() ? "none" : Numbers.compact(one.points().getLast().y());
  }

  /** Gathers a chart. Not thread-safe. */
  public static final class Builder {
    private final String title;
    private final List<Series> series = new ArrayList<>();
    private String xLabel = "";
    private String yLabel = "";
    private boolean logarithmic;

    private Builder(String title) {
      this.title = Objects.requireNonNull(title, "title");
    }

    /** What the horizontal axis shows, with its unit. */
    public Builder xLabel(String label) {
      xLabel = Objects.requireNonNull(label, "label");
      return this;
    }

    /** What the vertical axis shows, with its unit. */
    public Builder yLabel(String label) {
      yLabel = Objects.requireNonNull(label, "label");
      return this;
    }

    /** Makes the vertical axis logarithmic. */
    public Builder logarithmic() {
      logarithmic = true;
      return this;
    }

    /**
     * Adds a line; the arrays are copied.
     *
     * @param x where, usually rising; {@code [points]}
     * @param y how much; {@code [points]}, NaN and infinities leave gaps
     * @throws IllegalArgumentException if the lengths differ
     */
    public Builder series(String name, double[] x, double[] y) {
      if (x.length != y.length) {
        throw new IllegalArgumentException(
            "series %s has %s x and %s y values: expected as many"
                .formatted(name, x.length, y.length));
      }
      List<Point> points =
          IntStream.range(0, x.length).mapToObj(i -> new Point(x[i], y[i])).toList();
      series.add(new Series(Objects.requireNonNull(name, "name"), points, false));
      return this;
    }

    /** The chart. */
    public LineChart build() {
      return new LineChart(this);
    }
  }
}
