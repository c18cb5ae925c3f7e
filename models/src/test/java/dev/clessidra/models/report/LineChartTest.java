package dev.clessidra.models.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;

class LineChartTest {
  private static String html(boolean logarithmic, double[] x, double... y) {
    LineChart.Builder builder =
        LineChart.builder("Loss").xLabel("step").yLabel("error").series("training", x, y);
    return (logarithmic ? builder.logarithmic() : builder).build().html();
  }

  private static String path(String html) {
    List<Element> paths = Pages.elements(Pages.chart(html), "path");
    assertThat(paths).hasSize(1);
    return paths.getFirst().getAttribute("d");
  }

  /** The coordinates of a path: x, y, x, y ... */
  private static double[] coordinates(String path) {
    return Arrays.stream(path.split("[ML ]"))
        .filter(part -> !part.isEmpty())
        .mapToDouble(Double::parseDouble)
        .toArray();
  }

  @Test
  void drawsPointsInProportion() {
    double[] at = coordinates(path(html(false, new double[] {0, 1, 4}, 0, 10, 5)));
    assertThat(at).hasSize(6);
    assertThat((at[2] - at[0]) / (at[4] - at[0])).isBetween(0.249, 0.251);
    assertThat((at[5] - at[1]) / (at[3] - at[1])).isBetween(0.495, 0.505);
    assertThat(at[3]).as("large values are above").isLessThan(at[1]);
  }

  @Test
  void aLogarithmicAxisGivesEqualRatiosEqualSteps() {
    String html = html(true, new double[] {0, 1, 2}, 1000, 10, 0.1);
    double[] at = coordinates(path(html));
    assertThat(at[3] - at[1]).isBetween(at[5] - at[3] - 0.2, at[5] - at[3] + 0.2);
    assertThat(Pages.texts(Pages.chart(html)))
        .contains("0.1", "1", "10", "100", "1000", "step", "error");
  }

  @Test
  void valuesThatAreNotFiniteLeaveAGapAndAreCounted() {
    double[] x = {0, 1, 2, 3, 4, 5, 6};
    String html = html(false, x, 1, 2, Double.NaN, 3, Double.POSITIVE_INFINITY, 1, 2);
    Element chart = Pages.chart(html);
    assertThat(path(html).chars().filter(c -> c == 'M').count()).isEqualTo(2);
    assertThat(Pages.elements(chart, "circle")).as("a point alone").hasSize(1);
    assertThat(html).contains("2 values not drawn: not finite.");
  }

  @Test
  void aLogarithmicAxisLeavesOutWhatIsNotPositive() {
    String html = html(true, new double[] {0, 1, 2}, 0, 1, 2);
    assertThat(coordinates(path(html))).hasSize(4);
    assertThat(html).contains("1 value not drawn: not finite or not above 0.");
  }

  @Test
  void seriesWithNothingToDrawSaySo() {
    assertThat(html(false, new double[0]))
        .contains("There is no value to draw")
        .doesNotContain("<svg");
    assertThat(html(true, new double[2], Double.NaN, -1)).contains("There is no value to draw");
  }

  @Test
  void extremeAndEqualValuesStillGiveAChart() {
    double[][] odd = {
      {5, 5},
      {0, 0},
      {-3, -3},
      {1e-300, 2e-300},
      {1e140, 2e140},
      {-1e149, 1e149},
      {3e38, -3e38},
      {Double.MAX_VALUE, 1},
      {1, Math.nextUp(1)},
      {Double.MIN_VALUE, 1}
    };
    for (double[] y : odd) {
      for (boolean logarithmic : new boolean[] {false, true}) {
        if (!logarithmic || Math.max(y[0], y[1]) > Float.MIN_VALUE) {
          assertThat(Pages.texts(Pages.chart(html(logarithmic, new double[] {7, 7}, y))).size())
              .as("%s %s", Arrays.toString(y), logarithmic)
              .isBetween(3, 40);
        }
      }
    }
  }

  @Test
  void longSeriesAreThinnedButKeepTheirExtremes() {
    int count = 100_000;
    double[] x = new double[count];
    double[] y = new double[count];
    for (int i = 0; i < count; i++) {
      x[i] = i;
      y[i] = 5;
    }
    y[41_234] = 10;
    y[77_777] = 0;
    String html = html(false, x, y);
    double[] at = coordinates(path(html));
    assertThat(at.length).isLessThan(8000);
    double[] heights = new double[at.length / 2];
    for (int i = 0; i < heights.length; i++) {
      heights[i] = at[2 * i + 1];
    }
    Arrays.sort(heights);
    assertThat(heights[0]).as("the peak").isLessThan(heights[1]);
    assertThat(heights[heights.length - 1])
        .as("the dip")
        .isGreaterThan(heights[heights.length - 2]);
  }

  @Test
  void theLegendNamesSeriesAndTheirLastValues() {
    LineChart chart =
        LineChart.builder("")
            .series("a<b", new double[] {0, 1}, new double[] {1, 0.123456})
            .series("other", new double[] {0, 1}, new double[] {1, Double.NaN})
            .build();
    assertThat(chart.html())
        .contains("a&lt;b <b>0.1235</b>", "other <b>not a number</b>", "aria-label=\"")
        .doesNotContain("a<b", "<figcaption>");
  }

  @Test
  void refusesSeriesOfUnequalLength() {
    assertThatThrownBy(() -> LineChart.builder("").series("s", new double[2], new double[3]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("series s has 2 x and 3 y values: expected as many");
  }

  @Test
  void numbersAreShort() {
    double[] values = {
      0, 1, -2.5, 0.1, 1234.5, 123456.7, 999999.6, 1e6, 2.5e-5, 1e-4, 1.0 / 3, 1e22
    };
    assertThat(Arrays.stream(values).mapToObj(Numbers::compact))
        .containsExactly(
            "0", "1", "-2.5", "0.1", "1235", "123457", "1000000", "1e6", "2.5e-5", "0.0001",
            "0.3333", "1e22");
    assertThat(Numbers.coordinate(-0.04)).isEqualTo("0");
    assertThat(Numbers.coordinate(12.36)).isEqualTo("12.4");
    assertThat(Numbers.coordinate(-12.36)).isEqualTo("-12.4");
  }
}
