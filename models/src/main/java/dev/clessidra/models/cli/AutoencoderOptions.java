package dev.clessidra.models.cli;

import dev.clessidra.kernels.Activation;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.Reconstruction;
import picocli.CommandLine.Option;

/** The options of the models that are trained as an autoencoder. */
final class AutoencoderOptions {
  @Option(
      names = "--loss",
      paramLabel = "KIND",
      order = HelpSections.MODEL + 50,
      description = "cross-entropy or squared-error (default: ${DEFAULT-VALUE}).")
  private Reconstruction loss;

  @Option(
      names = "--tied",
      negatable = true,
      fallbackValue = "true",
      order = HelpSections.MODEL + 51,
      description =
          "Whether the decoder uses the encoder's weights transposed (default: ${DEFAULT-VALUE}).")
  private boolean tied;

  @Option(
      names = "--noise",
      paramLabel = "P",
      order = HelpSections.MODEL + 52,
      description =
          "Probability with which a pixel is set to 0 in training, to be restored from the others"
              + " (default: ${DEFAULT-VALUE}).")
  private float noise;

  boolean tied() {
    return tied;
  }

  /** The activation of the output that goes with the loss, if there is no reason for another. */
  Activation usualOutput() {
    return loss == Reconstruction.SQUARED_ERROR ? Activation.IDENTITY : Activation.SIGMOID;
  }

  /** Gives a model all of these settings. */
  Autoencoder.Builder apply(Autoencoder.Builder model) {
    return model.reconstruction(loss).tied(tied).maskingNoise(noise);
  }
}
