package dev.clessidra.models.cli;

import com.google.gson.JsonObject;
import dev.clessidra.models.Vae;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.report.Report;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What came of a run of a variational autoencoder.
 *
 * @param run whose stages are all trained
 * @param evaluation of its models
 */
record VaeOutcome(TrainingRun<Dataset> run, VaeEvaluation evaluation) implements Outcome {
  @Override
  public List<String> lines() {
    return evaluation.lines();
  }

  @Override
  public JsonObject json() {
    return evaluation.json();
  }

  @Override
  public List<Path> models() {
    List<Path> models = new ArrayList<>();
    if (Files.exists(run.folder().plain())) {
      models.add(run.folder().plain());
    }
    models.add(run.folder().model());
    return models;
  }

  @Override
  public String next() {
    return "%s sample %s --out samples.png"
        .formatted(Words.program(), Words.quoted(run.folder().path()));
  }

  @Override
  public Report report(RunSummary summary) {
    return new VaeReport(run, summary, evaluation).build();
  }

  @Override
  public void draw(PrintWriter out, Environment environment) {
    try (Vae model = Vae.load(run.folder().model(), run.device())) {
      Drawing.show(out, environment, model, run.dataset().test());
    }
  }
}
