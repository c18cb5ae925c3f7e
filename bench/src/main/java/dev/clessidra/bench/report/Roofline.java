package dev.clessidra.bench.report;

import dev.clessidra.bench.measure.Result;
import dev.clessidra.bench.measure.Timing;
import dev.clessidra.models.data.AtomicFile;
import dev.clessidra.models.data.DataException;
import java.awt.Color;
import java.awt.Font;
import java.io.IOException;
import java.math.RoundingMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.knowm.xchart.AnnotationText;
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
 * operations a byte, under the two limits of the machine. A mark is a work whose operations and
 * bytes are counted, as one library does it in float32, of which the peak is: its colour tells the
 * group, its form the library. Winograd's algorithm may lie above the limits, since it needs fewer
 * operations than are counted.
 */
public final class Roofline {
  private static final int WIDTH = 1100;
  private static final int HEIGHT = 700;
  private static final int RESOLUTION = 150; // dots per inch
  // How far a label is from its line, on logarithmic axes.
  private static final double ABOVE = 1.15;
  private static final double ASIDE = 1.7;
  private static final String LIMIT = "limits of the machine";

  // Of Okabe and Ito, told apart by colour-blind people too.
  private static final Color[] COLOURS = {
    new Color(0x0072b2),
    new Color(0xe69f00),
    new Color(0x009e73),
    new Color(0xcc79a7),
    new Color(0xd55e00),
    new Color(0x56b4e9),
    new Color(0xf0e442)
  };
  private static final Marker[] MARKERS = {
    SeriesMarkers.CIRCLE,
    SeriesMarkers.SQUARE,
    SeriesMarkers.DIAMOND,
    SeriesMarkers.TRIANGLE_UP,
    SeriesMarkers.TRIANGLE_DOWN
  };

  private Roofline() {}

  /**
   * Draws a run as a PNG file, whatever its name ends with.
   *
   * @throws DataException if the file cannot be written, or no work of the run counts operations
   *     and bytes
   */
  public static void write(Path file, Run run) {
    List<Result> counted =
        run.results().stream()
            .filter(result -> result.operations() > 0 && result.bytes() > 0)
            .filter(result -> drawn(result).findAny().isPresent())
            .toList();
    if (counted.isEmpty()) {
      throw new DataException(
          "%s: no work that was timed in float32 has operations and bytes: expected products, convolutions or answers to one image"
              .formatted(file));
    }
    XYChart chart = chart(run);
    addLimit(chart, run, counted);
    addMarks(chart, counted);
    try {
      // Its encoder appends an ending to other names.
      Path picture = Files.createTempFile("roofline", ".png");
      try {
        BitmapEncoder.saveBitmapWithDPI(chart, picture.toString(), BitmapFormat.PNG, RESOLUTION);
        AtomicFile.write(file, out -> Files.copy(picture, out));
      } finally {
        Files.delete(picture);
      }
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
        .setLegendPosition(LegendPosition.OutsideE)
        .setAnnotationTextFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12))
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
    double slowest = smallest(counted, result -> speeds(result).min().orElseThrow());
    double fastest = largest(counted, result -> speeds(result).max().orElseThrow());
    chart
        .getStyler()
        .setXAxisMin(from)
        .setXAxisMax(to)
        .setYAxisMin(powerOfTen(slowest, RoundingMode.FLOOR))
        .setYAxisMax(powerOfTen(Math.max(peak * 1e-9, fastest), RoundingMode.CEILING));
    double start = Math.max(from, chart.getStyler().getYAxisMin() * 1e9 / bandwidth);
    XYSeries limit =
        chart.addSeries(
            LIMIT,
            new double[] {start, ridge, to},
            new double[] {start * bandwidth * 1e-9, peak * 1e-9, peak * 1e-9});
    limit.setXYSeriesRenderStyle(XYSeriesRenderStyle.Line);
    limit.setMarker(SeriesMarkers.NONE).setLineColor(Color.DARK_GRAY);
    // A text's place is its middle: above the lines, where no marks of usual works are.
    double middle = Math.sqrt(start * ridge);
    label(chart, "%s GB/s", bandwidth, middle / ASIDE, middle * bandwidth);
    label(chart, "%s GFLOP/s", peak, ridge * ASIDE, peak);
  }

  private static void label(
      XYChart chart, String text, double limit, double intensity, double operations) {
    chart.addAnnotation(
        new AnnotationText(
            text.formatted(Figures.number(limit * 1e-9)),
            intensity,
            ABOVE * operations * 1e-9,
            false));
  }

  private static void addMarks(XYChart chart, List<Result> counted) {
    List<String> groups = counted.stream().map(Result::group).distinct().toList();
    List<String> libraries =
        counted.stream().flatMap(Roofline::drawn).map(Timing::library).distinct().toList();
    for (int i = 0; i < groups.size(); i++) {
      addLegend(chart, groups.get(i), MARKERS[0], colour(i));
    }
    for (int i = 0; i < libraries.size(); i++) {
      addLegend(chart, libraries.get(i), marker(i), Color.GRAY);
    }
    for (Result result : counted) {
      for (Timing timing : drawn(result).toList()) {
        chart
            .addSeries(
                "%s, %s".formatted(result.work(), timing.library()),
                new double[] {intensity(result)},
                new double[] {speed(result, timing)})
            .setMarker(marker(libraries.indexOf(timing.library())))
            .setMarkerColor(colour(groups.indexOf(result.group())))
            .setShowInLegend(false);
      }
    }
  }

  /** Adds a line of the legend, and no mark. */
  private static void addLegend(XYChart chart, String name, Marker marker, Color colour) {
    chart
        .addSeries(name, new double[] {1}, new double[] {Double.NaN})
        .setMarker(marker)
        .setMarkerColor(colour);
  }

  private static Marker marker(int library) {
    return MARKERS[library % MARKERS.length];
  }

  private static Color colour(int group) {
    return COLOURS[group % COLOURS.length];
  }

  private static double intensity(Result result) {
    return result.operations() / result.bytes();
  }

  private static double speed(Result result, Timing timing) {
    return result.operations() * 1e-9 / timing.seconds().median();
  }

  private static Stream<Timing> drawn(Result result) {
    return result.timings().stream().filter(Timing::isFloat32);
  }

  private static DoubleStream speeds(Result result) {
    return drawn(result).mapToDouble(timing -> speed(result, timing));
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
