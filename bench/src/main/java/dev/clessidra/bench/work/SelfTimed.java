package dev.clessidra.bench.work;

/** A work that is done where its caller cannot time it well, such as in another process. */
public interface SelfTimed extends Implementation {
  /**
   * Does the work again and again, and waits for the end.
   *
   * @return the seconds that all of it took: on a GPU the device's, else those that passed
   */
  double seconds(int runs);
}
