package dev.clessidra.models.cli;

import static dev.clessidra.models.cli.Words.format;
import static dev.clessidra.models.cli.Words.percent;

import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.report.ImageGrid;
import dev.clessidra.models.report.LineChart;
import dev.clessidra.models.report.Report;
import dev.clessidra.models.segmentation.Masks;
import dev.clessidra.models.segmentation.Overlay;
import dev.clessidra.models.segmentation.SegmentationData;
import dev.clessidra.models.segmentation.SegmentationDataset;
import dev.clessidra.models.segmentation.SegmentationMetrics;
import dev.clessidra.models.training.TrainingProgress;
import java.util.ArrayList;
import java.util.List;

/** Makes the page about a run of a U-Net. */
final class SegmentationReport extends RunReport {
  private static final int MOST_WIDTH = 1000; // pixels of images side by side
  private static final int MOST_IMAGES = 6;

  private final SegmentationDataset dataset;
  private final SegmentationEvaluation evaluation;

  SegmentationReport(
      TrainingRun<SegmentationDataset> run, RunSummary summary, SegmentationEvaluation evaluation) {
    super(run, summary);
    this.dataset = run.dataset();
    this.evaluation = evaluation;
  }

  @Override
  String kind() {
    return "U-Net";
  }

  @Override
  List<Report.Metric> metrics() {
    SegmentationMetrics measured = evaluation.metrics();
    SegmentationMetrics.Overlap first = measured.classes().get(1);
    List<Report.Metric> metrics = new ArrayList<>();
    metrics.add(
        new Report.Metric(
            "IoU of class 1", format("%.3f", first.meanIou()), "mean of the test images"));
    metrics.add(
        new Report.Metric(
            "Dice of class 1", format("%.3f", first.meanDice()), "mean of the test images"));
    metrics.add(
        new Report.Metric(
            "Mean IoU",
            format("%.3f", measured.mean().meanIou()),
            "of the %d classes, mean of the test images".formatted(measured.classes().size())));
    metrics.add(
        new Report.Metric(
            "Pixel error", percent(measured.pixelError()), "of the test images' pixels"));
    if (!Double.isNaN(measured.rand().score())) {
      metrics.add(
          new Report.Metric(
              "Rand score",
              format("%.3f", measured.rand().score()),
              "foreground-restricted, of the pieces of class 1"));
    }
    return metrics;
  }

  @Override
  void addContents(Report.Builder page) {
    addImages(page);
    addCurves(page);
    addClasses(page);
  }

  private void addImages(Report.Builder page) {
    SegmentationData test = dataset.test();
    int count = Math.clamp(MOST_WIDTH / test.images().width(), 1, MOST_IMAGES);
    int[] chosen = spread(test.count(), count);
    ImageData images = test.images().subset(chosen);
    Masks truth = test.masks().subset(chosen);
    Masks predicted = evaluation.predicted().subset(chosen);
    page.section("Test images")
        .text(
            "In the last row, red: missed; blue: found where there is nothing; yellow: taken for"
                + " another class.")
        .add(
            ImageGrid.builder("", images.height(), images.width(), 3)
                .row("Images", Overlay.coloured(images))
                .row("Truth", Overlay.coloured(Overlay.gray(truth)))
                .row("Prediction", Overlay.coloured(Overlay.gray(predicted)))
                .row("Classes", Overlay.classes(images, predicted))
                .row("Errors", Overlay.errors(images, truth, predicted))
                .build());
  }

  /** Images at even distances. */
  private static int[] spread(int images, int count) {
    int number = Math.min(images, count);
    int[] chosen = new int[number];
    for (int i = 0; i < number; i++) {
      chosen[i] = i * images / number;
    }
    return chosen;
  }

  private void addCurves(Report.Builder page) {
    page.section("Training");
    summary()
        .stages()
        .forEach((stage, reports) -> {
          addLoss(page, stage, reports);
          addMeasure(page, reports, "IoU and Dice of class 1, test images", "Mean of the images");
          List<TrainingProgress.Report> measured = measured(reports, TrainUNetCommand.PIXEL_ERROR);
          if (measured.size() > 1) {
            page.add(
                LineChart.builder("Pixel error of the test images")
                    .xLabel("Epoch")
                    .yLabel("Per cent of the pixels")
                    .series(
                        "test",
                        epochs(measured),
                        values(
                            measured,
                            one -> 100 * one.evaluation().get(TrainUNetCommand.PIXEL_ERROR)))
                    .build());
          }
        });
  }

  private static void addMeasure(
      Report.Builder page, List<TrainingProgress.Report> reports, String title, String unit) {
    List<TrainingProgress.Report> measured = measured(reports, TrainUNetCommand.IOU);
    if (measured.size() > 1) {
      page.add(
          LineChart.builder(title)
              .xLabel("Epoch")
              .yLabel(unit)
              .series(
                  "Dice",
                  epochs(measured),
                  values(measured, one -> one.evaluation().get(TrainUNetCommand.DICE)))
              .series(
                  "IoU",
                  epochs(measured),
                  values(measured, one -> one.evaluation().get(TrainUNetCommand.IOU)))
              .build());
    }
  }

  private void addClasses(Report.Builder page) {
    double[] shares = dataset.test().masks().shares();
    List<List<String>> rows = new ArrayList<>();
    for (int c = 0; c < shares.length; c++) {
      rows.add(row(String.valueOf(c), percent(shares[c]), evaluation.metrics().classes().get(c)));
    }
    rows.add(row("mean", "", evaluation.metrics().mean()));
    page.section("Classes")
        .text(
            "Intersection over union and Dice's coefficient of the test images, each seen in eight"
                + " ways, mirrored and turned, and averaged: the mean of the images' values, and of"
                + " all pixels together.")
        .table(
            List.of(
                "Class",
                "Share of the pixels",
                "IoU, mean",
                "Dice, mean",
                "IoU, all pixels",
                "Dice, all pixels"),
            rows);
  }

  private static List<String> row(String name, String share, SegmentationMetrics.Overlap overlap) {
    return List.of(
        name,
        share,
        format("%.4f", overlap.meanIou()),
        format("%.4f", overlap.meanDice()),
        format("%.4f", overlap.pooledIou()),
        format("%.4f", overlap.pooledDice()));
  }
}
