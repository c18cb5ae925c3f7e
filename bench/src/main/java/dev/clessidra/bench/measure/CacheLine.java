package dev.clessidra.bench.measure;

import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;

/**
 * Measures how long a cache line takes from one thread to another and back.
 *
 * <p>A virtual machine's processors may be neighbours at one time and lie far apart at another.
 * Small kernels and training steps then take up to twice as long, of which the peak shows nothing.
 */
final class CacheLine {
  // Two ints that share no line with each other nor with anything else, whatever the lines' size.
  private static final int SIZE = 96;
  private static final int THERE = 32;
  private static final int BACK = 64;
  // The median of parts: one in which a thread lost its processor does not count.
  private static final int PARTS = 51;
  private static final int TRIPS = 20;
  private static final int WARM_UP = 20;
  // On a busy machine a trip can take as long as other programs are let run.
  private static final Duration LIMIT = Duration.ofMillis(20);
  private static final int SPINS = 10_000;
  private static final int END = -1;

  private final AtomicIntegerArray lines = new AtomicIntegerArray(SIZE);

  CacheLine() {
    long start = System.nanoTime();
    for (int i = 0; i < WARM_UP && isWithinLimit(start); i++) {
      measureRoundTrip();
    }
  }

  private static boolean isWithinLimit(long start) {
    return System.nanoTime() - start < LIMIT.toNanos();
  }

  /** Whether there are processors enough for two threads at once. */
  static boolean applies() {
    return Runtime.getRuntime().availableProcessors() > 1;
  }

  /** Returns the seconds of a round trip. Blocks for about a millisecond. */
  double measureRoundTrip() {
    lines.set(THERE, 0);
    lines.set(BACK, 0);
    Thread.ofPlatform().daemon().name("cache line").start(this::answer);
    travel(1); // until the thread has started
    double[] seconds = new double[PARTS];
    int parts = 0;
    long first = System.nanoTime();
    do {
      long start = System.nanoTime();
      for (int i = 0; i < TRIPS; i++) {
        travel(parts * TRIPS + i + 2);
      }
      seconds[parts++] = (System.nanoTime() - start) * 1e-9 / TRIPS;
    } while (parts < PARTS && isWithinLimit(first));
    travel(END);
    Arrays.sort(seconds, 0, parts);
    return seconds[parts / 2];
  }

  private void answer() {
    int trip = 0;
    do {
      trip = next(THERE, trip);
      lines.set(BACK, trip);
    } while (trip != END);
  }

  private void travel(int trip) {
    int last = lines.get(BACK);
    lines.set(THERE, trip);
    next(BACK, last);
  }

  /** Waits for another number than the last, and returns it. */
  private int next(int line, int last) {
    for (int spins = 1; ; spins++) {
      int number = lines.get(line);
      if (number != last) {
        return number;
      }
      if (spins % SPINS == 0) {
        // The other thread may be waiting for this processor.
        LockSupport.parkNanos(1);
      } else {
        Thread.onSpinWait();
      }
    }
  }
}
