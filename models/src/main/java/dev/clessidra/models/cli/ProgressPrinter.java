package dev.clessidra.models.cli;

import static dev.clessidra.models.cli.Words.clock;
import static dev.clessidra.models.cli.Words.count;
import static dev.clessidra.models.cli.Words.duration;
import static dev.clessidra.models.cli.Words.format;
import static dev.clessidra.models.cli.Words.number;
import static dev.clessidra.models.cli.Words.percent;

import dev.clessidra.models.training.TrainingProgress;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntSupplier;

/**
 * Tells a person how a training goes: a bar that is drawn over on a terminal, some plain lines
 * elsewhere.
 *
 * <p>Not made with a progress-bar library: the one at hand writes control characters into pipes and
 * unpacks a native library of its own to find the width of the terminal.
 */
final class ProgressPrinter implements TrainingProgress {
  private static final int LINES = 12; // of a training, where lines are not drawn over
  private static final int BAR = 16;
  private static final long REDRAW_NANOS = 250_000_000;
  private static final long LEAST_NANOS = 1_000_000_000; // between two lines
  private static final String GAP = "  ";
  private static final String RESTART_LINE = "\r\u001b[K";

  private final PrintWriter out;
  private final boolean terminal;
  private final IntSupplier columns;
  private final String label;

  private long started;
  private long firstStep;
  private long drawn;
  private int printed;
  private Report latest;
  private Map<String, Double> evaluation = Map.of();

  ProgressPrinter(PrintWriter out, Environment environment, String label) {
    this.out = out;
    this.terminal = environment.terminal().getAsBoolean();
    this.columns = environment.columns();
    this.label = label;
  }

  @Override
  public void started(long first, long totalSteps, int batch) {
    started = System.nanoTime();
    drawn = started;
    firstStep = first;
    printed = (int) (first * LINES / totalSteps);
    if (first > 0) {
      out.println(format("%s: goes on after step %d of %d", label, first, totalSteps));
    }
    if (terminal) {
      draw(first, totalSteps);
    } else {
      out.println(
          format("%s: %s of %s", label, count(totalSteps - first, "step"), count(batch, "image")));
    }
    out.flush();
  }

  @Override
  public void stepped(long step, long totalSteps) {
    long now = System.nanoTime();
    if (terminal && now - drawn > REDRAW_NANOS) {
      drawn = now;
      draw(step, totalSteps);
    }
  }

  private void draw(long step, long totalSteps) {
    int done = (int) (step * BAR / totalSteps);
    String bar = "#".repeat(done) + "-".repeat(BAR - done);
    // No line may wrap, as it could not be drawn over.
    int width = columns.getAsInt() - 1;
    String share = format("%2d %%", step * 100 / totalSteps);
    String line = format("%s [%s] %s", label, bar, share);
    if (line.length() > width) {
      line = share;
    }
    for (String part : state(step, totalSteps)) {
      String longer = line + GAP + part;
      if (longer.length() > width) {
        break;
      }
      line = longer;
    }
    out.print(RESTART_LINE + line);
    out.flush();
  }

  @Override
  public void reported(Report report) {
    latest = report;
    if (!report.evaluation().isEmpty()) {
      evaluation = report.evaluation();
    }
    int due = (int) (report.step() * LINES / report.totalSteps());
    long now = System.nanoTime();
    if (!terminal
        && due > printed
        && report.step() < report.totalSteps()
        && now - drawn > LEAST_NANOS) {
      printed = due;
      drawn = now;
      out.println(
          format(
              "  %3d %%  epoch %.1f%s%s",
              report.step() * 100 / report.totalSteps(),
              report.epoch(),
              GAP,
              String.join(GAP, state(report.step(), report.totalSteps()))));
      out.flush();
    }
  }

  /** Time left, speed and errors, as far as they are known; the first ones matter most. */
  private List<String> state(long step, long totalSteps) {
    List<String> parts = new ArrayList<>();
    if (step > firstStep) {
      double elapsed = (System.nanoTime() - started) * 1e-9;
      parts.add(clock(elapsed * (totalSteps - step) / (step - firstStep)) + " left");
    }
    if (latest != null) {
      parts.add(format(terminal ? "%,.0f/s" : "%,.0f samples/s", latest.samplesPerSecond()));
      parts.add("loss " + number(latest.loss()));
      parts.addAll(evaluated());
    }
    return parts;
  }

  private List<String> evaluated() {
    List<String> parts = new ArrayList<>();
    evaluation.forEach((name, value) ->
        parts.add(
            switch (name) {
              case Metrics.ERROR_RATE -> "test error " + percent(value);
              case Metrics.SQUARED_ERROR -> "test error " + number(value);
              default -> name.replace('_', ' ') + " " + number(value);
            }));
    return parts;
  }

  @Override
  public void ended(boolean stopped) {
    if (terminal) {
      out.print(RESTART_LINE);
    }
    if (!stopped) {
      List<String> parts = new ArrayList<>();
      parts.add(format("%.1f epochs in %s", latest.epoch(), duration(latest.seconds())));
      parts.add("loss " + number(latest.loss()));
      parts.addAll(evaluated());
      out.println(label + ": " + String.join(", ", parts));
    }
    out.flush();
  }
}
