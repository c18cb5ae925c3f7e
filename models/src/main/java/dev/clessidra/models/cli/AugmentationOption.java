package dev.clessidra.models.cli;

import dev.clessidra.kernels.AffineRange;
import dev.clessidra.models.training.Trainer;
import picocli.CommandLine.Option;

/** The option of trainings that distort their images as {@link AffineRange} does. */
final class AugmentationOption {
  // The share of images that are distorted when there is augmentation.
  private static final float AUGMENTED = 0.8f;
  private static final float MOST_AUGMENTED = 4;

  @Option(
      names = "--augment",
      paramLabel = "X",
      order = HelpSections.TRAINING + 9,
      description =
          "Distort each image at random, so that the model never sees the same one twice: 1 turns"
              + " by up to 14 degrees, scales by 15 %%, slants by 0.25 and shifts by a pixel; 0 not"
              + " at all (default: ${DEFAULT-VALUE}).")
  private float augment;

  /** Gives a trainer of images this setting. */
  Trainer apply(Trainer trainer) {
    return apply(trainer, "--augment", augment);
  }

  /**
   * Has a trainer distort its images.
   *
   * @param option what the strength was given as
   * @param strength as {@code --augment} describes it
   */
  static Trainer apply(Trainer trainer, String option, float strength) {
    if (!(strength >= 0 && strength <= MOST_AUGMENTED)) {
      throw new IllegalArgumentException(
          "%s must be in [0, %s], got %s".formatted(option, MOST_AUGMENTED, strength));
    }
    return strength == 0
        ? trainer
        : trainer.augment(
            new AffineRange(
                AUGMENTED, 0.04f * strength, 0.15f * strength, 0.25f * strength, strength));
  }
}
