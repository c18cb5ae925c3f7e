package dev.clessidra.models.cli;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.data.Dataset;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code train autoencoder}. */
@Command(
    name = "autoencoder",
    header = "A dense autoencoder of any widths, its code smaller than the image.",
    footer = {
      "%nExamples:",
      "  clessidra train autoencoder",
      "  clessidra train autoencoder --widths 512,128,16 --epochs 20 --seed 7",
      "  clessidra train autoencoder --noise 0.3 --data mnist:FOLDER    (denoising)"
    })
final class TrainAutoencoderCommand extends TrainImagesCommand {
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

  @Mixin private AutoencoderOptions options;

  TrainAutoencoderCommand(Environment environment) {
    super(environment);
  }

  @Override
  String model() {
    return "autoencoder";
  }

  @Override
  TrainImagesCommand again() {
    return new TrainAutoencoderCommand(environment());
  }

  @Override
  String describe(Dataset dataset) {
    return "Autoencoder %s".formatted(Stages.sizes(dataset.train().imageSize(), widths));
  }

  @Override
  void check(Dataset dataset, Device on) {
    if (widths.getLast() >= dataset.train().imageSize()) {
      throw new IllegalArgumentException(
          "a code of %s is not smaller than an image of %d: give --widths that end in fewer, or use train sparse"
              .formatted(Words.count(widths.getLast(), "number"), dataset.train().imageSize()));
    }
    check(build(dataset, on));
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
    stages.autoencoder(() -> build(stages.dataset(), stages.device()));
  }
}
