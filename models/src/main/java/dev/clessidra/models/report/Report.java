package dev.clessidra.models.report;

import dev.clessidra.models.data.AtomicFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;

/**
 * A page about a run: one file of HTML with all its pictures inside, no scripts and nothing to
 * fetch. Follows the reader's choice of light or dark and the width of the screen. All text given
 * is escaped. The same content gives the same bytes. Immutable and thread-safe.
 */
public final class Report {
  private static final Pattern NUMBER = Pattern.compile("[-+\u2212]?[0-9][0-9.,eE+\\- ]*( ?%)?");

  private final String html;

  /**
   * A figure that stands out at the head of the page.
   *
   * @param label what it is: {@code Test error}
   * @param value its value as it is to be read: {@code 2.91}
   * @param note what to compare it with, may be empty: {@code PCA of the same size: 13.87}
   */
  public record Metric(String label, String value, String note) {}

  private Report(String html) {
    this.html = html;
  }

  /** Starts a page. */
  public static Builder builder(String title) {
    return new Builder(title);
  }

  /** The whole page. */
  public String html() {
    return html;
  }

  /**
   * Writes the page, whole or not at all.
   *
   * @throws dev.clessidra.models.data.DataException if it cannot be written
   */
  public void write(Path file) {
    byte[] bytes = html.getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(file, out -> out.write(bytes));
  }

  /** Gathers a page from top to bottom. Not thread-safe. */
  public static final class Builder {
    private final String title;
    private final StringBuilder body = new StringBuilder();
    private boolean inSection;
    private String subtitle = "";

    private Builder(String title) {
      this.title = Objects.requireNonNull(title, "title");
    }

    /** A line below the title. */
    public Builder subtitle(String text) {
      subtitle = Objects.requireNonNull(text, "text");
      return this;
    }

    /** Starts a section; what is added next belongs to it. */
    public Builder section(String heading) {
      endSection();
      body.append("<section>\n<h2>").append(Html.escape(heading)).append("</h2>\n");
      inSection = true;
      return this;
    }

    /** A paragraph. */
    public Builder text(String paragraph) {
      body.append("<p>").append(Html.escape(paragraph)).append("</p>\n");
      return this;
    }

    /** Figures that stand out, side by side. */
    public Builder metrics(Metric... metrics) {
      body.append("<ul class=\"metrics\">\n");
      for (Metric metric : metrics) {
        body.append(
            "<li><span>%s</span><b>%s</b>"
                .formatted(Html.escape(metric.label()), Html.escape(metric.value())));
        if (!metric.note().isEmpty()) {
          body.append("<small>").append(Html.escape(metric.note())).append("</small>");
        }
        body.append("</li>\n");
      }
      body.append("</ul>\n");
      return this;
    }

    /** A chart, images or filters. */
    public Builder add(Figure figure) {
      body.append(figure.html());
      return this;
    }

    /** Names and their values, such as a configuration, in the map's order. */
    public Builder keyValues(Map<String, ?> values) {
      body.append("<dl>\n");
      values.forEach((name, value) ->
          body.append(
              "<div><dt>%s</dt><dd>%s</dd></div>\n"
                  .formatted(Html.escape(name), Html.escape(String.valueOf(value)))));
      body.append("</dl>\n");
      return this;
    }

    /**
     * A table; cells that are numbers are aligned to the right.
     *
     * @throws IllegalArgumentException if a row has not as many cells as the header
     */
    public Builder table(List<String> header, List<List<String>> rows) {
      body.append("<div class=\"scroll\"><table class=\"data\">\n<thead><tr>");
      for (int column = 0; column < header.size(); column++) {
        int at = column;
        boolean numeric =
            !rows.isEmpty()
                && rows.stream().allMatch(row -> at < row.size() && isNumber(row.get(at)));
        body.append(
            "<th scope=\"col\"%s>%s</th>"
                .formatted(numeric ? " class=\"number\"" : "", Html.escape(header.get(column))));
      }
      body.append("</tr></thead>\n<tbody>\n");
      for (List<String> row : rows) {
        if (row.size() != header.size()) {
          throw new IllegalArgumentException(
              "table row %s has %s cells: expected %s as in the header"
                  .formatted(row, row.size(), header.size()));
        }
        body.append("<tr>");
        for (String cell : row) {
          body.append(
              "<td%s>%s</td>"
                  .formatted(isNumber(cell) ? " class=\"number\"" : "", Html.escape(cell)));
        }
        body.append("</tr>\n");
      }
      body.append("</tbody></table></div>\n");
      return this;
    }

    /** The page. */
    public Report build() {
      endSection();
      List<String> parts = new ArrayList<>();
      parts.add("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
      parts.add("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
      parts.add("<meta name=\"color-scheme\" content=\"light dark\">\n");
      parts.add("<title>%s</title>\n<style>\n%s</style>\n".formatted(Html.escape(title), style()));
      parts.add("</head>\n<body>\n<main>\n<header>\n<h1>%s</h1>\n".formatted(Html.escape(title)));
      if (!subtitle.isEmpty()) {
        parts.add("<p>%s</p>\n".formatted(Html.escape(subtitle)));
      }
      parts.add("</header>\n");
      parts.add(body.toString());
      parts.add("</main>\n</body>\n</html>\n");
      return new Report(String.join("", parts));
    }

    private void endSection() {
      if (inSection) {
        body.append("</section>\n");
        inSection = false;
      }
    }

    private static boolean isNumber(String cell) {
      return NUMBER.matcher(cell).matches();
    }

    private static String style() {
      try (InputStream in = Report.class.getResourceAsStream("report.css")) {
        if (in == null) {
          throw new IllegalStateException(
              "report.css is not on the class path: the jar is incomplete");
        }
        return new String(in.readAllBytes(), StandardCharsets.UTF_8);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
