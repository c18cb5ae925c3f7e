package dev.clessidra.models.cli;

import com.google.gson.JsonObject;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.report.Report;
import dev.clessidra.models.segmentation.Overlay;
import dev.clessidra.models.segmentation.SegmentationDataset;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;

/**
 * What came of a run of a U-Net.
 *
 * @param run that is trained
 * @param evaluation of its model
 */
record SegmentationOutcome(TrainingRun<SegmentationDataset> run, SegmentationEvaluation evaluation)
    implements Outcome {
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
    return List.of(run.folder().model());
  }

  @Override
  public String next() {
    return "%s segment %s IMAGE --out FOLDER"
        .formatted(Words.program(), Words.quoted(run.folder().path()));
  }

  @Override
  public Report report(RunSummary summary) {
    return new SegmentationReport(run, summary, evaluation).build();
  }

  @Override
  public void draw(PrintWriter out, Environment environment) {
    ImageData images = run.dataset().test().images();
    ImageData masks = Overlay.gray(evaluation.predicted());
    int[] shown = Stages.spread(images, Drawing.IMAGES);
    Drawing.show(
        out,
        environment,
        "above: test images, below: the masks given to them",
        images.subset(shown),
        masks.subset(shown));
  }
}
