package dev.clessidra.models.cli;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.Classifier;
import dev.clessidra.models.StackedAutoencoder;
import dev.clessidra.models.data.Dataset;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code train stacked}. */
@Command(
    name = "stacked",
    header = "Autoencoders trained layer by layer, then a classifier on their codes, fine-tuned.",
    description =
        "Each layer learns to restore the codes of the one below. Softmax regression on the last"
            + " codes starts a classifier, all of whose layers are then trained together.",
    footer = {
      "%nExamples:",
      "  clessidra train stacked",
      "  clessidra train stacked --widths 500,250 --pretrain-epochs 10 --epochs 30",
      "  clessidra train stacked --no-classifier --data FOLDER    (pictures without classes)"
    })
final class TrainStackedCommand extends TrainImagesCommand {
  @Option(
      names = "--widths",
      paramLabel = "N",
      split = ",",
      order = HelpSections.MODEL,
      description = "Widths of the layers from the data up (default: ${DEFAULT-VALUE}).")
  private List<Integer> widths;

  @Option(
      names = "--activation",
      paramLabel = "NAME",
      order = HelpSections.MODEL + 1,
      description =
          "Of all layers: identity, relu, leaky-relu[:SLOPE], sigmoid, tanh or softplus (default:"
              + " ${DEFAULT-VALUE}).")
  private Activation activation;

  @Option(
      names = "--tied",
      negatable = true,
      fallbackValue = "true",
      order = HelpSections.MODEL + 2,
      description = "Whether each decoder uses its encoder's weights (default: ${DEFAULT-VALUE}).")
  private boolean tied;

  @Option(
      names = "--noise",
      paramLabel = "P",
      order = HelpSections.MODEL + 3,
      description =
          "Probability with which an input of the layer being trained is set to 0 (default:"
              + " ${DEFAULT-VALUE}).")
  private float noise;

  @Option(
      names = "--pretrain-epochs",
      paramLabel = "N",
      order = HelpSections.MODEL + 4,
      description = "How often each layer goes over the data (default: ${DEFAULT-VALUE}).")
  private double pretrainEpochs;

  @Option(
      names = "--no-classifier",
      order = HelpSections.MODEL + 5,
      description = "Only train the layers; needs no labels.")
  private boolean noClassifier;

  @Option(
      names = "--classifier-epochs",
      paramLabel = "N",
      order = HelpSections.MODEL + 6,
      description =
          "How often the classifier on the fixed codes goes over them; --epochs is for the"
              + " fine-tuning (default: ${DEFAULT-VALUE}).")
  private double classifierEpochs;

  @Option(
      names = "--fine-tune-noise",
      paramLabel = "P",
      order = HelpSections.MODEL + 7,
      description =
          "Probability with which a pixel is set to 0 in fine-tuning (default: ${DEFAULT-VALUE}).")
  private float fineTuneNoise;

  @Option(
      names = "--dropout",
      paramLabel = "P",
      order = HelpSections.MODEL + 8,
      description =
          "Probability with which a hidden unit is left out in fine-tuning (default:"
              + " ${DEFAULT-VALUE}).")
  private float dropout;

  TrainStackedCommand(Environment environment) {
    super(environment);
  }

  @Override
  String model() {
    return "stacked";
  }

  @Override
  TrainImagesCommand again() {
    return new TrainStackedCommand(environment());
  }

  @Override
  String describe(Dataset dataset) {
    return "Stacked autoencoder %s%s"
        .formatted(
            Stages.sizes(dataset.train().imageSize(), widths),
            noClassifier ? "" : " with a classifier");
  }

  @Override
  void check(Dataset dataset, Device on) {
    requireUsed(
        !noClassifier,
        "with --no-classifier: leave one of them out",
        "--classifier-epochs",
        "--fine-tune-noise",
        "--dropout",
        "--epochs",
        "--steps");
    if (!noClassifier) {
      Stages.requireLabels(dataset, "the classifier needs them; use --no-classifier");
      check(start(dataset).hidden(widths).build(on), classifierEpochs);
    }
    // The stack itself checks only when it is trained.
    check(
        Autoencoder.builder(dataset.train().imageSize())
            .encoder(widths)
            .maskingNoise(noise)
            .build(on),
        pretrainEpochs);
  }

  private Classifier.Builder start(Dataset dataset) {
    return Classifier.builder(dataset.train().imageSize(), dataset.train().classCount())
        .inputNoise(fineTuneNoise)
        .dropout(dropout)
        .seed(training().seed());
  }

  @Override
  void train(Stages stages) {
    try (StackedAutoencoder stack =
        StackedAutoencoder.builder(stages.dataset().train().imageSize())
            .encoder(widths)
            .activation(activation)
            .codeActivation(activation)
            .maskingNoise(noise)
            .tied(tied)
            .seed(training().seed())
            .build(stages.device())) {
      stages.pretrain(stack, widths.size(), pretrainEpochs);
      if (!TrainingRun.isFinished(stages.folder().model())) {
        try (Autoencoder unrolled = stack.unroll()) {
          unrolled.save(stages.folder().model());
        }
      }
      if (!noClassifier) {
        stages.probe(
            new Stages.Probing(classifierEpochs, 0, training().learningRate()),
            stack.codeSize(),
            stack::codes,
            () -> stack.encode(stages.dataset().test().floats()));
        fineTune(stages, stack);
      }
    }
  }

  private void fineTune(Stages stages, StackedAutoencoder stack) {
    stages.train(
        Stages.FINE_TUNING,
        stages.folder().classifier(),
        () -> {
          Classifier model = stack.classifier(start(stages.dataset()));
          try (Classifier probe = Classifier.load(stages.folder().probe(), stages.device())) {
            int _ = model.parameters().copyFrom(probe.parameters());
          }
          return model;
        },
        model -> Map.of(Metrics.ERROR_RATE, model.errorRate(stages.dataset().test())));
  }
}
