package dev.clessidra.models.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;

class HistogramTest {
  private static List<String> bars(String html) {
    return Pages.elements(Pages.chart(html), "rect").stream()
        .map(bar -> bar.getTextContent())
        .toList();
  }

  @Test
  void countsValuesInBinsWithTheLargestInTheLast() {
    String html = Histogram.of("", "code", new float[] {0, 0, 0.9f, 1, 2, 3, 4}, 4).html();
    assertThat(bars(html)).containsExactly("0 to 1: 3", "1 to 2: 1", "2 to 3: 1", "3 to 4: 2");
    List<Element> rectangles = Pages.elements(Pages.chart(html), "rect");
    double three = Double.parseDouble(rectangles.get(0).getAttribute("height"));
    double one = Double.parseDouble(rectangles.get(1).getAttribute("height"));
    assertThat(three / one).isBetween(2.99, 3.01);
    assertThat(html).contains("7 values, 28.6 % exactly 0.");
  }

  @Test
  void leavesOutWhatIsNotFiniteAndSaysSo() {
    float[] values = {1, Float.NaN, 2, Float.POSITIVE_INFINITY};
    String html = Histogram.logarithmic("", "code", values, 2).html();
    assertThat(bars(html)).containsExactly("1 to 1.5: 1", "1.5 to 2: 1");
    assertThat(html).contains("2 values, 2 more are not finite.");
  }

  @Test
  void oddValuesStillGiveAChart() {
    assertThat(Histogram.of("", "code", new float[0], 5).html())
        .contains("There is no value to draw");
    assertThat(Histogram.of("", "code", new float[] {Float.NaN}, 5).html())
        .contains("There is no value to draw");
    assertThat(bars(Histogram.of("", "code", new float[] {3, 3}, 1).html()))
        .containsExactly("2.5 to 3.5: 2");
    assertThat(
            bars(
                Histogram.logarithmic("", "c", new float[] {-Float.MAX_VALUE, Float.MAX_VALUE}, 3)
                    .html()))
        .hasSize(2);
  }

  @Test
  void refusesToHaveNoBins() {
    assertThatThrownBy(() -> Histogram.of("", "code", new float[1], 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("0 bins: expected at least 1");
  }
}
