package dev.clessidra.models.cli;

import com.google.gson.JsonObject;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.Classifier;
import dev.clessidra.models.EncoderDecoder;
import dev.clessidra.models.Vae;
import dev.clessidra.models.analysis.PrincipalComponents;
import dev.clessidra.models.analysis.SparsityStatistics;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.data.ImageData;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * How good the models of a run are on its test images.
 *
 * @param dataset the data
 * @param reconstruction of the autoencoder, if there is one
 * @param pretrained squared error of the autoencoder that the training started from, if it was
 *     pretrained
 * @param probe error rate of the linear classifier on the codes, if there is one
 * @param classification of the classifier, if there is one
 */
record Evaluation(
    Dataset dataset,
    Optional<Reconstruction> reconstruction,
    OptionalDouble pretrained,
    OptionalDouble probe,
    Optional<Classification> classification)
    implements Measured {
  // Sigmoid units are never exactly 0.
  private static final float SIGMOID_REST = 0.1f;
  private static final int ROWS = 1000;

  /**
   * How good an autoencoder is.
   *
   * @param codeSize numbers in a code
   * @param squaredError summed over the values of an image and averaged over the images
   * @param components principal components of as many numbers, if they were asked for and can be
   *     had
   * @param noComponents why there are none; empty where they were not asked for
   * @param componentsError squared error of the components, NaN where there are none
   * @param rest magnitude above which a unit counts as active
   * @param sparsity of the codes
   */
  record Reconstruction(
      int codeSize,
      double squaredError,
      Optional<PrincipalComponents> components,
      String noComponents,
      double componentsError,
      float rest,
      SparsityStatistics sparsity) {}

  /**
   * How good a classifier is.
   *
   * @param errorRate share of the images that are classified wrongly
   * @param confusion images by true class, then by the class they were given
   */
  record Classification(double errorRate, List<List<Integer>> confusion) {}

  /** Evaluates all models in a run's folder. */
  static Evaluation of(RunFolder folder, Dataset dataset, Device device, boolean components) {
    OptionalDouble probeError = OptionalDouble.empty();
    Optional<Reconstruction> reconstruction = Optional.empty();
    try (Autoencoder model = Autoencoder.load(folder.model(), device)) {
      reconstruction = Optional.of(of(model, dataset, components));
      if (Files.exists(folder.probe()) && dataset.test().hasLabels()) {
        try (Classifier probe = Classifier.load(folder.probe(), device)) {
          probeError =
              OptionalDouble.of(
                  probe.errorRate(model.encode(dataset.test()), dataset.test().labels()));
        }
      }
    }
    OptionalDouble pretrainedError = OptionalDouble.empty();
    if (Files.exists(folder.pretrained())) {
      try (Autoencoder pretrained = Autoencoder.load(folder.pretrained(), device)) {
        pretrainedError = OptionalDouble.of(pretrained.squaredError(dataset.test()));
      }
    }
    Optional<Classification> classification = Optional.empty();
    if (Files.exists(folder.classifier()) && dataset.test().hasLabels()) {
      try (Classifier classifier = Classifier.load(folder.classifier(), device)) {
        classification = Optional.of(of(classifier, dataset.test()));
      }
    }
    return new Evaluation(dataset, reconstruction, pretrainedError, probeError, classification);
  }

  /** The same with the error rate of a linear classifier on the codes. */
  Evaluation withProbe(double errorRate) {
    return new Evaluation(
        dataset, reconstruction, pretrained, OptionalDouble.of(errorRate), classification);
  }

  /** Evaluates an autoencoder. */
  static Reconstruction of(Autoencoder model, Dataset dataset, boolean components) {
    requireSize(model, dataset.test());
    ImageData test = dataset.test();
    float rest =
        switch (model.codeActivation().function()) {
          case SIGMOID, SOFTPLUS -> SIGMOID_REST;
          case IDENTITY, RELU, LEAKY_RELU, TANH -> 0;
        };
    SparsityStatistics.Accumulator codes =
        new SparsityStatistics.Accumulator(model.codeSize(), rest);
    for (int first = 0; first < test.count(); first += ROWS) {
      codes.add(model.encode(test.floats(first, Math.min(first + ROWS, test.count()))));
    }
    Optional<PrincipalComponents> fitted = Optional.empty();
    String problem = "";
    if (components) {
      problem = noComponents(model);
      if (problem.isEmpty()) {
        fitted = Optional.of(PrincipalComponents.fit(dataset.train(), model.codeSize()));
      }
    }
    return new Reconstruction(
        model.codeSize(),
        model.squaredError(test),
        fitted,
        problem,
        fitted.map(pca -> pca.squaredError(test)).orElse(Double.NaN),
        rest,
        codes.statistics());
  }

  private static String noComponents(Autoencoder model) {
    if (model.codeSize() >= model.inputs()) {
      return "a code of %s is not smaller than an image of %d"
          .formatted(Words.count(model.codeSize(), "number"), model.inputs());
    } else if (model.inputs() > PrincipalComponents.LARGEST_DIMENSION) {
      return "images of %d values are too large, at most %d can be fitted"
          .formatted(model.inputs(), PrincipalComponents.LARGEST_DIMENSION);
    }
    return "";
  }

  /** Evaluates a classifier on labelled images. */
  static Classification of(Classifier model, ImageData test) {
    requireSize(model.inputs(), test);
    int[] labels = test.labels();
    int[] given = model.classify(test.floats());
    int classes = Math.max(model.classes(), test.classCount());
    int[][] confusion = new int[classes][classes];
    int wrong = 0;
    for (int i = 0; i < labels.length; i++) {
      confusion[labels[i]][given[i]]++;
      wrong += labels[i] == given[i] ? 0 : 1;
    }
    return new Classification(
        (double) wrong / labels.length,
        Arrays.stream(confusion).map(row -> Arrays.stream(row).boxed().toList()).toList());
  }

  /**
   * Checks that images fit a model.
   *
   * @throws CommandFailure if they do not
   */
  static void requireSize(int inputs, ImageData images) {
    if (images.imageSize() != inputs) {
      throw new CommandFailure(
          "the images are %dx%d with %d values, the model takes %d values: give data with the size the model was trained on"
              .formatted(images.height(), images.width(), images.imageSize(), inputs));
    }
  }

  /** As {@link #requireSize(int, ImageData)}; height and width where the model knows them. */
  static void requireSize(EncoderDecoder model, ImageData images) {
    requireSize(model.inputs(), images);
    if (model instanceof Vae vae
        && (images.height() != vae.height() || images.width() != vae.width())) {
      throw new CommandFailure(
          "the images are %dx%d, the model takes images of %dx%d: give data with the size the model was trained on"
              .formatted(images.height(), images.width(), vae.height(), vae.width()));
    }
  }

  @Override
  public List<String> lines() {
    return lines(true);
  }

  /** The numbers as lines for a person, with the sparsity of the codes if wanted. */
  List<String> lines(boolean sparsity) {
    List<String> lines = new ArrayList<>();
    int count = dataset.test().count();
    reconstruction.ifPresent(measured -> {
      lines.add(
          line(
              "Test squared error",
              Words.number(measured.squaredError()),
              "summed over %s in [0,1], mean of %s"
                  .formatted(
                      Words.count(dataset.test().imageSize(), "value"),
                      Words.count(count, "image"))));
      if (measured.components().isPresent()) {
        lines.add(
            line(
                "PCA",
                Words.number(measured.componentsError()),
                "with %s, the same measure"
                    .formatted(Words.count(measured.codeSize(), "component"))));
      } else if (!measured.noComponents().isEmpty()) {
        lines.add(line("PCA", "none", measured.noComponents()));
      }
    });
    pretrained.ifPresent(error ->
        lines.add(
            line("Pretrained", Words.number(error), "before the layers were trained together")));
    probe.ifPresent(error ->
        lines.add(
            line(
                "Softmax regression",
                Words.percent(error),
                "of %s wrong, from their codes".formatted(Words.count(count, "test image")))));
    classification.ifPresent(measured ->
        lines.add(
            line(
                "Classifier",
                Words.percent(measured.errorRate()),
                "of %s wrong".formatted(Words.count(count, "test image")))));
    if (sparsity) {
      reconstruction.ifPresent(measured -> lines.addAll(sparsityLines(measured)));
    }
    return lines;
  }

  private static List<String> sparsityLines(Reconstruction measured) {
    SparsityStatistics statistics = measured.sparsity();
    return List.of(
        line(
            "Active units (L0)",
            Words.format("%.1f", statistics.meanActive()),
            Words.format(
                "of %d, mean of the images%s; %d never active",
                statistics.units(),
                measured.rest() > 0 ? Words.format(" (above %.1f)", measured.rest()) : "",
                statistics.deadUnits())),
        line(
            "Sparsity",
            Words.format("%.3f", statistics.population().trevesRolls()),
            Words.format(
                "of an image's code, %.3f of a unit's lifetime (Treves-Rolls)",
                statistics.lifetime().trevesRolls())));
  }

  private static String line(String what, String value, String note) {
    return Words.format("%-18s %8s  %s", what, value, note);
  }

  @Override
  public JsonObject json() {
    JsonObject json = new JsonObject();
    json.addProperty("data", dataset.description());
    json.addProperty("test_images", dataset.test().count());
    reconstruction.ifPresent(measured -> {
      json.addProperty("code_size", measured.codeSize());
      json.addProperty(Metrics.SQUARED_ERROR, finite(measured.squaredError()));
      if (measured.components().isPresent()) {
        json.addProperty("pca_test_squared_error", finite(measured.componentsError()));
      }
      SparsityStatistics statistics = measured.sparsity();
      JsonObject sparsity = new JsonObject();
      sparsity.addProperty("mean_active_units", finite(statistics.meanActive()));
      sparsity.addProperty("dead_units", statistics.deadUnits());
      sparsity.addProperty("lifetime_treves_rolls", finite(statistics.lifetime().trevesRolls()));
      sparsity.addProperty("lifetime_hoyer", finite(statistics.lifetime().hoyer()));
      sparsity.addProperty(
          "population_treves_rolls", finite(statistics.population().trevesRolls()));
      sparsity.addProperty("population_hoyer", finite(statistics.population().hoyer()));
      json.add("sparsity", sparsity);
    });
    pretrained.ifPresent(error -> json.addProperty("pretrained_test_squared_error", finite(error)));
    probe.ifPresent(error -> json.addProperty("probe_test_error_rate", error));
    classification.ifPresent(
        measured -> json.addProperty(Metrics.ERROR_RATE, measured.errorRate()));
    return json;
  }

  /** JSON has no other numbers; those are null. */
  private static Double finite(double value) {
    return Double.isFinite(value) ? (Double) value : null;
  }
}
