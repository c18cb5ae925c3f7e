package dev.clessidra.models.cli;

import static dev.clessidra.models.cli.Words.format;
import static dev.clessidra.models.cli.Words.number;

import dev.clessidra.models.CodeInterpolation;
import dev.clessidra.models.Vae;
import dev.clessidra.models.analysis.PrincipalComponents;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.report.ImageGrid;
import dev.clessidra.models.report.LineChart;
import dev.clessidra.models.report.Report;
import dev.clessidra.models.report.ScatterPlot;
import dev.clessidra.models.training.TrainingProgress;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.SequencedMap;
import java.util.stream.IntStream;

/**
 * Makes the page about a run of a variational autoencoder; where there is a plain autoencoder of
 * the same layers, its pictures stand beside.
 */
final class VaeReport extends RunReport {
  private static final int IMAGES = 12;
  private static final int ROWS_OF_SAMPLES = 4;
  private static final int STEPS = 12; // of a walk
  private static final int SIDE = 12; // images along a side of the plane of codes
  private static final int AXES = 8;
  private static final double REACH = 2.5; // standard deviations from the codes' mean
  private static final float STRIP = 0.6f; // height of a class's points, the classes being 1 apart
  private static final int CODES = 2000; // images whose codes are drawn

  private final TrainingRun<Dataset> run;
  private final VaeEvaluation evaluation;

  VaeReport(TrainingRun<Dataset> run, RunSummary summary, VaeEvaluation evaluation) {
    super(run, summary);
    this.run = run;
    this.evaluation = evaluation;
  }

  @Override
  String kind() {
    return "Variational autoencoder";
  }

  @Override
  List<Report.Metric> metrics() {
    List<Report.Metric> metrics = new ArrayList<>();
    evaluation
        .elbo()
        .ifPresent(bound ->
            metrics.add(
                new Report.Metric(
                    "Test ELBO",
                    number(bound.total()),
                    format(
                        "nats per image: log p(x|z) %s, divergence %s",
                        number(bound.logLikelihood()), number(bound.divergence())))));
    metrics.add(
        new Report.Metric(
            "Active units",
            String.valueOf(evaluation.activeUnits()),
            "of the %s in a code".formatted(Words.count(evaluation.codeSize(), "number"))));
    metrics.add(
        new Report.Metric(
            "Squared error",
            number(evaluation.squaredError()),
            evaluation.plainError().isPresent()
                ? "of a test image; plain autoencoder "
                    + number(evaluation.plainError().getAsDouble())
                : "of a test image, summed over its values, on average"));
    return metrics;
  }

  /**
   * A model with the place and the spread of its codes, which a plain one's training images tell.
   */
  private static final class Shown {
    private final String label;
    private final Vae model;
    private final double[] means;
    private final double[] deviations;

    Shown(String label, Vae model, ImageData images) {
      this.label = label;
      this.model = model;
      int size = model.codeSize();
      means = new double[size];
      deviations = new double[size];
      if (!model.isPlain()) {
        Arrays.fill(deviations, 1);
        return;
      }
      float[] codes = model.encode(images.subset(0, Math.min(CODES, images.count())));
      int count = codes.length / size;
      for (int i = 0; i < codes.length; i++) {
        means[i % size] += codes[i] / (double) count;
      }
      for (int i = 0; i < codes.length; i++) {
        double difference = codes[i] - means[i % size];
        deviations[i % size] += difference * difference / count;
      }
      for (int i = 0; i < size; i++) {
        deviations[i] = Math.sqrt(deviations[i]);
      }
    }

    /** A number of a code that is so many standard deviations from the mean. */
    float at(int unit, double distance) {
      return (float) (means[unit] + distance * deviations[unit]);
    }
  }

  @Override
  void addContents(Report.Builder page) {
    ImageData train = run.dataset().train();
    try (Vae model = Vae.load(run.folder().model(), run.device())) {
      Shown variational = new Shown("Variational", model, train);
      if (!Files.exists(run.folder().plain())) {
        addContents(page, List.of(variational));
        return;
      }
      try (Vae plain = Vae.load(run.folder().plain(), run.device())) {
        addContents(page, List.of(variational, new Shown("Plain", plain, train)));
      }
    }
  }

  private void addContents(Report.Builder page, List<Shown> models) {
    ImageData test = run.dataset().test();
    if (test.channels() == 1 || test.channels() == 3) {
      addSamples(page, models);
      addReconstructions(page, models);
      addWalks(page, models);
      addPlane(page, models);
    }
    addScatter(page, models);
    addCurves(page, summary().stages());
  }

