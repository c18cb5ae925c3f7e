package dev.clessidra.bench.report;

import dev.clessidra.bench.measure.Result;
import dev.clessidra.bench.measure.Timing;
import dev.clessidra.models.data.DataException;
import java.awt.Color;
import java.io.IOException;
import java.math.RoundingMode;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * The roofline picture of a run (Williams, Waterman and Patterson 2009): operations a second over
 * operations a byte, under the two limits of the machine. A mark is a work whose operations are
 * counted, as one library does it.
 */
public final class Roofline {
  private static final int WIDTH = 1100;
  private static final int HEIGHT = 700;
  private static final int RESOLUTION = 150; // dots per inch
  private static final String LIMIT = "limit of the machine";

  // Of Okabe and Ito, told apart by colour-blind people too.
  private static final Color[] COLOURS = {
    new Color(0x0072b2), new Color(0xe69f00), new Color(0x009e73), new Color(0xcc79a7)
  };
  private static final Marker[] MARKERS = {
    SeriesMarkers.CIRCLE, SeriesMarkers.SQUARE, SeriesMarkers.DIAMOND, SeriesMarkers.TRIANGLE_UP
  };

  private Roofline() {}

  /**
   * Draws a run as a PNG file.
   *
   * @throws DataException if the file cannot be written, or no work of the run counts operations
   */
  public static void write(Path file, Run run) {
    List<Result> counted =
        run.results().stream()
            .filter(result -> result.operations() > 0 && !result.timings().isEmpty())
            .toList();
    if (counted.isEmpty()) {
      throw new DataException(
          "%s: no work that was timed counts floating-point operations: expected products or convolutions"
              .formatted(file));
    }
    XYChart chart = chart(run);
    addLimit(chart, run, counted);
    TreeSet<String> libraries = new TreeSet<>();
    counted.forEach(result -> result.timings().forEach(timing -> libraries.add(timing.library())));
    int index = 0;
    for (String library : libraries) {
      addLibrary(chart, library, counted, index++);
    }
    try {
      BitmapEncoder.saveBitmapWithDPI(chart, file.toString(), BitmapFormat.PNG, RESOLUTION);
    } catch (IOException e) {
      throw new DataException("%s cannot be written: %s".formatted(file, e.getMessage()), e);
    }
  }

  private static XYChart chart(Run run) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(run.device())
            .xAxisTitle("floating-point operations a byte")
            .yAxisTitle("GFLOP/s")
            .build();
    XYStyler styler = chart.getStyler();
    styler.setDefaultSeriesRenderStyle(XYSeriesRenderStyle.Scatter);
    styler
        .setXAxisLogarithmic(true)
        .setYAxisLogarithmic(true)
        .setPlotGridLinesColor(new Color(0xdddddd))
        .setMarkerSize(8)
        .setLegendPosition(LegendPosition.InsideSE)
        .setChartBackgroundColor(Color.WHITE);
    return chart;
  }

  private static void addLimit(XYChart chart, Run run, List<Result> counted) {
    double peak = run.peak().median();
    double bandwidth = run.bandwidth().median();
    double ridge = peak / bandwidth;
    // Whole powers of ten, as only these are labelled.
    double from =
        powerOfTen(Math.min(ridge, smallest(counted, Roofline::intensity)), RoundingMode.FLOOR);
    double to =
        powerOfTen(Math.max(ridge, largest(counted, Roofline::intensity)), RoundingMode.CEILING);
    double slowest = smallest(counted, Roofline::slowest);
    chart
        .getStyler()
        .setXAxisMin(from)
        .setXAxisMax(to)
        .setYAxisMin(powerOfTen(slowest, RoundingMode.FLOOR))
        .setYAxisMax(powerOfTen(peak * 1e-9, RoundingMode.CEILING));
    double start = Math.max(from, chart.getStyler().getYAxisMin() * 1e9 / bandwidth);
    XYSeries limit =
        chart.addSeries(
            LIMIT,
            new double[] {start, ridge, to},
            new double[] {start * bandwidth * 1e-9, peak * 1e-9, peak * 1e-9});
    limit.setXYSeriesRenderStyle(XYSeriesRenderStyle.Line);
    limit.setMarker(SeriesMarkers.NONE).setLineColor(Color.DARK_GRAY);
  }

  private static void addLibrary(XYChart chart, String library, List<Result> counted, int index) {
    List<Result> timed =
        counted.stream().filter(result -> result.timing(library).isPresent()).toList();
    chart
        .addSeries(
            library,
            timed.stream().mapToDouble(Roofline::intensity).toArray(),
            timed.stream()
                .mapToDouble(result -> speed(result, result.timing(library).orElseThrow()))
                .toArray())
        .setMarker(MARKERS[index % MARKERS.length])
        .setMarkerColor(COLOURS[index % COLOURS.length]);
  }

  private static double intensity(Result result) {
    return result.operations() / result.bytes();
  }

  private static double speed(Result result, Timing timing) {
    return result.operations() * 1e-9 / timing.seconds().median();
  }

  private static double slowest(Result result) {
    return result.timings().stream()
        .mapToDouble(timing -> speed(result, timing))
        .min()
        .orElseThrow();
  }

  private static double smallest(List<Result> results, ToDoubleFunction<Result> figure) {
    return results.stream().mapToDouble(figure).min().orElseThrow();
  }

  private static double largest(List<Result> results, ToDoubleFunction<Result> figure) {
    return results.stream().mapToDouble(figure).max().orElseThrow();
  }

  private static double powerOfTen(double value, RoundingMode mode) {
    double exponent = Math.log10(value);
    return Math.pow(10, mode == RoundingMode.FLOOR ? Math.floor(exponent) : Math.ceil(exponent));
  }
}
