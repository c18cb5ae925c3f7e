package dev.clessidra.models.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Turns the end of the process, as by Ctrl-C, into a request that a training can follow: while work
 * is {@link #guard guarded} the process stays until that work has stopped by itself. Thread-safe.
 */
final class Interruption {
  private static final long PATIENCE_SECONDS = 60;

  private volatile boolean requested;
  private volatile CountDownLatch guarded = new CountDownLatch(0);
  private volatile String advice = "";

  /** Ends a guard. */
  interface Guard extends AutoCloseable {
    @Override
    void close();
  }

  /** Listens for the end of this process. */
  void install() {
    Runtime.getRuntime().addShutdownHook(new Thread(this::stop, "clessidra-stop"));
  }

  private void stop() {
    requested = true;
    try {
      CountDownLatch work = guarded;
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

  /** Starts work that stops soon after {@link #isRequested} has become true. */
  Guard guard() {
    CountDownLatch work = new CountDownLatch(1);
    guarded = work;
    return work::countDown;
  }

  /** What to say when the process ends outside guarded work; nothing where empty. */
  void advise(String line) {
    advice = line;
  }
}
