package dev.clessidra.models.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
  private static final Pattern TAG = Pattern.compile("<(/?)([a-z0-9]+)([^<>]*?)(/?)>");

  /** Elements that HTML does not close. */
  private static final Set<String> VOID = Set.of("meta", "img");

  private static Report full() {
    Map<String, Object> configuration = new LinkedHashMap<>();
    configuration.put("widths", "784-30");
    configuration.put("seed", 42);
    configuration.put("resumed", null);
    return Report.builder("A run")
        .subtitle("of the tests")
        .metrics(new Report.Metric("Test error", "2.91", "PCA: 13.87"))
        .section("Learning")
        .text("Losses.")
        .add(
            LineChart.builder("Loss")
                .series("training", new double[] {0, 1}, new double[] {2, 1})
                .build())
        .section("Pictures")
        .add(ImageGrid.builder("", 2, 2, 1).row("original", new float[4]).build())
        .add(FilterGrid.ofRows("", new float[4], 2, 2, 1))
        .add(Histogram.of("", "code", new float[] {1, 2}, 3))
        .section("Numbers")
        .table(List.of("model", "error"), List.of(List.of("PCA", "13.87"), List.of("mean", "-")))
        .keyValues(configuration)
        .build();
  }

  @Test
  void thePageIsSoundAndNeedsNothingBesideItself() {
    String html = full().html();
    assertThat(html).startsWith("<!DOCTYPE html>").contains("name=\"viewport\"", "lang=\"en\"");
    assertThat(html).doesNotContain("<script", "http:", "https:", "<link", "@import", "url(");
    Deque<String> open = new ArrayDeque<>();
    Matcher tag = TAG.matcher(html);
    while (tag.find()) {
      String name = tag.group(2);
      if (!tag.group(1).isEmpty()) {
        assertThat(open.pop()).isEqualTo(name);
      } else if (tag.group(4).isEmpty() && !VOID.contains(name)) {
        open.push(name);
      }
    }
    assertThat(open).isEmpty();
    assertThat(html.split("<section>", -1)).hasSize(4);
    assertThat(Pages.images(html)).hasSize(2);
  }

  @Test
  void everyPictureHasATextForThoseWhoCannotSeeIt() {
    String html = full().html();
    assertThat(html.split("<img ", -1)).hasSameSizeAs(html.split(" alt=\"[^\"]+\"", -1));
    assertThat(html.split("<svg ", -1)).hasSameSizeAs(html.split(" aria-label=\"[^\"]+\"", -1));
  }

  @Test
  void allTextIsEscaped() {
    String attack = "<script>alert(\"x\")</script> & 'y'";
    String html =
        Report.builder(attack)
            .subtitle(attack)
            .metrics(new Report.Metric(attack, attack, attack))
            .section(attack)
            .text(attack)
            .keyValues(Map.of(attack, attack))
            .table(List.of(attack), List.of(List.of(attack)))
            .add(
                LineChart.builder(attack)
                    .xLabel(attack)
                    .yLabel(attack)
                    .series(attack, new double[2], new double[2])
                    .build())
            .add(Histogram.of(attack, attack, new float[1], 1))
            .add(ImageGrid.builder(attack, 1, 1, 1).row(attack, new float[1]).build())
            .add(FilterGrid.ofRows(attack, new float[1], 1, 1, 1))
            .build()
            .html();
    assertThat(html)
        .contains("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39;")
        .doesNotContain("<script", "\"x\"", "'y'", "& ");
  }

  @Test
  void numbersInTablesAreAlignedRight() {
    String html = full().html();
    assertThat(html)
        .contains("<td>PCA</td><td class=\"number\">13.87</td>", "<td>mean</td><td>-</td>");
    assertThatThrownBy(
            () -> Report.builder("").table(List.of("a", "b"), List.of(List.of("only one"))))
        .hasMessage("table row [only one] has 1 cells: expected 2 as in the header");
  }

  @Test
  void thePageDoesNotDependOnTheLocale() {
    Locale before = Locale.getDefault();
    String expected = full().html();
    try {
      for (String tag : List.of("de-DE", "ar-EG-u-nu-arab", "hi-IN-u-nu-deva", "tr-TR")) {
        Locale.setDefault(Locale.forLanguageTag(tag));
        assertThat(full().html()).as(tag).isEqualTo(expected);
      }
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void isWrittenAsUtf8(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("run/report.html");
    Report.builder("\u00e4\u4e2d").build().write(file);
    assertThat(Files.readString(file)).contains("<h1>\u00e4\u4e2d</h1>").endsWith("</html>\n");
  }
}
