package dev.clessidra.bench.measure;

import java.time.Duration;

/**
 * How much is spent on a measurement.
 *
 * @param rounds how often each implementation has its turn, at least 1
 * @param slice how long a turn lasts at least
 * @param limitSlice how long each of the machine's limits is measured in a round
 * @param triadElements the floats in each of the three arrays that bandwidth is measured with: more
 *     than caches hold
 * @param rotatedBytes on a GPU an implementation has as many sets of operands as make this size,
 *     and uses them in turn, so that none is found in a cache; fewer where they hold 16 times that
 */
public record Effort(
    int rounds, Duration slice, Duration limitSlice, int triadElements, long rotatedBytes) {
  /** What is spent unless said otherwise: about two seconds an implementation. */
  public static final Effort NORMAL =
      new Effort(15, Duration.ofMillis(120), Duration.ofMillis(25), 1 << 24, 256L << 20);

  /** As little as possible, to see that everything works; its times mean nothing. */
  public static final Effort TRIAL =
      new Effort(2, Duration.ofNanos(1), Duration.ofMillis(1), 1 << 12, 0);

  /** Checks the numbers. */
  public Effort {
    if (!slice.isPositive()) {
      throw new IllegalArgumentException(
          "Length of a turn is %d ms: expected at least 1.".formatted(slice.toMillis()));
    }
    if (rounds < 1) {
      throw new IllegalArgumentException(
          "Number of rounds is %d: expected at least 1.".formatted(rounds));
    }
  }

  /** Returns the same with turns of another length. */
  public Effort withSlice(Duration length) {
    return new Effort(rounds, length, limitSlice, triadElements, rotatedBytes);
  }

  /** Returns the same with another number of rounds. */
  public Effort withRounds(int number) {
    return new Effort(number, slice, limitSlice, triadElements, rotatedBytes);
  }
}