  private ImageGrid.Builder grid(String title) {
    ImageData images = run.dataset().test();
    return ImageGrid.builder(title, images.height(), images.width(), images.channels());
  }

  private void addSamples(Report.Builder page, List<Shown> models) {
    page.section("Samples")
        .text(
            models.size() == 1
                ? "Images of codes drawn from the prior, none of them from the data."
                : "Images of codes drawn at random: from the prior, and for the plain autoencoder"
                    + " from normal distributions with the mean and variance of its codes. It has"
                    + " holes between its codes, where it makes no sense of them.");
    for (Shown shown : models) {
      Random random = new Random(VaeEvaluation.SEED);
      ImageGrid.Builder grid = grid(models.size() == 1 ? "" : shown.label);
      for (int row = 0; row < ROWS_OF_SAMPLES; row++) {
        float[] codes = new float[IMAGES * evaluation.codeSize()];
        for (int i = 0; i < codes.length; i++) {
          codes[i] = shown.at(i % evaluation.codeSize(), random.nextGaussian());
        }
        grid.row("", shown.model.decode(codes));
      }
      page.add(grid.build());
    }
  }

  private void addReconstructions(Report.Builder page, List<Shown> models) {
    ImageData test = run.dataset().test();
    ImageData shown = test.subset(Stages.spread(test, IMAGES));
    ImageGrid.Builder grid = grid("").row("Test images", shown);
    models.forEach(one -> grid.row(one.label, one.model.reconstruct(shown)));
    page.section("Reconstructions").add(grid.build());
  }

  private void addWalks(Report.Builder page, List<Shown> models) {
    int[] ends = ends(run.dataset().test());
    ImageData images = run.dataset().test().subset(ends);
    ImageGrid.Builder grid = grid("");
    for (CodeInterpolation way : CodeInterpolation.values()) {
      for (Shown shown : models) {
        float[] codes = shown.model.encode(images);
        int size = evaluation.codeSize();
        float[] from = Arrays.copyOfRange(codes, 0, size);
        float[] to = Arrays.copyOfRange(codes, size, 2 * size);
        grid.row(
            "%s, %s".formatted(shown.label, way), shown.model.interpolate(from, to, STEPS, way));
      }
    }
    page.section("Walks")
        .text(
            "From test image %d to test image %d, by equal steps between their codes along a line or a great circle."
                .formatted(ends[0], ends[1]))
        .add(grid.build());
  }

  /** A "3" and a "5" of digits; else two images, of two classes if there are any. */
  private static int[] ends(ImageData test) {
    if (test.count() == 1) {
      return new int[] {0, 0};
    }
    if (test.hasLabels()) {
      int[] labels = test.labels();
      int[] found =
          IntStream.of(3, 5)
              .flatMap(label ->
                  IntStream.range(0, labels.length).filter(i -> labels[i] == label).limit(1))
              .toArray();
      if (found.length == 2) {
        return found;
      }
    }
    return Stages.spread(test, 2);
  }

  /** The plane of codes, or what the most active numbers of a code do. */
  private void addPlane(Report.Builder page, List<Shown> models) {
    int size = evaluation.codeSize();
    boolean plane = size == 2;
    page.section(plane ? "The plane of codes" : "Along the latent axes")
        .text(
            plane
                ? format("Images of codes up to %.1f standard deviations from the mean.", REACH)
                : format(
                    "Each row changes one number of the code from %.1f to %.1f standard deviations"
                        + " while the others stay at the mean; those that vary most.",
                    -REACH, REACH));
    for (Shown shown : models) {
      ImageGrid.Builder grid = grid(models.size() == 1 ? "" : shown.label);
      if (plane) {
        for (int row = 0; row < SIDE; row++) {
          float[] codes = new float[SIDE * 2];
          for (int column = 0; column < SIDE; column++) {
            codes[2 * column] = shown.at(0, distance(column, SIDE));
            codes[2 * column + 1] = shown.at(1, -distance(row, SIDE));
          }
          grid.row(format("second number %.2f", codes[1]), shown.model.decode(codes));
        }
        grid.columns(
            format("%.2f", shown.at(0, -REACH)),
            "first number of the code",
            format("%.2f", shown.at(0, REACH)));
      } else {
        for (int axis : mostActive(shown.model)) {
          float[] codes = new float[STEPS * size];
          for (int i = 0; i < codes.length; i++) {
            int unit = i % size;
            codes[i] = shown.at(unit, unit == axis ? distance(i / size, STEPS) : 0);
          }
          grid.row("number " + axis, shown.model.decode(codes));
        }
      }
      page.add(grid.build());
    }
  }

