package dev.clessidra.models.training;

import java.util.Map;

/** Is told how a training goes, on the thread that trains. */
public interface TrainingProgress {
  /**
   * Where a training stands.
   *
   * @param step steps done
   * @param totalSteps steps to do
   * @param epoch passes over the data done, with fraction
   * @param loss mean training loss since the report before
   * @param learningRate of the last step
   * @param samplesPerSecond since the report before
   * @param seconds training time so far in this run, without evaluations
   * @param evaluation what the evaluation gave, by name; empty where none was due
   */
  record Report(
      long step,
      long totalSteps,
      double epoch,
      double loss,
      double learningRate,
      double samplesPerSecond,
      double seconds,
      Map<String, Double> evaluation) {}

  /** Says nothing. */
  TrainingProgress NONE = new TrainingProgress() {};

  /** Before the first step; {@code firstStep} is above 0 when a training is resumed. */
  default void started(long firstStep, long totalSteps, int batch) {}

  /** Several times a second, between steps; must be quick, as the training waits. */
  default void stepped(long step, long totalSteps) {}

  /** About 200 times in a training, after each evaluation and before each checkpoint. */
  default void reported(Report report) {}

  /** After the last step, or when the training was stopped. */
  default void ended(boolean stopped) {}
}
