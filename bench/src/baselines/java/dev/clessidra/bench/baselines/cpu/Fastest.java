package dev.clessidra.bench.baselines.cpu;

import dev.clessidra.bench.work.Implementation;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Finds the fastest of several ways in which a library can do a work. */
public final class Fastest {
  private static final int ROUNDS = 5;
  private static final long SLICE_NANOS = 10_000_000;
  // What takes twice as long in the first round does not become the fastest by luck.
  private static final double HOPELESS = 2;

  private Fastest() {}

  /**
   * Times all ways in turn, by the best of some rounds each, and prepares the fastest anew, since
   * some ways work on their own results.
   *
   * @param ways each prepares an implementation; at least one
   */
  public static Implementation of(List<Supplier<Implementation>> ways) {
    return ways.size() == 1 ? ways.getFirst().get() : fastest(ways).get();
  }

  private static Supplier<Implementation> fastest(List<Supplier<Implementation>> ways) {
    List<Contender> contenders = new ArrayList<>();
    try {
      for (Supplier<Implementation> way : ways) {
        contenders.add(new Contender(way));
      }
      for (int round = 0; round < ROUNDS; round++) {
        double limit = HOPELESS * best(contenders).seconds;
        for (Contender contender : contenders) {
          if (contender.seconds <= limit) {
            contender.time();
          }
        }
      }
      return best(contenders).way;
    } finally {
      contenders.forEach(Contender::close);
    }
  }

  private static Contender best(List<Contender> contenders) {
    Contender best = contenders.getFirst();
    for (Contender contender : contenders) {
      if (contender.seconds < best.seconds) {
        best = contender;
      }
    }
    return best;
  }

  private static final class Contender {
    private final Supplier<Implementation> way;
    private final Implementation implementation;
    private double seconds = Double.POSITIVE_INFINITY;

    Contender(Supplier<Implementation> way) {
      this.way = way;
      implementation = way.get();
      // Touches all memory.
      implementation.run();
      time();
    }

    void time() {
      long start = System.nanoTime();
      long nanos;
      int runs = 0;
      do {
        implementation.run();
        implementation.await();
        runs++;
        nanos = System.nanoTime() - start;
      } while (nanos < SLICE_NANOS);
      seconds = Math.min(seconds, nanos * 1e-9 / runs);
    }

    void close() {
      implementation.close();
    }
  }
}
