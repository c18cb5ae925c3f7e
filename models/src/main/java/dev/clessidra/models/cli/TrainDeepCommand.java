package dev.clessidra.models.cli;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.StackedAutoencoder;
import dev.clessidra.models.data.Dataset;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code train deep}. */
@Command(
    name = "deep",
    header = "A deep autoencoder, compared with principal components of the same code size.",
    description =
        "That of Hinton and Salakhutdinov (Science 2006), started at random or from layers that"
            + " were trained one by one.",
    footer = {
      "%nExamples:",
      "  clessidra train deep",
      "  clessidra train deep --data mnist:FOLDER --epochs 50",
      "  clessidra train deep --tied --pretrain"
    })
final class TrainDeepCommand extends TrainImagesCommand {
  @Option(
      names = "--widths",
      paramLabel = "N",
      split = ",",
      order = HelpSections.MODEL,
      description =
          "Widths of the encoder's layers, the last being the code's; the decoder mirrors them"
              + " (default: ${DEFAULT-VALUE}).")
  private List<Integer> widths;

  @Option(
      names = "--activation",
      paramLabel = "NAME",
      order = HelpSections.MODEL + 1,
      description =
          "Of the hidden layers: identity, relu, leaky-relu[:SLOPE], sigmoid, tanh or softplus"
              + " (default: ${DEFAULT-VALUE}).")
  private Activation activation;

  @Option(
      names = "--code-activation",
      paramLabel = "NAME",
      order = HelpSections.MODEL + 2,
      description = "Of the code (default: ${DEFAULT-VALUE}).")
  private Activation codeActivation;

  @Option(
      names = "--pretrain",
      order = HelpSections.MODEL + 60,
      description = "Train the layers one by one first and start from them.")
  private boolean pretrain;

  @Option(
      names = "--pretrain-epochs",
      paramLabel = "N",
      order = HelpSections.MODEL + 61,
      description = "How often each layer goes over the data (default: ${DEFAULT-VALUE}).")
  private double pretrainEpochs;

  @Mixin private AutoencoderOptions options;

  TrainDeepCommand(Environment environment) {
    super(environment);
  }

  @Override
  String model() {
    return "deep";
  }

  @Override
  TrainImagesCommand again() {
    return new TrainDeepCommand(environment());
  }

  @Override
  String describe(Dataset dataset) {
    return "Deep autoencoder %s%s"
        .formatted(
            Stages.sizes(dataset.train().imageSize(), widths),
            options.tied() ? ", tied weights" : "");
  }

  @Override
  void check(Dataset dataset, Device on) {
    requireUsed(pretrain, "without --pretrain: add that or leave it out", "--pretrain-epochs");
    check(build(dataset, on), pretrainEpochs);
  }

  private Autoencoder build(Dataset dataset, Device on) {
    return options
        .apply(Autoencoder.builder(dataset.train().imageSize()))
        .encoder(widths)
        .activation(activation)
        .codeActivation(codeActivation)
        .seed(training().seed())
        .build(on);
  }

  @Override
  void train(Stages stages) {
    if (pretrain && !TrainingRun.isFinished(stages.folder().pretrained())) {
      pretrain(stages);
    }
    stages.autoencoder(() ->
        pretrain
            ? Autoencoder.load(stages.folder().pretrained(), stages.device())
            : build(stages.dataset(), stages.device()));
  }

  private void pretrain(Stages stages) {
    try (StackedAutoencoder stack =
        StackedAutoencoder.builder(stages.dataset().train().imageSize())
            .encoder(widths)
            .activation(activation)
            .codeActivation(codeActivation)
            .tied(options.tied())
            .seed(training().seed())
            .build(stages.device())) {
      stages.pretrain(stack, widths.size(), pretrainEpochs);
      // The stack's own autoencoder has neither this one's loss nor its noise.
      try (Autoencoder unrolled = stack.unroll();
          Autoencoder model = build(stages.dataset(), stages.device())) {
        int _ = model.parameters().copyFrom(unrolled.parameters());
        model.save(stages.folder().pretrained());
      }
    }
  }
}
