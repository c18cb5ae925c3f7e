package dev.clessidra.models.report;

/**
 * The frame of a chart as inline SVG: axes, ticks, grid. SVG and not a bitmap, so that it follows
 * the page's light or dark colours, and as drawing text in Java fails where no fonts are installed.
 */
final class Plot {
  static final int WIDTH = 620;
  static final int HEIGHT = 300;

  private static final int TOP = 12;
  private static final int RIGHT = 18;
  private static final int BOTTOM = 50;
  private static final double CHARACTER =
      9.5; // mean width of one in the ticks' font, at its largest

  private final Axis x;
  private final Axis y;
  private final int left;
  private final StringBuilder content = new StringBuilder();

  Plot(Axis x, Axis y, String xLabel, String yLabel) {
    this.x = x;
    this.y = y;
    int longest =
        y.ticks().stream().mapToInt(tick -> Numbers.compact(tick).length()).max().orElse(0);
    this.left = (int) (longest * CHARACTER) + (yLabel.isEmpty() ? 16 : 38);
    for (double tick : y.ticks()) {
      line("grid", left, y(tick), WIDTH - RIGHT, y(tick));
      text("end", left - 8, y(tick) + 5, Numbers.compact(tick));
    }
    for (double tick : x.ticks()) {
      line("tick", x(tick), HEIGHT - BOTTOM, x(tick), HEIGHT - BOTTOM + 5);
      text("middle", x(tick), HEIGHT - BOTTOM + 21, Numbers.compact(tick));
    }
    line("axis", left, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM);
    text("middle", (left + WIDTH - RIGHT) / 2.0, HEIGHT - 6, xLabel);
    if (!yLabel.isEmpty()) {
      content.append(
          "<text text-anchor=\"middle\" transform=\"translate(15 %s) rotate(-90)\">%s</text>\n"
              .formatted((TOP + HEIGHT - BOTTOM) / 2, Html.escape(yLabel)));
    }
  }

  /** The horizontal coordinate of a value. */
  double x(double value) {
    return left + x.place(value) * (WIDTH - RIGHT - left);
  }

  /** The vertical coordinate of a value. */
  double y(double value) {
    return HEIGHT - BOTTOM - y.place(value) * (HEIGHT - BOTTOM - TOP);
  }

  /** The vertical coordinate of the horizontal axis. */
  double bottom() {
    return HEIGHT - BOTTOM;
  }

  /** Adds an element of SVG. */
  Plot add(String element) {
    content.append(element).append('\n');
    return this;
  }

  /** The whole chart; {@code description} is for those who cannot see it. */
  String svg(String description) {
    return "<div class=\"scroll\"><svg viewBox=\"0 0 %s %s\" role=\"img\" aria-label=\"%s\">\n%s</svg></div>\n"
        .formatted(WIDTH, HEIGHT, Html.escape(description), content);
  }

  private void line(String kind, double x1, double y1, double x2, double y2) {
    content.append(
        "<line class=\"%s\" x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\"/>\n"
            .formatted(
                kind,
                Numbers.coordinate(x1),
                Numbers.coordinate(y1),
                Numbers.coordinate(x2),
                Numbers.coordinate(y2)));
  }

  private void text(String anchor, double x, double y, String text) {
    content.append(
        "<text text-anchor=\"%s\" x=\"%s\" y=\"%s\">%s</text>\n"
            .formatted(anchor, Numbers.coordinate(x), Numbers.coordinate(y), Html.escape(text)));
  }
}
