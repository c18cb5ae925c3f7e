package dev.clessidra.models.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Turns the end of the process, as by Ctrl-C, into a request that a training can follow: while it
 * is {@linkplain #hold held} the process stays until the work has stopped by itself. Thread-safe.
 */
final class Interruption {
  private static final long PATIENCE_SECONDS = 60;

  private volatile boolean requested;
  private volatile CountDownLatch held = new CountDownLatch(0);
  private volatile String advice = "";

  /** Listens for the end of this process. */
  void install() {
    Runtime.getRuntime().addShutdownHook(new Thread(this::stop, "clessidra-stop"));
  }

  private void stop() {
    requested = true;
    try {
      CountDownLatch work = held;
      if (work.getCount() == 0 && !advice.isEmpty()) {
        System.err.println(System.lineSeparator() + "clessidra: " + advice);
      }
      boolean _ = work.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Whether to stop. */
  boolean isRequested() {
    return requested;
  }

  /**
   * Keeps the process until {@link #release}, for work that stops soon after {@link #isRequested}
   * has become true.
   */
  void hold() {
    held = new CountDownLatch(1);
  }

  /** Lets the process end. */
  void release() {
    held.countDown();
  }

  /** What to say when the process ends while it is not held; nothing where empty. */
  void advise(String line) {
    advice = line;
  }
}
