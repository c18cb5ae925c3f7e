package dev.clessidra.models.cli;

import static dev.clessidra.models.cli.Words.format;
import static dev.clessidra.models.cli.Words.number;
import static dev.clessidra.models.cli.Words.percent;

import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.Classifier;
import dev.clessidra.models.analysis.SparsityStatistics;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.report.FilterGrid;
import dev.clessidra.models.report.Histogram;
import dev.clessidra.models.report.ImageGrid;
import dev.clessidra.models.report.LineChart;
import dev.clessidra.models.report.Report;
import dev.clessidra.models.training.TrainingProgress;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;

/** Makes the page about a run of a dense autoencoder. */
final class AutoencoderReport extends RunReport {
  private static final int IMAGES = 12;
  private static final int FILTERS = 100;
  private static final int BINS = 60;
  private static final int CODES = 2000; // images whose codes are drawn
  private static final String FIRST_WEIGHT = "encoder.0.weight";

  private final TrainingRun<Dataset> run;
  private final Evaluation evaluation;

  AutoencoderReport(TrainingRun<Dataset> run, RunSummary summary, Evaluation evaluation) {
    super(run, summary);
    this.run = run;
    this.evaluation = evaluation;
  }

  @Override
  void addContents(Report.Builder page) {
    try (Autoencoder model = Autoencoder.load(run.folder().model(), run.device())) {
      addReconstructions(page, model);
      addCurves(page, summary().stages());
      addPretraining(page, summary().stages());
      addConfusion(page);
      addFilters(page, model);
      addCodes(page, model);
    }
  }

  @Override
  String kind() {
    String model = summary().configuration().model();
    return model.equals("autoencoder")
        ? "Autoencoder"
        : model.substring(0, 1).toUpperCase(Locale.ROOT) + model.substring(1) + " autoencoder";
  }

  @Override
  List<Report.Metric> metrics() {
    List<Report.Metric> metrics = new ArrayList<>();
    evaluation
        .classification()
        .ifPresent(measured ->
            metrics.add(
                new Report.Metric(
                    "Test error",
                    percent(measured.errorRate()),
                    "of %s, fine-tuned"
                        .formatted(
                            Words.count(evaluation.dataset().test().count(), "test image")))));
    evaluation
        .probe()
        .ifPresent(error ->
            metrics.add(
                new Report.Metric(
                    "Softmax regression", percent(error), "test error on the fixed codes")));
    evaluation
        .reconstruction()
        .ifPresent(measured -> {
          metrics.add(
              new Report.Metric(
                  "Squared error",
                  number(measured.squaredError()),
                  "of a test image, summed over its values, on average"));
          if (measured.components().isPresent()) {
            metrics.add(
                new Report.Metric(
                    "PCA",
                    number(measured.componentsError()),
                    Words.count(measured.codeSize(), "component") + ", the same images"));
          }
        });
    return metrics;
  }

  private void addReconstructions(Report.Builder page, Autoencoder model) {
    ImageData test = run.dataset().test();
    if (test.channels() != 1 && test.channels() != 3) {
      return;
    }
    ImageData shown = test.subset(Stages.spread(test, IMAGES));
    ImageGrid.Builder grid =
        ImageGrid.builder("", shown.height(), shown.width(), shown.channels())
            .row("Test images", shown)
            .row("Reconstructed", model.reconstruct(shown));
    evaluation
        .reconstruction()
        .flatMap(Evaluation.Reconstruction::components)
        .ifPresent(components -> grid.row("PCA", components.reconstruct(shown)));
    page.section("Reconstructions").add(grid.build());
  }

  private void addCurves(
      Report.Builder page, SequencedMap<String, List<TrainingProgress.Report>> stages) {
    page.section("Training");
    LineChart.Builder layers =
        LineChart.builder("Loss of the layers, each trained on the codes of the one below")
            .xLabel("Epoch")
            .yLabel("Training loss per image")
            .logarithmic();
    boolean layered = false;
    for (Map.Entry<String, List<TrainingProgress.Report>> stage : stages.entrySet()) {
      if (Stages.isLayer(stage.getKey())) {
        layers.series(stage.getKey(), epochs(stage.getValue()), losses(stage.getValue()));
        layered = true;
      }
    }
    if (layered) {
      page.add(layers.build());
    }
    stages.forEach((stage, reports) -> {
      if (!Stages.isLayer(stage)) {
        addLoss(page, stage, reports);
      }
    });
    // Of what was pretrained there is a chart with the state before.
    if (evaluation.pretrained().isEmpty() && stages.containsKey(Stages.AUTOENCODER)) {
      addError(
          page,
          stages.get(Stages.AUTOENCODER),
          Metrics.SQUARED_ERROR,
          "Squared error of the test images",
          1);
    }
    if (stages.containsKey(Stages.PROBE)) {
      addError(
          page,
          stages.get(Stages.PROBE),
          Metrics.ERROR_RATE,
          "Test error of softmax regression on the codes",
          100);
    }
  }

  private static void addError(
      Report.Builder page,
      List<TrainingProgress.Report> reports,
      String name,
      String title,
      double factor) {
    List<TrainingProgress.Report> measured = measured(reports, name);
    if (measured.size() > 1) {
      page.add(
          LineChart.builder(title)
              .xLabel("Epoch")
              .yLabel(factor == 1 ? "Summed over an image" : "Per cent of the images")
              .series(
                  "test",
                  epochs(measured),
                  values(measured, one -> factor * one.evaluation().get(name)))
              .build());
    }
  }

