package dev.clessidra.models.cli;

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
      description =
          "Images in a step (default: ${DEFAULT-VALUE}, or all training images if they are fewer).")
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

  /** Takes no more images to a step than there are, unless told how many. */
  void fit(int images, boolean batchGiven) {
    batch = batchGiven ? batch : Math.min(batch, images);
  }

  /** Gives a trainer all of these settings. */
  Trainer apply(Trainer trainer) {
    return steps == null ? apply(trainer, epochs) : apply(trainer, epochs).steps(steps);
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
