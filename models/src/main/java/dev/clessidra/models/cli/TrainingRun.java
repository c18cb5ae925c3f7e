package dev.clessidra.models.cli;

import dev.clessidra.kernels.Device;
import dev.clessidra.models.data.DataException;
import dev.clessidra.models.data.DataSplit;
import dev.clessidra.models.data.Problems;
import dev.clessidra.models.training.Trainer;
import dev.clessidra.models.training.TrainingProgress;
import dev.clessidra.models.training.TrainingResult;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * One training run in its folder, made of stages. A stage that is finished has a file of its own;
 * so a run that is resumed goes on at the first one without. Not thread-safe.
 *
 * @param <D> what it is trained and tested on
 */
final class TrainingRun<D extends DataSplit> implements AutoCloseable {
  private final RunFolder folder;
  private final D dataset;
  private final Device device;
  private final Environment environment;
  private final PrintWriter out;
  private final Metrics metrics;
  private final Duration checkpointEvery;
  private final long stopAfterSteps;
  private long steps;
  private Phase phase = Phase.BETWEEN;
  private Optional<DataException> unwritten = Optional.empty();

  /** What a stage is at, which decides what a problem with a file is about. */
  private enum Phase {
    BETWEEN,
    RESUMING,
    TRAINING
  }

  /**
   * Starts or goes on with a run.
   *
   * @param measures names of what its stages evaluate
   * @param checkpointEvery time from one checkpoint to the next
   * @param stopAfterSteps steps that end it early, for tests
   */
  TrainingRun(
      RunFolder folder,
      D dataset,
      Device device,
      Environment environment,
      PrintWriter out,
      List<String> measures,
      Duration checkpointEvery,
      long stopAfterSteps) {
    this.folder = folder;
    this.dataset = dataset;
    this.device = device;
    this.environment = environment;
    this.out = out;
    this.metrics = new Metrics(folder, measures);
    this.checkpointEvery = checkpointEvery;
    this.stopAfterSteps = stopAfterSteps;
  }

  RunFolder folder() {
    return folder;
  }

  D dataset() {
    return dataset;
  }

  Device device() {
    return device;
  }

  Metrics metrics() {
    return metrics;
  }

  /** Whether a stage has written its file. */
  static boolean isFinished(Path file) {
    return Files.exists(file);
  }

  /**
   * Connects a stage's trainer with this run: its progress, metrics, stopping and checkpoint. The
   * file of the stage must not be there yet.
   */
  Trainer connect(String stage, String label, Trainer trainer) {
    Trainer connected =
        trainer
            .progress(new StageProgress(stage, label))
            .stopWhen(this::isToStop)
            .checkpoint(folder.checkpoint(), checkpointEvery);
    if (metrics.isNew(stage)) {
      // Of the stage before, when the process died after that had written its file: a checkpoint
      // of this one would have come after a row.
      finished();
    }
    if (!Files.exists(folder.checkpoint())) {
      return connected;
    }
    phase = Phase.RESUMING;
    return connected.resume(folder.checkpoint());
  }

  /** Trains a stage that {@link #connect} knows. */
  void train(String stage, String label, Trainer trainer) {
    check(stage, connect(stage, label, trainer).run());
  }

  /**
   * Looks at how a stage went.
   *
   * @throws TrainingStopped if it was stopped
   * @throws DataException if its metrics could not be written
   */
  void check(String stage, TrainingResult result) {
    if (unwritten.isPresent()) {
      throw unwritten.get();
    }
    if (result.stopped()) {
      throw new TrainingStopped(stage, result.steps());
    }
  }

  /**
   * What to do after a problem with a file; follows the message.
   *
   * @param again the command that goes on with this run
   */
  String advice(String again) {
    return switch (phase) {
      case BETWEEN -> "";
      case RESUMING ->
          "; restore it, or delete it and start the stage again with: %s".formatted(again);
      case TRAINING ->
          Files.exists(folder.checkpoint())
              ? ", then go on from the last checkpoint with: " + again
              : Files.exists(folder.config())
                  ? ", then start the stage again, of which nothing is saved, with: " + again
                  : "; nothing of the run is left: train again";
    };
  }

  /** Forgets the checkpoint, after the file of its stage was written. */
  void finished() {
    phase = Phase.BETWEEN;
    try {
      Files.deleteIfExists(folder.checkpoint());
    } catch (IOException e) {
      throw new CommandFailure(
          "%s cannot be deleted (%s): delete it, then resume"
              .formatted(folder.checkpoint(), Problems.describe(e)),
          e);
    }
  }

  private boolean isToStop() {
    steps++;
    return steps == stopAfterSteps
        || unwritten.isPresent()
        || environment.interruption().isRequested();
  }

  @Override
  public void close() {
    metrics.close();
  }

  /** Prints and records how a stage goes. */
  private final class StageProgress implements TrainingProgress {
    private final String stage;
    private final TrainingProgress printer;
    private double secondsBefore;

    StageProgress(String stage, String label) {
      this.stage = stage;
      this.printer = new ProgressPrinter(out, environment, label);
    }

    @Override
    public void started(long firstStep, long totalSteps, int batch) {
      phase = Phase.TRAINING;
      secondsBefore = metrics.restart(stage, firstStep);
      printer.started(firstStep, totalSteps, batch);
    }

    @Override
    public void stepped(long step, long totalSteps) {
      printer.stepped(step, totalSteps);
    }

    @Override
    public void reported(Report report) {
      Report whole =
          new Report(
              report.step(),
              report.totalSteps(),
              report.epoch(),
              report.loss(),
              report.learningRate(),
              report.samplesPerSecond(),
              secondsBefore + report.seconds(),
              report.evaluation());
      try {
        metrics.append(new Metrics.Row(stage, whole));
      } catch (DataException e) {
        // Stops the training, whose checkpoint may still find room.
        unwritten = unwritten.or(() -> Optional.of(e));
      }
      printer.reported(whole);
    }

    @Override
    public void ended(boolean stopped) {
      printer.ended(stopped);
    }
  }
}