  /** What the layers that were trained one by one gave, and what training them together changed. */
  private void addPretraining(
      Report.Builder page, SequencedMap<String, List<TrainingProgress.Report>> stages) {
    evaluation
        .pretrained()
        .ifPresent(before ->
            addBeforeAndAfter(
                page,
                stages.get(Stages.AUTOENCODER),
                Metrics.SQUARED_ERROR,
                "squared error of the test images",
                "",
                before,
                1));
    if (evaluation.classification().isPresent() && evaluation.probe().isPresent()) {
      addBeforeAndAfter(
          page,
          stages.get(Stages.FINE_TUNING),
          Metrics.ERROR_RATE,
          "test error",
          " %",
          evaluation.probe().getAsDouble(),
          100);
    }
  }

  private static void addBeforeAndAfter(
      Report.Builder page,
      List<TrainingProgress.Report> reports,
      String name,
      String what,
      String unit,
      double before,
      double factor) {
    List<TrainingProgress.Report> measured = measured(reports, name);
    double[] epochs = new double[measured.size() + 1];
    double[] values = new double[epochs.length];
    values[0] = factor * before;
    for (int i = 1; i < epochs.length; i++) {
      epochs[i] = measured.get(i - 1).epoch();
      values[i] = factor * measured.get(i - 1).evaluation().get(name);
    }
    page.section("Before and after training all layers together")
        .text(
            format(
                "The layers trained one by one gave a %s of %s%s; trained together, %s%s.",
                what, number(values[0]), unit, number(values[values.length - 1]), unit))
        .add(
            LineChart.builder("")
                .xLabel("Epoch of the common training")
                .yLabel(what.substring(0, 1).toUpperCase(Locale.ROOT) + what.substring(1) + unit)
                .series("all layers together", epochs, values)
                .series(
                    "before",
                    new double[] {0, epochs[epochs.length - 1]},
                    new double[] {values[0], values[0]})
                .build());
  }

  private void addConfusion(Report.Builder page) {
    evaluation
        .classification()
        .ifPresent(measured -> {
          List<String> names = run.dataset().test().classNames();
          List<String> header = new ArrayList<>(List.of("True class"));
          List<List<String>> rows = new ArrayList<>();
          List<List<Integer>> confusion = measured.confusion();
          for (int label = 0; label < confusion.size(); label++) {
            String name = label < names.size() ? names.get(label) : String.valueOf(label);
            header.add(name);
            List<String> row = new ArrayList<>(List.of(name));
            for (int count : confusion.get(label)) {
              row.add(String.valueOf(count));
            }
            rows.add(row);
          }
          page.section("Confusion matrix")
              .text("Test images by their true class, down, and the class given to them, across.")
              .table(header, rows);
        });
  }

  private void addFilters(Report.Builder page, Autoencoder model) {
    ImageData images = run.dataset().train();
    if (images.channels() != 1) {
      return;
    }
    page.section("Filters of the first layer")
        .add(
            FilterGrid.ofColumns(
                "",
                model.parameters().get(FIRST_WEIGHT).copyToArray(),
                images.height(),
                images.width(),
                FILTERS));
    if (Files.exists(run.folder().classifier())) {
      try (Classifier classifier = Classifier.load(run.folder().classifier(), run.device())) {
        page.text("The same after fine-tuning for the classes:")
            .add(
                FilterGrid.ofColumns(
                    "",
                    classifier.parameters().get(FIRST_WEIGHT).copyToArray(),
                    images.height(),
                    images.width(),
                    FILTERS));
      }
    }
  }

  private void addCodes(Report.Builder page, Autoencoder model) {
    ImageData test = run.dataset().test();
    float[] codes = model.encode(test.subset(0, Math.min(CODES, test.count())));
    int zeros = 0;
    for (float value : codes) {
      zeros += value == 0 ? 1 : 0;
    }
    String label = "Value of a unit of the code";
    page.section("Codes")
        .add(
            zeros > codes.length / 2
                ? Histogram.logarithmic("", label, codes, BINS)
                : Histogram.of("", label, codes, BINS));
    evaluation.reconstruction().ifPresent(measured -> addSparsity(page, measured));
  }

  private static void addSparsity(Report.Builder page, Evaluation.Reconstruction measured) {
    SparsityStatistics statistics = measured.sparsity();
    if (measured.rest() > 0) {
      page.text(format("Units count as active above %.1f.", measured.rest()));
    }
    page.table(
        List.of("Sparsity of the test images' codes", "Value"),
        List.of(
            List.of("Units", String.valueOf(statistics.units())),
            List.of("Active units of an image (L0), mean", format("%.1f", statistics.meanActive())),
            List.of("Units active for no image", String.valueOf(statistics.deadUnits())),
            List.of(
                "Lifetime sparsity, Treves-Rolls",
                format("%.3f", statistics.lifetime().trevesRolls())),
            List.of("Lifetime sparsity, Hoyer", format("%.3f", statistics.lifetime().hoyer())),
            List.of(
                "Population sparsity, Treves-Rolls",
                format("%.3f", statistics.population().trevesRolls())),
            List.of(
                "Population sparsity, Hoyer", format("%.3f", statistics.population().hoyer()))));
  }
}
