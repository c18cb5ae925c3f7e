package dev.clessidra.models.cli;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.Binarization;
import dev.clessidra.models.LatentObjective;
import dev.clessidra.models.Likelihood;
import dev.clessidra.models.Vae;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.data.ImageData;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code train vae}. */
@Command(
    name = "vae",
    header = "A variational autoencoder: a model of images from which new ones can be drawn.",
    description =
        "That of Kingma and Welling (ICLR 2014), trained on the evidence lower bound or the tighter"
            + " importance-weighted one of Burda et al. (ICLR 2016).",
    footer = {
      "%nExamples:",
      "  clessidra train vae --data mnist:FOLDER",
      "  clessidra train vae --latent 2 --plain                    with a picture of the plane",
      "  clessidra train vae --convolutions 32,64 --hidden 256 --latent 32 --activation relu",
      "  clessidra train vae --objective iwae --samples 5",
      "  clessidra train vae --binarization none --likelihood gaussian"
    })
final class TrainVaeCommand extends TrainImagesCommand {
  static final String STAGE = "variational autoencoder";
  static final String PLAIN = "plain autoencoder";

  @Option(
      names = "--hidden",
      paramLabel = "N",
      split = ",",
      order = HelpSections.MODEL,
      description =
          "Widths of the encoder's dense layers; the decoder mirrors them (default:"
              + " ${DEFAULT-VALUE}).")
  private List<Integer> hidden;

  @Option(
      names = "--convolutions",
      paramLabel = "N",
      split = ",",
      order = HelpSections.MODEL + 1,
      description =
          "Filters of convolutions before them, 4x4 with stride 2, such as 32,64; the decoder"
              + " mirrors them. None unless set.")
  private List<Integer> convolutions;

  @Option(
      names = "--latent",
      paramLabel = "N",
      order = HelpSections.MODEL + 2,
      description = "Numbers in a code (default: ${DEFAULT-VALUE}).")
  private int latent;

  @Option(
      names = "--activation",
      paramLabel = "NAME",
      order = HelpSections.MODEL + 3,
      description =
          "Of the layers between: identity, relu, leaky-relu[:SLOPE], sigmoid, tanh or softplus"
              + " (default: ${DEFAULT-VALUE}).")
  private Activation activation;

  @Option(
      names = "--likelihood",
      paramLabel = "KIND",
      order = HelpSections.MODEL + 4,
      description =
          "Of an image given its code: bernoulli, gaussian:VARIANCE, or gaussian with a variance"
              + " that is learned (default: ${DEFAULT-VALUE}).")
  private Likelihood likelihood;

  @Option(
      names = "--binarization",
      paramLabel = "KIND",
      order = HelpSections.MODEL + 5,
      description =
          "Gray values as probabilities of ones: dynamic draws anew each time, static once, none"
              + " not at all (default: ${DEFAULT-VALUE}).")
  private Binarization binarization;

  @Option(
      names = "--objective",
      paramLabel = "KIND",
      order = HelpSections.MODEL + 6,
      description =
          "elbo, or iwae for the importance-weighted bound of several samples (default:"
              + " ${DEFAULT-VALUE}).")
  private LatentObjective objective;

  @Option(
      names = "--samples",
      paramLabel = "K",
      order = HelpSections.MODEL + 7,
      description = "Codes drawn for each image (default: ${DEFAULT-VALUE}).")
  private int samples;

  @Option(
      names = "--beta",
      paramLabel = "X",
      order = HelpSections.MODEL + 8,
      description = "Weight of the divergence from the prior (default: ${DEFAULT-VALUE}).")
  private float beta;

  @Option(
      names = "--warmup",
      paramLabel = "X",
      order = HelpSections.MODEL + 9,
      description =
          "Share of the training in which that weight rises from 0 (default: ${DEFAULT-VALUE}).")
  private double warmup;

  @Option(
      names = "--plain",
      order = HelpSections.MODEL + 60,
      description =
          "Afterwards train a plain autoencoder of the same layers, and show in the report what the"
              + " prior is good for.")
  private boolean plain;

  TrainVaeCommand(Environment environment) {
    super(environment);
  }

  @Override
  String model() {
    return Vae.KIND;
  }

  @Override
  TrainImagesCommand again() {
    return new TrainVaeCommand(environment());
  }

  @Override
  List<String> measures() {
    return List.of(Metrics.ELBO, Metrics.RECONSTRUCTION, Metrics.DIVERGENCE, Metrics.SQUARED_ERROR);
  }

  @Override
  String describe(Dataset dataset) {
    List<Integer> widths = new ArrayList<>();
    widths.addAll(convolutions == null ? List.of() : convolutions);
    widths.addAll(hidden);
    widths.add(latent);
    return "Variational autoencoder %s, %s, %s%s"
        .formatted(
            Stages.sizes(dataset.train().imageSize(), widths),
            likelihood,
            objective,
            samples == 1 ? "" : " of %d samples".formatted(samples));
  }

  @Override
  void check(Dataset dataset, Device on) {
    if (!(warmup >= 0 && warmup <= 1)) {
      throw new IllegalArgumentException("--warmup must be in [0, 1], got " + warmup);
    }
    check(build(dataset, on, false));
  }

  private Vae build(Dataset dataset, Device on, boolean withoutPrior) {
    ImageData images = dataset.train();
    double steps = training().epochs(images.count()) * images.count() / training().batch();
    return Vae.builder()
        .image(images.height(), images.width(), images.channels())
        .convolutions(convolutions == null ? List.of() : convolutions)
        .hidden(hidden)
        .latent(latent)
        .activation(activation)
        .likelihood(likelihood)
        .objective(objective)
        .samples(samples)
        .beta(beta)
        .warmup(Math.round(warmup * steps))
        .binarization(binarization)
        .plain(withoutPrior)
        .seed(training().seed())
        .build(on);
  }

  @Override
  void train(Stages stages) {
    if (binarization == Binarization.STATIC) {
      try (Vae model = build(stages.dataset(), stages.device(), false)) {
        stages.trainOn(model.binarize(stages.dataset().train(), training().seed()));
      }
    }
    stages.train(
        STAGE,
        stages.folder().model(),
        () -> build(stages.dataset(), stages.device(), false),
        model -> bound(model, stages.dataset().test()));
    if (plain) {
      stages.train(
          PLAIN,
          stages.folder().plain(),
          () -> build(stages.dataset(), stages.device(), true),
          model -> Map.of(Metrics.SQUARED_ERROR, model.squaredError(stages.dataset().test())));
    }
  }

  private static Map<String, Double> bound(Vae model, ImageData test) {
    Vae.Elbo elbo = model.elbo(test, VaeEvaluation.SEED);
    Map<String, Double> measured = new LinkedHashMap<>();
    measured.put(Metrics.ELBO, elbo.total());
    measured.put(Metrics.RECONSTRUCTION, elbo.logLikelihood());
    measured.put(Metrics.DIVERGENCE, elbo.divergence());
    return measured;
  }

  @Override
  Outcome outcome(TrainingRun<Dataset> run, boolean compare) {
    return new VaeOutcome(run, VaeEvaluation.of(run.folder(), run.dataset(), run.device()));
  }
}
