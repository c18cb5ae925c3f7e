package dev.clessidra.models.cli;

/** Leads out of a training that was asked to stop and has written its checkpoint. */
final class TrainingStopped extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final long step;

  TrainingStopped(String stage, long step) {
    super(stage, null, false, false);
    this.step = step;
  }

  /** Steps of the stage that were done. */
  long step() {
    return step;
  }
}
