package dev.clessidra.bench.report;

import dev.clessidra.bench.baselines.Clessidra;
import dev.clessidra.bench.measure.Result;
import dev.clessidra.bench.measure.Spread;
import dev.clessidra.bench.measure.Timing;
import dev.clessidra.bench.work.Cpu;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;

/** A run as a table for people. */
public final class Table {
  private final Run run;
  private final List<String> baselines;
  private final boolean onGpu;

  /** Takes what to show. */
  public Table(Run run) {
    this.run = run;
    onGpu = !Cpu.is(run.device());
    TreeSet<String> names = new TreeSet<>();
    for (Result result : run.results()) {
      result.timings().forEach(timing -> names.add(timing.library()));
    }
    names.remove(Clessidra.NAME);
    baselines = List.copyOf(names);
  }

  /** Prints what was measured, how the ratios are on average, and what was not measured. */
  public void print(PrintWriter out) {
    out.printf(
        "%s; %d rounds; peak %s GFLOP/s, memory %s GB/s;%s the smallest launch takes %s%n",
        run.device(),
        run.rounds(),
        range(run.peak().times(1e-9)),
        range(run.bandwidth().times(1e-9)),
        roundTrip(),
        launch());
    run.versions().forEach((name, version) -> out.printf("%s: %s%n", name, version));
    run.absent().forEach((name, reason) -> out.printf("%s is absent: %s%n", name, reason));
    out.println();
    results().print(out);
    if (!baselines.isEmpty()) {
      out.println();
      means().print(out);
      out.println();
      out.println(
          "A ratio is the library's time divided by Clessidra's in the same round: the median and"
              + " the quartiles; above 1 Clessidra is faster.");
      if (run.results().stream()
          .flatMap(result -> result.timings().stream())
          .anyMatch(timing -> !timing.isFloat32())) {
        out.println("TF32 is never the best: Clessidra and the others compute in float32.");
      }
    }
    for (Result result : run.results()) {
      result
          .failures()
          .forEach((library, problem) ->
              out.printf("error: %s, %s: %s%n", result.work(), library, problem));
    }
  }

  private String roundTrip() {
    return run.roundTrip() == null
        ? ""
        : " a cache line to another thread and back %s ns;"
            .formatted(range(run.roundTrip().times(1e9)));
  }

  private String launch() {
    Timing launch = run.smallestLaunch();
    String time = Figures.time(launch.seconds().median());
    return onGpu
        ? "%s, with the wait %s".formatted(time, Figures.time(launch.endToEnd().median()))
        : time;
  }

  private static String range(Spread spread) {
    return String.format(
        Locale.ROOT,
        "%s (%s-%s)",
        Figures.number(spread.median()),
        Figures.number(spread.lowerQuartile()),
        Figures.number(spread.upperQuartile()));
  }

  private Columns results() {
    Columns columns = new Columns();
    List<String> head = new ArrayList<>(List.of("", "time"));
    if (onGpu) {
      head.add("end to end");
    }
    head.addAll(List.of("rate", "of the limit"));
    baselines.forEach(name -> head.add("to " + name));
    columns.row(head);
    for (Result result : run.results()) {
      result.timing(Clessidra.NAME).ifPresent(timing -> columns.row(row(result, timing)));
    }
    return columns;
  }

  private List<String> row(Result result, Timing timing) {
    double seconds = timing.seconds().median();
    List<String> row = new ArrayList<>(List.of(result.work(), Figures.time(seconds)));
    if (onGpu) {
      row.add(Figures.time(timing.endToEnd().median()));
    }
    row.add(Figures.rate(result, seconds));
    row.add(timing.share() == null ? "" : Figures.percent(timing.share().median()));
    for (String name : baselines) {
      row.add(result.timing(name).map(Timing::ratio).map(Figures::ratio).orElse(""));
    }
    return row;
  }

  private Columns means() {
    Columns columns = new Columns();
    List<String> head = new ArrayList<>(List.of("geometric mean of the ratios"));
    baselines.forEach(name -> head.add("to " + name));
    head.add("to the best");
    columns.row(head);
    for (GeometricMean mean : GeometricMean.byGroup(run.results())) {
      List<String> row = new ArrayList<>(List.of(mean.group()));
      for (String name : baselines) {
        row.add(text(mean.ratio(name)));
      }
      row.add(text(mean.ratioToBest()));
      columns.row(row);
    }
    return columns;
  }

  private static String text(double ratio) {
    return Double.isNaN(ratio) ? "" : String.format(Locale.ROOT, "%.2fx", ratio);
  }
}
