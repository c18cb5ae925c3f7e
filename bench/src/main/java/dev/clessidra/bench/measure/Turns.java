package dev.clessidra.bench.measure;

import dev.clessidra.bench.work.Cpu;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.SelfTimed;
import dev.clessidra.kernels.Device;
import java.time.Duration;
import java.util.List;
import java.util.function.IntToDoubleFunction;

/**
 * One implementation of a work, timed turn by turn. On a GPU there are several of it, each with
 * operands of its own, which are used one after the other; what is a kernel is launched as a {@link
 * CudaGraph} of many.
 */
final class Turns implements AutoCloseable {
  private static final int WARMING_SHARE = 8;
  private static final int LAUNCHES_OF_GRAPH = 64;

  private final Device device;
  private final List<Implementation> copies;
  private CudaGraph graph;
  private int next;
  // Of the turn before; tells how many runs a turn on a GPU has to have.
  private double secondsOfRun;

  /** What a turn measured, in seconds of a run; NaN where that is not known. */
  record Time(double device, double endToEnd) {}

  Turns(Device device, List<Implementation> copies) {
    this.device = device;
    this.copies = copies;
  }

  /** Touches all memory, wakes threads up, and finds out how long a run takes, for so long. */
  void warmUp(Duration atLeast) {
    for (Implementation copy : copies) {
      copy.run();
      copy.await();
    }
    secondsOfRun = endToEnd(atLeast);
  }

  /**
   * Captures as many runs as are made in a slice, but no more than {@value #LAUNCHES_OF_GRAPH}, and
   * each copy's at least once.
   */
  void capture(Duration slice) {
    int wanted = Math.clamp(runs(slice), 1, LAUNCHES_OF_GRAPH);
    int cycles = Math.max(1, wanted / copies.size());
    graph = CudaGraph.of(device, () -> next().run(), cycles * copies.size());
  }

  /** Measures the time from the start of a run to its end, and on a GPU that of the device. */
  Time measure(Duration slice) {
    // What others left in caches is not what is measured.
    endToEnd(slice.dividedBy(WARMING_SHARE));
    if (copies.getFirst() instanceof SelfTimed timed) {
      double seconds = secondsOfRun(slice, timed::seconds);
      return new Time(seconds, onCpu() ? seconds : Double.NaN);
    }
    if (onCpu()) {
      double seconds = endToEnd(slice);
      return new Time(seconds, seconds);
    }
    double seconds =
        secondsOfRun(
            slice,
            graph == null
                ? runs -> device.measureTime(() -> repeat(runs, () -> next().run()))
                : this::graphs);
    return new Time(seconds, endToEnd(slice.dividedBy(2)));
  }

  private boolean onCpu() {
    return Cpu.is(device.name());
  }

  /** Seconds of so many runs, by those of whole graphs. */
  private double graphs(int runs) {
    int launches = Math.ceilDiv(runs, graph.runs());
    double seconds = device.measureTime(() -> repeat(launches, graph::run));
    return seconds * runs / (launches * graph.runs());
  }

  private static void repeat(int times, Runnable work) {
    for (int i = 0; i < times; i++) {
      work.run();
    }
  }

  /** Chooses how often to run by how long that took before. */
  private double secondsOfRun(Duration slice, IntToDoubleFunction time) {
    int runs = runs(slice);
    double seconds = time.applyAsDouble(runs) / runs;
    secondsOfRun = Math.max(seconds, 1e-7);
    return seconds;
  }

  private int runs(Duration slice) {
    return (int) Math.clamp(slice.toNanos() * 1e-9 / secondsOfRun, 1, 1 << 20);
  }

  private double endToEnd(Duration atLeast) {
    int runs = 0;
    long start = System.nanoTime();
    long nanos;
    do {
      Implementation copy = next();
      copy.run();
      copy.await();
      runs++;
      nanos = System.nanoTime() - start;
    } while (nanos < atLeast.toNanos());
    return nanos * 1e-9 / runs;
  }

  private Implementation next() {
    next = next + 1 == copies.size() ? 0 : next + 1;
    return copies.get(next);
  }

  @Override
  public void close() {
    if (graph != null) {
      graph.close();
    }
    copies.forEach(Implementation::close);
  }
}
