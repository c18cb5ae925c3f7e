package dev.clessidra.bench.measure;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;

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
  private static final int PARTS = 11;
  private static final int TRIPS = 100;
  private static final int WARM_UP = 20;

  private final AtomicIntegerArray lines = new AtomicIntegerArray(SIZE);

  CacheLine() {
    for (int i = 0; i < WARM_UP; i++) {
      measureRoundTrip();
    }
  }

  /** Whether there are processors enough for two threads at once. */
  static boolean applies() {
    return Runtime.getRuntime().availableProcessors() > 1;
  }

  /** Returns the seconds of a round trip. Blocks for about a millisecond. */
  double measureRoundTrip() {
    lines.set(THERE, 0);
    lines.set(BACK, 0);
    int last = PARTS * TRIPS + 1;
    Thread.ofPlatform()
        .daemon()
        .name("cache line")
        .start(() -> {
          for (int trip = 1; trip <= last; trip++) {
            await(THERE, trip);
            lines.set(BACK, trip);
          }
        });
    travel(1); // until the thread has started
    double[] seconds = new double[PARTS];
    for (int part = 0, trip = 2; part < PARTS; part++, trip += TRIPS) {
      long start = System.nanoTime();
      for (int i = 0; i < TRIPS; i++) {
        travel(trip + i);
      }
      seconds[part] = (System.nanoTime() - start) * 1e-9 / TRIPS;
    }
    Arrays.sort(seconds);
    return seconds[PARTS / 2];
  }

  private void travel(int trip) {
    lines.set(THERE, trip);
    await(BACK, trip);
  }

  private void await(int line, int trip) {
    while (lines.get(line) != trip) {
      Thread.onSpinWait();
    }
  }
}
