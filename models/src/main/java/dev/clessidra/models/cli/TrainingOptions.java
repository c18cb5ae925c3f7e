package dev.clessidra.models.cli;

import dev.clessidra.kernels.AffineRange;
import dev.clessidra.models.training.OptimizerKind;
import dev.clessidra.models.training.Trainer;
import java.util.Locale;
import picocli.CommandLine.Option;

/** The options of every training. */
final class TrainingOptions {
  /** How the learning rate goes. */
  enum Schedule {
    COSINE,
    CONSTANT;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  // Of the steps: the learning rate rises over these.
  private static final double WARMUP = 0.02;
  // The share of images that are distorted when there is augmentation.
  private static final float AUGMENTED = 0.8f;
  private static final float MOST_AUGMENTED = 4;

  @Option(
      names = "--epochs",
      paramLabel = "N",
      order = HelpSections.TRAINING,
      description = "How often to go over the data, such as 0.5 (default: ${DEFAULT-VALUE}).")
  private double epochs;

  @Option(
      names = "--steps",
      paramLabel = "N",
      order = HelpSections.TRAINING + 1,
      description = "How many steps to do, in place of --epochs.")
  private Long steps;

  @Option(
      names = "--batch",
      paramLabel = "N",
      order = HelpSections.TRAINING + 2,
      description = "Images in a step (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Option(
      names = "--learning-rate",
      paramLabel = "RATE",
      order = HelpSections.TRAINING + 3,
      description = "The largest learning rate (default: ${DEFAULT-VALUE}).")
  private double learningRate;

  @Option(
      names = "--schedule",
      paramLabel = "KIND",
      order = HelpSections.TRAINING + 4,
      description =
          "cosine (a short rise, then down to 0) or constant (default: ${DEFAULT-VALUE}).")
  private Schedule schedule;

  @Option(
      names = "--optimizer",
      paramLabel = "KIND",
      order = HelpSections.TRAINING + 5,
      description = "adam, adamw or sgd with Nesterov momentum (default: ${DEFAULT-VALUE}).")
  private OptimizerKind optimizer;

  @Option(
      names = "--weight-decay",
      paramLabel = "X",
      order = HelpSections.TRAINING + 6,
      description = "Pulls weights to 0; decoupled for adamw (default: ${DEFAULT-VALUE}).")
  private double weightDecay;

  @Option(
      names = "--clip-norm",
      paramLabel = "X",
      order = HelpSections.TRAINING + 7,
      description = "The largest norm of all gradients together; no limit unless set.")
  private Double clipNorm;

  @Option(
      names = "--average",
      paramLabel = "DECAY",
      order = HelpSections.TRAINING + 8,
      description =
          "Keep a moving average of the weights and use that: 0.999 averages about 1000 steps, 0"
              + " none (default: ${DEFAULT-VALUE}).")
  private double average;

  @Option(
      names = "--augment",
      paramLabel = "X",
      order = HelpSections.TRAINING + 9,
      description =
          "Distort each image at random, so that the model never sees the same one twice: 1 turns"
              + " by up to 14 degrees, scales by 15 %%, slants by 0.25 and shifts by a pixel; 0 not"
              + " at all (default: ${DEFAULT-VALUE}).")
  private float augment;

  @Option(
      names = "--seed",
      paramLabel = "N",
      order = HelpSections.TRAINING + 10,
      description =
          "Of weights, batches and noise; the same seed gives the same model, byte for byte"
              + " (default: ${DEFAULT-VALUE}).")
  private long seed;

  long seed() {
    return seed;
  }

  double learningRate() {
    return learningRate;
  }

  int batch() {
    return batch;
  }

  /** Gives a trainer all of these settings. */
  Trainer apply(Trainer trainer) {
    return steps == null ? apply(trainer, epochs) : apply(trainer, epochs).steps(steps);
  }

  /** As {@link #apply(Trainer)} for a stage that trains on images, which are augmented. */
  Trainer applyToImages(Trainer trainer) {
    return augmented(apply(trainer), "--augment", augment);
  }

  /**
   * Has a trainer distort its images.
   *
   * @param option what the strength was given as
   * @param strength as {@code --augment} describes it
   */
  static Trainer augmented(Trainer trainer, String option, float strength) {
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

  /** As {@link #apply(Trainer)} for a stage with a length of its own. */
  Trainer apply(Trainer trainer, double stageEpochs) {
    Trainer set =
        trainer
            .epochs(stageEpochs)
            .batch(batch)
            .learningRate(learningRate)
            .cosine(schedule == Schedule.COSINE, WARMUP)
            .optimizer(optimizer)
            .weightDecay(weightDecay)
            .average(average)
            .seed(seed);
    return clipNorm == null ? set : set.maximumNorm(clipNorm);
  }

  /** The length of a training in epochs, also where it was given in steps. */
  double epochs(int images) {
    return steps == null ? epochs : (double) steps * batch / images;
  }
}
