package dev.clessidra.models.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;

class ScatterPlotTest {
  @Test
  void pointsLieWhereTheyBelongInTheirGroupsColour() {
    String html =
        ScatterPlot.builder("codes")
            .xLabel("first")
            .yLabel("second")
            .points("zeros", new double[] {0, 4}, new double[] {0, 2})
            .points("ones", new double[] {2}, new double[] {1})
            .build()
            .html();
    List<Element> points = Pages.elements(Pages.chart(html), "circle");
    assertThat(points)
        .extracting(point -> point.getAttribute("class"))
        .containsExactly("point c0", "point c1", "point c0");
    double[] x =
        points.stream()
            .mapToDouble(point -> Double.parseDouble(point.getAttribute("cx")))
            .toArray();
    double[] y =
        points.stream()
            .mapToDouble(point -> Double.parseDouble(point.getAttribute("cy")))
            .toArray();
    assertThat(x[1]).isBetween((x[0] + x[2]) / 2 - 0.11, (x[0] + x[2]) / 2 + 0.11);
    assertThat(x[0]).isLessThan(x[1]);
    assertThat(y[0]).isGreaterThan(y[1]);
    assertThat(y[1]).isGreaterThan(y[2]);
    assertThat(html).contains("zeros", "ones", "first", "second");
  }

  @Test
  void whatIsNotFiniteIsCounted() {
    String html =
        ScatterPlot.builder("")
            .points("all", new double[] {0, Double.NaN, 1}, new double[] {0, 1, 3})
            .build()
            .html();
    assertThat(Pages.elements(Pages.chart(html), "circle")).hasSize(2);
    assertThat(html).contains("1 point not drawn: not finite.").doesNotContain("legend");
  }

  @Test
  void withoutPointsThereIsNoChart() {
    assertThat(ScatterPlot.builder("").points("none", new double[0], new double[0]).build().html())
        .contains("There is no point to draw");
  }

  @Test
  void refusesUnequalLengths() {
    assertThatThrownBy(() -> ScatterPlot.builder("").points("a", new double[2], new double[3]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("points a have 2 x and 3 y values: expected as many");
  }
}
