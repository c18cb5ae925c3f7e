package dev.clessidra.models.cli;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.Sparsity;
import dev.clessidra.models.data.Dataset;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code train sparse}. */
@Command(
    name = "sparse",
    header = "A sparse autoencoder: many units, of which few are active for an image.",
    footer = {
      "%nExamples:",
      "  clessidra train sparse --probe                            25 of 1000 units active",
      "  clessidra train sparse --units 500 --sparsity l1:0.1",
      "  clessidra train sparse --sparsity kl:0.05,3 --epochs 30"
    })
final class TrainSparseCommand extends TrainImagesCommand {
  @Option(
      names = "--units",
      paramLabel = "N",
      order = HelpSections.MODEL,
      description = "Units of the code (default: ${DEFAULT-VALUE}).")
  private int units;

  @Option(
      names = "--sparsity",
      paramLabel = "KIND",
      order = HelpSections.MODEL + 1,
      description = {
        "topk:K[,ENCODING_K] keeps the K largest, l1:LAMBDA adds LAMBDA times their sum to the"
            + " loss, kl:RHO,WEIGHT pulls each unit's mean activation to RHO (default:"
            + " ${DEFAULT-VALUE})."
      })
  private Sparsity sparsity;

  @Option(
      names = {"--code-activation", "--activation"},
      paramLabel = "NAME",
      order = HelpSections.MODEL + 2,
      description = "Of the code; unless set identity for topk, relu for l1 and sigmoid for kl.")
  private Activation codeActivation;

  @Option(
      names = "--output-activation",
      paramLabel = "NAME",
      order = HelpSections.MODEL + 3,
      description =
          "Of the reconstruction; unless set identity for the squared error, sigmoid for the"
              + " cross-entropy.")
  private Activation outputActivation;

  @Option(
      names = "--probe",
      order = HelpSections.MODEL + 60,
      description =
          "Afterwards train softmax regression on the codes, which tells how well they separate the"
              + " classes; needs labels.")
  private boolean probe;

  @Option(
      names = "--probe-epochs",
      paramLabel = "N",
      order = HelpSections.MODEL + 61,
      description = "How often that goes over the codes (default: ${DEFAULT-VALUE}).")
  private double probeEpochs;

  @Option(
      names = Stages.PROBE_AUGMENT,
      paramLabel = "X",
      order = HelpSections.MODEL + 62,
      description =
          "How much to distort the images that it sees the codes of, as --augment does (default:"
              + " ${DEFAULT-VALUE}).")
  private float probeAugment;

  @Option(
      names = "--probe-learning-rate",
      paramLabel = "X",
      order = HelpSections.MODEL + 63,
      description = "Its step size (default: ${DEFAULT-VALUE}).")
  private double probeLearningRate;

  @Mixin private AutoencoderOptions options;

  TrainSparseCommand(Environment environment) {
    super(environment);
  }

  @Override
  String model() {
    return "sparse";
  }

  @Override
  TrainImagesCommand again() {
    return new TrainSparseCommand(environment());
  }

  @Override
  String describe(Dataset dataset) {
    return "Sparse autoencoder %s, %s"
        .formatted(Stages.sizes(dataset.train().imageSize(), List.of(units)), sparsity);
  }

  @Override
  void check(Dataset dataset, Device on) {
    if (probe) {
      Stages.requireLabels(dataset, "--probe needs them; leave it out");
    }
    requireUsed(
        probe,
        "without --probe: add that or leave it out",
        "--probe-epochs",
        Stages.PROBE_AUGMENT,
        "--probe-learning-rate");
    check(build(dataset, on), probeEpochs);
  }

  private Autoencoder build(Dataset dataset, Device on) {
    return options
        .apply(Autoencoder.builder(dataset.train().imageSize()))
        .encoder(units)
        .codeActivation(codeActivation == null ? usualActivation() : codeActivation)
        .outputActivation(outputActivation == null ? options.usualOutput() : outputActivation)
        .sparsity(sparsity)
        .seed(training().seed())
        .build(on);
  }

  private Activation usualActivation() {
    return switch (sparsity) {
      case Sparsity.None _, Sparsity.TopK _ -> Activation.IDENTITY;
      case Sparsity.L1 _ -> Activation.RELU;
      case Sparsity.KullbackLeibler _ -> Activation.SIGMOID;
    };
  }

  @Override
  void train(Stages stages) {
    stages.autoencoder(() -> build(stages.dataset(), stages.device()));
    if (probe && !TrainingRun.isFinished(stages.folder().probe())) {
      try (Autoencoder model = Autoencoder.load(stages.folder().model(), stages.device())) {
        stages.probe(
            new Stages.Probing(probeEpochs, probeAugment, probeLearningRate),
            model.codeSize(),
            model::codes,
            () -> model.encode(stages.dataset().test()));
      }
    }
  }
}
