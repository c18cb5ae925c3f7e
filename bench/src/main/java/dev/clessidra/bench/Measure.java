package dev.clessidra.bench;

import dev.clessidra.kernels.Device;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Measures the matrix products, the memory-bound kernels and the training steps of the models, and
 * relates them to the machine's peak: floating-point operations a second of fused multiply-adds in
 * registers, with the same threads and instruction set.
 *
 * <p>One command builds, and measures for about half a minute:
 *
 * <pre>{@code
 * mvn -q -B -Dmaven.test.skip=true -Pmeasure -pl bench -am package
 * }</pre>
 *
 * <p>and without Maven, on a JDK 25, once it is built (9 is the number of rounds, {@code
 * -Drounds=9} with Maven):
 *
 * <pre>{@code
 * java --enable-native-access=ALL-UNNAMED -cp 'bench/target/*:bench/target/lib/*' \
 *     dev.clessidra.bench.Measure 9
 * }</pre>
 *
 * <p>A round goes through all workloads once and measures the peak again between any two of them. A
 * workload's share of the peak is taken from the peaks just before and just after it, so that
 * whatever else slows the machine down slows both; the figures are good only where little else
 * runs. Threads and instruction set are chosen as for every device, for example by the environment
 * variables {@code CLESSIDRA_THREADS} and {@code CLESSIDRA_INSTRUCTIONSET}.
 */
public final class Measure {
  private static final int ROUNDS = 9;
  private static final Duration PEAK = Duration.ofMillis(50);
  private static final Duration SLICE = Duration.ofMillis(120);
  private static final int CELL = 29;
  // Samples a second are also given for a machine with this peak, so that machines compare.
  private static final double REFERENCE_PEAK = 230e9;

  private final Device device;
  private final Duration peakDuration;
  private final Duration slice;
  private final List<Line> products;
  private final List<Line> kernels;
  private final Map<TrainedModel, Line> steps = new EnumMap<>(TrainedModel.class);

  /** One workload, and what was measured of it by round. */
  private static final class Line implements AutoCloseable {
    private final String name;
    private final Workload workload;
    private final double[] seconds;
    private final double[] peaks;

    Line(String name, Workload workload, int rounds) {
      this.name = name;
      this.workload = workload;
      seconds = new double[rounds];
      peaks = new double[rounds];
    }

    /** How much is done in a second, by round, when a run does {@code amount}. */
    double[] rates(double amount) {
      return Arrays.stream(seconds).map(time -> amount / time).toArray();
    }

    /** As {@link #rates}, in a machine whose peak is 1. */
    double[] ratesAtPeak(double amount) {
      double[] rates = rates(amount);
      Arrays.setAll(rates, round -> rates[round] / peaks[round]);
      return rates;
    }

    @Override
    public void close() {
      workload.close();
    }
  }

  private Measure(Device device, int rounds, Duration peakDuration, Duration slice) {
    this.device = device;
    this.peakDuration = peakDuration;
    this.slice = slice;
    products =
        Arrays.stream(MatrixProduct.values())
            .map(product -> new Line("product " + product, product.on(device), rounds))
            .toList();
    kernels =
        Arrays.stream(MemoryBoundKernel.values())
            .map(kernel -> new Line(kernel.toString(), kernel.on(device), rounds))
            .toList();
    for (TrainedModel model : TrainedModel.values()) {
      steps.put(model, new Line("training step, " + model, model.on(device), rounds));
    }
  }

  /**
   * Measures on the CPU and prints.
   *
   * @param arguments the number of rounds, or nothing for 9
   * @throws IllegalArgumentException if there is another argument
   */
  public static void main(String[] arguments) {
    int rounds = rounds(arguments);
    try (Device device = Device.open("cpu")) {
      measure(device, rounds, PEAK, SLICE, System.out);
    }
  }

  static int rounds(String... arguments) {
    if (arguments.length == 0) {
      return ROUNDS;
    }
    if (arguments.length == 1 && arguments[0].matches("[1-9][0-9]{0,3}")) {
      return Integer.parseInt(arguments[0]);
    }
    throw new IllegalArgumentException(
        "Arguments are '%s': expected the number of rounds, 1 to 9999, or nothing."
            .formatted(String.join(" ", arguments)));
  }

  static void measure(
      Device device, int rounds, Duration peakDuration, Duration slice, PrintStream out) {
    Measure measure = new Measure(device, rounds, peakDuration, slice);
    try {
      // Touches all memory and wakes the threads up.
      measure.lines().forEach(line -> line.workload.run());
      double[] peaks = new double[rounds];
      Arrays.setAll(peaks, measure::round);
      measure.print(out, peaks);
    } finally {
      measure.lines().forEach(Line::close);
    }
  }

  private Stream<Line> lines() {
    return Stream.of(products, kernels, steps.values()).flatMap(Collection::stream);
  }

  /** Measures all workloads; returns the mean peak of the round. */
  private double round(int round) {
    List<Line> lines = lines().toList();
    double before = device.measurePeak(peakDuration);
    double sum = before;
    for (Line line : lines) {
      line.seconds[round] = secondsOfRun(line.workload);
      double after = device.measurePeak(peakDuration);
      line.peaks[round] = (before + after) / 2;
      before = after;
      sum += after;
    }
    return sum / (lines.size() + 1);
  }

  private double secondsOfRun(Workload workload) {
    int runs = 0;
    long start = System.nanoTime();
    long nanos;
    do {
      workload.run();
      runs++;
      nanos = System.nanoTime() - start;
    } while (nanos < slice.toNanos());
    return nanos * 1e-9 / runs;
  }

  private void print(PrintStream out, double[] peaks) {
    out.printf(
        Locale.ROOT,
        "%s, %d rounds: worst, median and best%n%n",
        device.description(),
        peaks.length);
    row(out, "", "GFLOP/s", "% of the peak beside it");
    row(out, "peak", spread(peaks, 1e-9));
    for (Line line : products) {
      double operations = line.workload.operations();
      row(
          out,
          line.name,
          spread(line.rates(operations), 1e-9),
          spread(line.ratesAtPeak(operations), 100));
    }
    out.println();
    row(out, "", "GB/s");
    for (Line line : kernels) {
      row(out, line.name, spread(line.rates(line.workload.bytes()), 1e-9));
    }
    out.println();
    row(out, "", "samples/s", "samples/s at 230 GFLOP/s", "% of the peak beside it");
    for (Map.Entry<TrainedModel, Line> step : steps.entrySet()) {
      int batch = step.getKey().batch();
      Line line = step.getValue();
      double operations = line.workload.operations();
      List<String> cells = new ArrayList<>();
      cells.add(spread(line.rates(batch), 1));
      cells.add(spread(line.ratesAtPeak(batch), REFERENCE_PEAK));
      if (operations > 0) {
        cells.add(spread(line.ratesAtPeak(operations), 100));
      }
      row(out, line.name, cells.toArray(String[]::new));
    }
  }

  private static void row(PrintStream out, String name, String... cells) {
    StringBuilder row = new StringBuilder("%-29s".formatted(name));
    for (String cell : cells) {
      row.append(" ".repeat(Math.max(1, CELL - cell.length()))).append(cell);
    }
    out.println(row);
  }

  /** Smallest, median and largest. */
  private static String spread(double[] values, double factor) {
    double[] sorted = Arrays.stream(values).map(value -> value * factor).sorted().toArray();
    double median = (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    return String.format(
        Locale.ROOT, "%11.1f%9.1f%9.1f", sorted[0], median, sorted[sorted.length - 1]);
  }
}