  private static double distance(int step, int steps) {
    return REACH * (2.0 * step / (steps - 1) - 1);
  }

  private List<Integer> mostActive(Vae model) {
    ImageData test = run.dataset().test();
    double[] variances = model.codeVariances(test.subset(0, Math.min(CODES, test.count())));
    return IntStream.range(0, variances.length)
        .boxed()
        .sorted(Comparator.comparingDouble((Integer unit) -> variances[unit]).reversed())
        .limit(AXES)
        .toList();
  }

  private void addScatter(Report.Builder page, List<Shown> models) {
    int size = evaluation.codeSize();
    ImageData all = run.dataset().test();
    ImageData test = all.subset(0, Math.min(CODES, all.count()));
    page.section("Codes of test images");
    for (Shown shown : models) {
      float[] codes = shown.model.encode(test);
      float[] points =
          switch (size) {
            case 1 -> strips(codes, test);
            case 2 -> codes;
            default -> PrincipalComponents.fit(codes, size, 2).encode(codes);
          };
      ScatterPlot.Builder plot =
          ScatterPlot.builder(models.size() == 1 ? "" : shown.label)
              .xLabel(
                  switch (size) {
                    case 1 -> "the number of the code";
                    case 2 -> "first number";
                    default -> "first principal component of the codes";
                  })
              .yLabel(
                  switch (size) {
                    case 1 -> test.hasLabels() ? "class" : "";
                    case 2 -> "second number";
                    default -> "second";
                  });
      int classes = test.hasLabels() ? test.classCount() : 1;
      for (int label = 0; label < classes; label++) {
        int wanted = label;
        int[] members =
            IntStream.range(0, test.count())
                .filter(i -> !test.hasLabels() || test.label(i) == wanted)
                .toArray();
        plot.points(
            test.classNames().isEmpty()
                ? test.hasLabels() ? String.valueOf(label) : "images"
                : test.classNames().get(label),
            IntStream.of(members).mapToDouble(i -> points[2 * i]).toArray(),
            IntStream.of(members).mapToDouble(i -> points[2 * i + 1]).toArray());
      }
      page.add(plot.build());
    }
  }

  /** Codes of one number, and beside each the class of its image: a strip of points a class. */
  private static float[] strips(float[] codes, ImageData images) {
    float[] points = new float[2 * codes.length];
    for (int i = 0; i < codes.length; i++) {
      float spread = STRIP * ((float) i / codes.length - 0.5f); // so that none covers all others
      points[2 * i] = codes[i];
      points[2 * i + 1] = spread + (images.hasLabels() ? images.label(i) : 0);
    }
    return points;
  }

  private static void addCurves(
      Report.Builder page, SequencedMap<String, List<TrainingProgress.Report>> stages) {
    page.section("Training");
    List<TrainingProgress.Report> reports = stages.get(TrainVaeCommand.STAGE);
    addLoss(page, TrainVaeCommand.STAGE, reports);
    List<TrainingProgress.Report> measured = measured(reports, Metrics.ELBO);
    if (measured.size() > 1) {
      page.add(
          LineChart.builder("Evidence lower bound of the test images")
              .xLabel("Epoch")
              .yLabel("Nats per image")
              .series("ELBO", epochs(measured), evaluated(measured, Metrics.ELBO))
              .series("log p(x | z)", epochs(measured), evaluated(measured, Metrics.RECONSTRUCTION))
              .build());
      page.add(
          LineChart.builder("Divergence of the codes of the test images from the prior")
              .xLabel("Epoch")
              .yLabel("Nats per image")
              .series("divergence", epochs(measured), evaluated(measured, Metrics.DIVERGENCE))
              .build());
    }
    if (stages.containsKey(TrainVaeCommand.PLAIN)) {
      addLoss(page, TrainVaeCommand.PLAIN, stages.get(TrainVaeCommand.PLAIN));
    }
  }

  private static double[] evaluated(List<TrainingProgress.Report> reports, String name) {
    return values(reports, report -> report.evaluation().get(name));
  }
}
