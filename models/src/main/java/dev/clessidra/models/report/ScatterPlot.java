package dev.clessidra.models.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Points in a plane, coloured by what they belong to, such as codes by the class of their images.
 * Points that are not finite are counted and named, not drawn.
 */
public final class ScatterPlot implements Figure {
  private static final int COLOURS = 10;

  private final String title;
  private final String xLabel;
  private final String yLabel;
  private final List<Group> groups;

  private record Point(double x, double y) {
    boolean isDrawable() {
      return Axis.drawable(x, false) && Axis.drawable(y, false);
    }
  }

  private record Group(String name, List<Point> points) {}

  private ScatterPlot(Builder builder) {
    title = builder.title;
    xLabel = builder.xLabel;
    yLabel = builder.yLabel;
    groups = List.copyOf(builder.groups);
  }

  /** Starts a plot; {@code title} may be empty. */
  public static Builder builder(String title) {
    return new Builder(title);
  }

  @Override
  public String html() {
    List<Point> drawn =
        groups.stream()
            .flatMap(group -> group.points().stream())
            .filter(Point::isDrawable)
            .toList();
    if (drawn.isEmpty()) {
      return Html.figure(title, "", "<p class=\"empty\">There is no point to draw.</p>\n");
    }
    Plot plot =
        new Plot(
            Axis.linear(
                drawn.stream().mapToDouble(Point::x).min().orElseThrow(),
                drawn.stream().mapToDouble(Point::x).max().orElseThrow(),
                true),
            Axis.linear(
                drawn.stream().mapToDouble(Point::y).min().orElseThrow(),
                drawn.stream().mapToDouble(Point::y).max().orElseThrow(),
                true),
            xLabel,
            yLabel);
    // One of each group in turn, so that none covers the others.
    int longest = groups.stream().mapToInt(group -> group.points().size()).max().orElse(0);
    for (int i = 0; i < longest; i++) {
      for (int group = 0; group < groups.size(); group++) {
        List<Point> points = groups.get(group).points();
        if (i < points.size() && points.get(i).isDrawable()) {
          plot.add(
              "<circle class=\"point c%s\" cx=\"%s\" cy=\"%s\" r=\"1.8\"/>"
                  .formatted(
                      group % COLOURS,
                      Numbers.coordinate(plot.x(points.get(i).x())),
                      Numbers.coordinate(plot.y(points.get(i).y()))));
        }
      }
    }
    long left = groups.stream().mapToLong(group -> group.points().size()).sum() - drawn.size();
    String note =
        left == 0 ? "" : "%s point%s not drawn: not finite.".formatted(left, left == 1 ? "" : "s");
    return Html.figure(title, note, legend() + plot.svg(description()));
  }

  private String legend() {
    if (groups.size() == 1) {
      return "";
    }
    StringBuilder html = new StringBuilder("<ul class=\"legend\">\n");
    for (int i = 0; i < groups.size(); i++) {
      html.append(
          "<li><span class=\"key c%s\"></span>%s</li>\n"
              .formatted(i % COLOURS, Html.escape(groups.get(i).name())));
    }
    return html.append("</ul>\n").toString();
  }

  private String description() {
    return "%sPoints of %s over %s: %s."
        .formatted(
            title.isEmpty() ? "" : title + ". ",
            yLabel,
            xLabel,
            groups.stream()
                .map(group -> "%s of %s".formatted(group.points().size(), group.name()))
                .collect(Collectors.joining("; ")));
  }

  /** Gathers a plot. Not thread-safe. */
  public static final class Builder {
    private final String title;
    private final List<Group> groups = new ArrayList<>();
    private String xLabel = "";
    private String yLabel = "";

    private Builder(String title) {
      this.title = Objects.requireNonNull(title, "title");
    }

    /** What the horizontal axis shows. */
    public Builder xLabel(String label) {
      xLabel = Objects.requireNonNull(label, "label");
      return this;
    }

    /** What the vertical axis shows. */
    public Builder yLabel(String label) {
      yLabel = Objects.requireNonNull(label, "label");
      return this;
    }

    /**
     * Adds points of one colour; the arrays are copied.
     *
     * @throws IllegalArgumentException if the lengths differ
     */
    public Builder points(String name, double[] x, double[] y) {
      if (x.length != y.length) {
        throw new IllegalArgumentException(
            "points %s have %s x and %s y values: expected as many"
                .formatted(name, x.length, y.length));
      }
      groups.add(
          new Group(
              Objects.requireNonNull(name, "name"),
              IntStream.range(0, x.length).mapToObj(i -> new Point(x[i], y[i])).toList()));
      return this;
    }

    /** The plot. */
    public ScatterPlot build() {
      return new ScatterPlot(this);
    }
  }
}
