package dev.clessidra.bench.work;

/**
 * A work as one library does it, with memory of its own: prepared, and ready to be run again and
 * again. Belongs to one thread.
 */
public interface Implementation extends AutoCloseable {
  /** Does the work once. On a GPU it may return before the work is done. */
  void run();

  /** Waits until all that was run is done. */
  default void await() {}

  /**
   * What the first run computes, in the layouts of {@link Work}; conversions are made here, outside
   * of what is timed.
   *
   * <p>Called once, before {@link #run}, which may work on its own results. Of a training step it
   * is the losses of the first {@link TrainedModel#CHECKED_STEPS} steps from the given parameters
   * on the given batches.
   */
  float[] result();

  /** The error that the arithmetic brings by itself, of TF32 for example; 0 for float32. */
  default double tolerance() {
    return 0;
  }

  @Override
  void close();
}
