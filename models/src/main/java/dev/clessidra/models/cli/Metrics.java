package dev.clessidra.models.cli;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.clessidra.models.data.DataException;
import dev.clessidra.models.data.Problems;
import dev.clessidra.models.report.MetricsWriter;
import dev.clessidra.models.training.TrainingProgress;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/** The metrics of a run in its folder, as CSV and as JSON lines. Not thread-safe. */
final class Metrics implements AutoCloseable {
  /** Evaluation: squared error, summed over a test image and averaged over the images. */
  static final String SQUARED_ERROR = "test_squared_error";

  /** Evaluation: share of the test images that are classified wrongly. */
  static final String ERROR_RATE = "test_error_rate";

  /** Evaluation: evidence lower bound of the test images, nats per image. */
  static final String ELBO = "test_elbo";

  /** Evaluation: its first part, the mean of log p(x | z). */
  static final String RECONSTRUCTION = "test_reconstruction";

  /** Evaluation: its second part, the mean divergence of the codes from the prior. */
  static final String DIVERGENCE = "test_divergence";

  private static final List<String> COLUMNS =
      List.of(
          "stage",
          "step",
          "total_steps",
          "epoch",
          "loss",
          "learning_rate",
          "samples_per_second",
          "seconds");

  private final RunFolder folder;
  private final List<String> columns = new ArrayList<>(COLUMNS);
  private final List<Row> rows = new ArrayList<>();
  private MetricsWriter csv;
  private MetricsWriter jsonLines;

  /**
   * A report of a training.
   *
   * @param stage which of a run's trainings
   * @param report with the seconds since the stage's start, also over a stop
   */
  record Row(String stage, TrainingProgress.Report report) {}

  /**
   * Opens or continues the metrics of a run.
   *
   * @param measures names of what its stages evaluate
   */
  Metrics(RunFolder folder, List<String> measures) {
    this.folder = folder;
    columns.addAll(measures);
    open(); // first, as this drops a line that was cut short
    rows.addAll(read(folder));
  }

  private void open() {
    csv = MetricsWriter.csv(folder.metricsCsv(), columns);
    jsonLines = MetricsWriter.jsonLines(folder.metricsJsonLines(), columns);
  }

  /** Whether stages before this one reported something, and this one did not. */
  boolean isNew(String stage) {
    return !rows.isEmpty() && rows.stream().noneMatch(row -> row.stage().equals(stage));
  }

  /**
   * Forgets what a stage reported after a step, as when the process ended without a checkpoint.
   *
   * @return the seconds that the stage took until then
   */
  double restart(String stage, long step) {
    if (rows.removeIf(row -> row.stage().equals(stage) && row.report().step() > step)) {
      close();
      try {
        Files.delete(folder.metricsCsv());
        Files.delete(folder.metricsJsonLines());
      } catch (IOException e) {
        throw new DataException(
            "%s cannot be replaced: %s; check the folder"
                .formatted(folder.metricsCsv(), Problems.describe(e)),
            e);
      }
      open();
      rows.forEach(this::write);
    }
    return rows.stream()
        .filter(row -> row.stage().equals(stage))
        .mapToDouble(row -> row.report().seconds())
        .max()
        .orElse(0);
  }

  /** Adds a row, which is in the files when this returns. */
  void append(Row row) {
    rows.add(row);
    write(row);
  }

  private void write(Row row) {
    TrainingProgress.Report report = row.report();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("stage", row.stage());
    values.put("step", report.step());
    values.put("total_steps", report.totalSteps());
    values.put("epoch", report.epoch());
    values.put("loss", report.loss());
    values.put("learning_rate", report.learningRate());
    values.put("samples_per_second", report.samplesPerSecond());
    values.put("seconds", report.seconds());
    values.putAll(report.evaluation());
    // First those that are read again: what a crash left in the other alone would be there twice.
    jsonLines.append(values);
    csv.append(values);
  }

  /** The rows of all stages by stage, in the order of training. */
  SequencedMap<String, List<TrainingProgress.Report>> byStage() {
    SequencedMap<String, List<TrainingProgress.Report>> stages = new LinkedHashMap<>();
    for (Row row : rows) {
      stages.computeIfAbsent(row.stage(), _ -> new ArrayList<>()).add(row.report());
    }
    return stages;
  }

  private static List<Row> read(RunFolder folder) {
    if (!Files.exists(folder.metricsJsonLines())) {
      return List.of();
    }
    List<Row> rows = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(folder.metricsJsonLines())) {
        rows.add(parse(JsonParser.parseString(line).getAsJsonObject()));
      }
    } catch (IOException e) {
      throw new CommandFailure(
          "%s cannot be read (%s): restore it, or train again"
              .formatted(folder.metricsJsonLines(), Problems.describe(e)),
          e);
    } catch (RuntimeException e) {
      throw new CommandFailure(
          "%s, line %d is not a report of a training as JSON: restore or delete that line, then resume"
              .formatted(folder.metricsJsonLines(), rows.size() + 1),
          e);
    }
    return rows;
  }

  private static Row parse(JsonObject json) {
    Map<String, Double> evaluation = new LinkedHashMap<>();
    for (String name : json.keySet()) {
      if (!COLUMNS.contains(name)) {
        evaluation.put(name, number(json, name));
      }
    }
    return new Row(
        json.get("stage").getAsString(),
        new TrainingProgress.Report(
            json.get("step").getAsLong(),
            json.get("total_steps").getAsLong(),
            number(json, "epoch"),
            number(json, "loss"),
            number(json, "learning_rate"),
            number(json, "samples_per_second"),
            number(json, "seconds"),
            evaluation));
  }

  /** JSON has null for numbers that are not finite. */
  private static double number(JsonObject json, String name) {
    return json.get(name).isJsonNull() ? Double.NaN : json.get(name).getAsDouble();
  }

  @Override
  public void close() {
    csv.close();
    jsonLines.close();
  }
}
