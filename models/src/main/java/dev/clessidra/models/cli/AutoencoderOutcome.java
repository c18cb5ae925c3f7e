package dev.clessidra.models.cli;

import com.google.gson.JsonObject;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.report.Report;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What came of a run of a dense autoencoder.
 *
 * @param run whose stages are all trained
 * @param evaluation of its models
 */
record AutoencoderOutcome(TrainingRun<Dataset> run, Evaluation evaluation) implements Outcome {
  @Override
  public List<String> lines() {
    return evaluation.lines(RunConfiguration.read(run.folder().config()).model().equals("sparse"));
  }

  @Override
  public JsonObject json() {
    return evaluation.json();
  }

  @Override
  public List<Path> models() {
    List<Path> models = new ArrayList<>();
    if (evaluation.classification().isPresent()) {
      models.add(run.folder().classifier());
    }
    models.add(run.folder().model());
    return models;
  }

  @Override
  public String next() {
    return "%s reconstruct %s --out grid.png"
        .formatted(Words.program(), Words.quoted(run.folder().path()));
  }

  @Override
  public Report report(RunSummary summary) {
    return new AutoencoderReport(run, summary, evaluation).build();
  }

  @Override
  public void draw(PrintWriter out, Environment environment) {
    try (Autoencoder model = Autoencoder.load(run.folder().model(), run.device())) {
      Drawing.show(out, environment, model, run.dataset().test());
    }
  }
}
