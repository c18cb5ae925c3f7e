package dev.clessidra.models.cli;

import com.google.gson.JsonObject;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.Vae;
import dev.clessidra.models.data.Dataset;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * How good a variational autoencoder is on the test images of its data.
 *
 * @param dataset the data
 * @param codeSize numbers in a code
 * @param elbo evidence lower bound; none of a plain autoencoder
 * @param samples codes drawn for each image to estimate the log-likelihood; 0 for no estimate
 * @param logLikelihood that estimate, nats per image; NaN where there is none
 * @param activeUnits numbers of a code whose means vary
 * @param squaredError of the reconstructions, summed over an image and averaged over the images
 * @param plainError the same of a plain autoencoder of the same layers, if there is one
 */
record VaeEvaluation(
    Dataset dataset,
    int codeSize,
    Optional<Vae.Elbo> elbo,
    int samples,
    double logLikelihood,
    int activeUnits,
    double squaredError,
    OptionalDouble plainError)
    implements Measured {
  /** Of the codes and bits that are drawn to measure: the same for each model. */
  static final long SEED = 1;

  /** Evaluates the models in a run's folder. */
  static VaeEvaluation of(RunFolder folder, Dataset dataset, Device device) {
    try (Vae model = Vae.load(folder.model(), device)) {
      VaeEvaluation measured = of(model, dataset, 0);
      if (!Files.exists(folder.plain())) {
        return measured;
      }
      try (Vae plain = Vae.load(folder.plain(), device)) {
        return new VaeEvaluation(
            dataset,
            measured.codeSize,
            measured.elbo,
            measured.samples,
            measured.logLikelihood,
            measured.activeUnits,
            measured.squaredError,
            OptionalDouble.of(plain.squaredError(dataset.test())));
      }
    }
  }

  /** Evaluates a model, with so many codes an image to estimate the log-likelihood, 0 for none. */
  static VaeEvaluation of(Vae model, Dataset dataset, int samples) {
    Evaluation.requireSize(model, dataset.test());
    return new VaeEvaluation(
        dataset,
        model.codeSize(),
        model.isPlain() ? Optional.empty() : Optional.of(model.elbo(dataset.test(), SEED)),
        samples,
        samples == 0 ? Double.NaN : model.logLikelihood(dataset.test(), samples, SEED),
        model.activeUnits(dataset.test()),
        model.squaredError(dataset.test()),
        OptionalDouble.empty());
  }

  @Override
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    elbo.ifPresent(bound -> {
      lines.add(
          line(
              "Test ELBO",
              Words.format("%.2f", bound.total()),
              "nats per image, mean of " + Words.count(dataset.test().count(), "image")));
      lines.add(
          line("  log p(x | z)", Words.format("%.2f", bound.logLikelihood()), "nats per image"));
      lines.add(
          line(
              "  divergence",
              Words.format("%.2f", bound.divergence()),
              "of the codes from the prior, nats per image"));
    });
    if (samples > 0) {
      lines.add(
          line(
              "Test log p(x)",
              Words.format("%.2f", logLikelihood),
              "nats per image, estimated with " + Words.count(samples, "sample")));
    }
    lines.add(
        line("Active units", String.valueOf(activeUnits), "of %d in a code".formatted(codeSize)));
    lines.add(
        line(
            "Test squared error",
            Words.number(squaredError),
            "summed over %s in [0,1]".formatted(Words.count(dataset.test().imageSize(), "value"))));
    plainError.ifPresent(
        error -> lines.add(line("Plain autoencoder", Words.number(error), "the same measure")));
    return lines;
  }

  private static String line(String what, String value, String note) {
    return Words.format("%-18s %8s  %s", what, value, note);
  }

  @Override
  public JsonObject json() {
    JsonObject json = new JsonObject();
    json.addProperty("data", dataset.description());
    json.addProperty("test_images", dataset.test().count());
    json.addProperty("code_size", codeSize);
    elbo.ifPresent(bound -> {
      json.addProperty(Metrics.ELBO, bound.total());
      json.addProperty(Metrics.RECONSTRUCTION, bound.logLikelihood());
      json.addProperty(Metrics.DIVERGENCE, bound.divergence());
    });
    if (samples > 0) {
      json.addProperty("test_log_likelihood", logLikelihood);
      json.addProperty("likelihood_samples", samples);
    }
    json.addProperty("active_units", activeUnits);
    json.addProperty(Metrics.SQUARED_ERROR, squaredError);
    plainError.ifPresent(error -> json.addProperty("plain_test_squared_error", error));
    return json;
  }
}
