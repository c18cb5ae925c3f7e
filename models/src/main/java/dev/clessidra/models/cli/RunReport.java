package dev.clessidra.models.cli;

import static dev.clessidra.models.cli.Words.duration;
import static dev.clessidra.models.cli.Words.format;

import dev.clessidra.models.report.LineChart;
import dev.clessidra.models.report.Report;
import dev.clessidra.models.training.TrainingProgress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** Makes the page about a run: what is the same for all kinds of models. */
abstract class RunReport {
  private final TrainingRun<?> run;
  private final RunSummary summary;

  RunReport(TrainingRun<?> run, RunSummary summary) {
    this.run = run;
    this.summary = summary;
  }

  /** The kind of model, as a title. */
  abstract String kind();

  /** The numbers that stand first. */
  abstract List<Report.Metric> metrics();

  /** Adds what came of the run. */
  abstract void addContents(Report.Builder page);

  /** What the run was started with and how it went. */
  final RunSummary summary() {
    return summary;
  }

  /** The page. */
  final Report build() {
    List<Report.Metric> headline = new ArrayList<>(metrics());
    headline.add(
        new Report.Metric("Training", duration(summary.seconds()), "without the evaluations"));
    headline.add(
        new Report.Metric(
            "Speed",
            format("%,.0f", summary.samplesPerSecond()),
            "images a second, longest stage"));
    Report.Builder page =
        Report.builder(
                kind()
                    + " ("
                    + run.folder().path().toAbsolutePath().normalize().getFileName()
                    + ")")
            .subtitle(summary.configuration().description())
            .metrics(headline.toArray(Report.Metric[]::new));
    addContents(page);
    return page.section("Settings").keyValues(settings()).build();
  }

  private Map<String, String> settings() {
    RunConfiguration configuration = summary.configuration();
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("command", "train " + configuration.model());
    settings.putAll(configuration.options());
    if (settings.containsKey("--steps")) {
      settings.remove("--epochs"); // the steps were done in their place
    }
    settings.put("data", configuration.description());
    settings.put("device", run.device().description());
    settings.put("version", configuration.version());
    return settings;
  }

  /** Adds a chart of a stage's training loss. */
  static void addLoss(Report.Builder page, String stage, List<TrainingProgress.Report> reports) {
    page.add(
        LineChart.builder("Loss of the " + stage)
            .xLabel("Epoch")
            .yLabel("Training loss per image")
            .series("training loss", epochs(reports), losses(reports))
            .build());
  }

  /** The reports that measured something. */
  static List<TrainingProgress.Report> measured(
      List<TrainingProgress.Report> reports, String name) {
    return reports.stream().filter(report -> report.evaluation().containsKey(name)).toList();
  }

  static double[] losses(List<TrainingProgress.Report> reports) {
    return values(reports, TrainingProgress.Report::loss);
  }

  static double[] epochs(List<TrainingProgress.Report> reports) {
    return values(reports, TrainingProgress.Report::epoch);
  }

  static double[] values(
      List<TrainingProgress.Report> reports, ToDoubleFunction<TrainingProgress.Report> value) {
    return reports.stream().mapToDouble(value).toArray();
  }
}
