package dev.clessidra.bench.work;

/** A work that is done where its caller cannot time it well, such as in another process. */
public interface SelfTimed extends Implementation {
  /**
   * Does the work again and again, and waits for the end.
   *
   * @return the seconds that all of it took: on a GPU the device's, unless {@link #isEndToEnd};
   *     else those that passed
   */
  double seconds(int runs);

  /** Whether each run is timed from its start to its end, on a GPU too. */
  default boolean isEndToEnd() {
    return false;
  }
}
