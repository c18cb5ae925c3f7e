package dev.clessidra.models.cli;

import com.google.gson.JsonObject;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.training.TrainingProgress;
import java.io.PrintWriter;
import java.util.Comparator;
import java.util.List;
import java.util.SequencedMap;

/** What came of a run: its numbers, its report, and what to say about them at the end. */
final class RunSummary {
  private final TrainingRun run;
  private final RunConfiguration configuration;
  private final Evaluation evaluation;
  private final double seconds;
  private final double samplesPerSecond;

  private RunSummary(
      TrainingRun run,
      RunConfiguration configuration,
      Evaluation evaluation,
      double seconds,
      double samplesPerSecond) {
    this.run = run;
    this.configuration = configuration;
    this.evaluation = evaluation;
    this.seconds = seconds;
    this.samplesPerSecond = samplesPerSecond;
  }

  /** Evaluates a run whose stages are all trained. */
  static RunSummary of(TrainingRun run, int batch, boolean components) {
    SequencedMap<String, List<TrainingProgress.Report>> stages = run.metrics().byStage();
    double seconds =
        stages.values().stream().mapToDouble(reports -> reports.getLast().seconds()).sum();
    TrainingProgress.Report longest =
        stages.values().stream()
            .map(List::getLast)
            .max(Comparator.comparingDouble(TrainingProgress.Report::seconds))
            .orElseThrow();
    return new RunSummary(
        run,
        RunConfiguration.read(run.folder().config()),
        Evaluation.of(run.folder(), run.dataset(), run.device(), components),
        seconds,
        longest.step() * (double) batch / longest.seconds());
  }

  /** Writes result.json and, if wanted, report.html, and says what is in them. */
  void write(PrintWriter out, boolean report) {
    RunFolder folder = run.folder();
    if (report) {
      new RunReport(run, configuration, evaluation, seconds, samplesPerSecond)
          .build()
          .write(folder.report());
    }
    JsonObject json = evaluation.json();
    json.addProperty("seconds", seconds);
    json.addProperty("samples_per_second", samplesPerSecond);
    // Last, as its presence says that the run is finished.
    RunConfiguration.write(folder.result(), json);
    out.println();
    evaluation.lines(configuration.model().equals("sparse")).forEach(out::println);
    out.println();
    if (evaluation.classification().isPresent()) {
      out.println("Model       " + folder.classifier());
    }
    out.println("Model       " + folder.model());
    if (report) {
      out.println("Report      " + folder.report());
    }
    out.println(
        "Try next    ./clessidra reconstruct " + Words.quoted(folder.path()) + " --out grid.png");
    out.flush();
  }

  /** Draws some images and their reconstructions. */
  void draw(PrintWriter out, Environment environment) {
    try (Autoencoder model = Autoencoder.load(run.folder().model(), run.device())) {
      Drawing.show(out, environment, model, run.dataset().test());
    }
  }
}
