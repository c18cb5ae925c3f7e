package dev.clessidra.models.cli;

import com.google.gson.JsonObject;
import dev.clessidra.models.training.TrainingProgress;
import java.io.PrintWriter;
import java.util.Comparator;
import java.util.List;
import java.util.SequencedMap;

/**
 * How a run whose stages are all trained went.
 *
 * @param folder of the run
 * @param configuration of the run
 * @param stages the reports of each stage
 * @param seconds that the training took
 * @param samplesPerSecond of the stage that took longest
 */
record RunSummary(
    RunFolder folder,
    RunConfiguration configuration,
    SequencedMap<String, List<TrainingProgress.Report>> stages,
    double seconds,
    double samplesPerSecond) {

  /** Of a run with batches of this size. */
  static RunSummary of(TrainingRun<?> run, int batch) {
    SequencedMap<String, List<TrainingProgress.Report>> stages = run.metrics().byStage();
    double seconds =
        stages.values().stream().mapToDouble(reports -> reports.getLast().seconds()).sum();
    TrainingProgress.Report longest =
        stages.values().stream()
            .map(List::getLast)
            .max(Comparator.comparingDouble(TrainingProgress.Report::seconds))
            .orElseThrow();
    return new RunSummary(
        run.folder(),
        RunConfiguration.read(run.folder().config()),
        stages,
        seconds,
        longest.step() * (double) batch / longest.seconds());
  }

  /** Writes result.json and, if wanted, report.html, and says what is in them. */
  void write(Outcome outcome, PrintWriter out, boolean report) {
    if (report) {
      outcome.report(this).write(folder.report());
    }
    JsonObject json = outcome.json();
    json.addProperty("seconds", seconds);
    json.addProperty("samples_per_second", samplesPerSecond);
    // Last, as its presence says that the run is finished.
    RunConfiguration.write(folder.result(), json);
    out.println();
    outcome.lines().forEach(out::println);
    out.println();
    outcome.models().forEach(file -> out.println("Model       " + file));
    if (report) {
      out.println("Report      " + folder.report());
    }
    out.println("Try next    " + outcome.next());
    out.flush();
  }
}
