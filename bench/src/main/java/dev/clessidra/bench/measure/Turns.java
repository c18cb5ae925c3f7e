package dev.clessidra.bench.measure;

import dev.clessidra.bench.baselines.Clessidra;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.work.Cpu;
import dev.clessidra.bench.work.FixedSizeKernel;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.KernelWork;
import dev.clessidra.bench.work.SelfTimed;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceException;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A work as one library does it, checked, and then timed turn by turn. On a GPU there are several
 * of it, each with operands of its own, which are used one after the other; what is a kernel is
 * launched as a {@link CudaGraph} of many. Belongs to one thread.
 */
public final class Turns implements AutoCloseable {
  private static final int WARMING_SHARE = 8;
  private static final int LAUNCHES_OF_GRAPH = 64;
  private static final int MAXIMUM_COPIES = 256;
  // Copies hold more than is touched of them: a data set of which a batch is read, or workspaces.
  private static final int MAXIMUM_HELD_SHARE = 16;

  private static final System.Logger LOGGER = System.getLogger(Turns.class.getPackageName());

  private final Device device;
  private final List<Implementation> copies;
  private final float[] result;
  private final double error;
  private CudaGraph graph;
  private int next;
  // Of the turn before; tells how many runs a turn on a GPU has to have.
  private double secondsOfRun;

  /**
   * What a turn measured.
   *
   * @param device seconds of a run: on a GPU the device's, which of a work that waits for its own
   *     end are those that passed; else those that passed
   * @param endToEnd seconds from the start of a run to its end; NaN where that is not known
   */
  public record Time(double device, double endToEnd) {}

  private Turns(Device device, List<Implementation> copies, float[] result, double error) {
    this.device = device;
    this.copies = copies;
    this.result = result;
    this.error = error;
  }

  /**
   * Prepares a library's implementation of a work, compares its result and warms it up.
   *
   * <p>Clessidra's result on a GPU is compared with its own on the CPU: the same bits are due.
   *
   * @param inputs what the work's {@link Work#inputs} made
   * @param reference whose result another library's is compared with
   * @return nothing if the library has no such operation
   * @throws IllegalStateException if the result is wrong
   */
  public static Optional<Turns> prepare(
      Device device,
      Library library,
      Work work,
      Inputs inputs,
      Optional<Turns> reference,
      Effort effort) {
    List<Implementation> copies = new ArrayList<>();
    try {
      library.prepare(work, inputs).ifPresent(copies::add);
      if (copies.isEmpty()) {
        return Optional.empty();
      }
      Implementation first = copies.getFirst();
      float[] result = first.result();
      float[] right = reference.map(turns -> turns.result).orElse(result);
      double error = ResultCheck.error(work, inputs, first, result, right);
      if (library instanceof Clessidra && !Cpu.is(device.name())) {
        ResultCheck.requireSameBits(result, onCpu(work, inputs));
      }
      boolean launched =
          !Cpu.is(device.name()) && work instanceof KernelWork && !(first instanceof SelfTimed);
      int wanted = launched ? copiesOf(work, effort) : 1;
      long limit = heldBytes(device) + MAXIMUM_HELD_SHARE * effort.rotatedBytes();
      while (copies.size() < wanted && heldBytes(device) < limit) {
        copies.add(library.prepare(work, inputs).orElseThrow());
      }
      Turns turns = new Turns(device, copies, result, error);
      turns.warmUp(effort.slice().multipliedBy(work.warmUpTurns()));
      if (launched) {
        turns.capture(library, effort.slice());
      }
      return Optional.of(turns);
    } catch (RuntimeException | LinkageError e) {
      copies.forEach(Implementation::close);
      throw e;
    }
  }

  /** Prepares what does nothing but write one number, launch by launch: what a launch costs. */
  public static Turns ofSmallestLaunch(Device device) {
    Work smallest = FixedSizeKernel.ADVANCE;
    Implementation launch = smallest.on(device, smallest.inputs());
    Turns turns = new Turns(device, List.of(launch), new float[0], 0);
    turns.warmUp(Duration.ZERO);
    return turns;
  }

  private static float[] onCpu(Work work, Inputs inputs) {
    try (Device cpu = Device.open("cpu");
        Implementation implementation = work.on(cpu, inputs)) {
      return implementation.result();
    }
  }

  private static int copiesOf(Work work, Effort effort) {
    return work.bytes() == 0
        ? 1
        : (int) Math.clamp(effort.rotatedBytes() / work.bytes(), 1, MAXIMUM_COPIES);
  }

  private static long heldBytes(Device device) {
    return device.memory().allocatedBytes();
  }

  /** What the work's first run computed. */
  public float[] result() {
    return result.clone();
  }

  /** By how much the result differs from the one that it was compared with. */
  double error() {
    return error;
  }

  /** Runs once, and waits for the end. */
  public void runToEnd() {
    Implementation copy = next();
    copy.run();
    copy.await();
  }

  /** Touches all memory, wakes threads up, and finds out how long a run takes, for so long. */
  private void warmUp(Duration atLeast) {
    for (Implementation copy : copies) {
      copy.run();
      copy.await();
    }
    secondsOfRun = endToEnd(atLeast);
  }

  /**
   * Captures as many runs as are made in a slice, but no more than {@value #LAUNCHES_OF_GRAPH}, and
   * each copy's at least once. What another library cannot have captured is launched run by run.
   */
  private void capture(Library library, Duration slice) {
    int wanted = Math.clamp(runs(slice), 1, LAUNCHES_OF_GRAPH);
    int cycles = Math.max(1, wanted / copies.size());
    try {
      graph = CudaGraph.of(device, () -> next().run(), cycles * copies.size());
    } catch (DeviceException e) {
      if (library instanceof Clessidra) {
        throw e;
      }
      LOGGER.log(
          Level.WARNING,
          "{0} is launched run by run, not as a graph: {1}",
          library.name(),
          e.getMessage());
      // If it fails without a capture as well, that is why it is not timed.
      runToEnd();
    }
  }

  /** Measures the time from the start of a run to its end, and on a GPU that of the device. */
  public Time measure(Duration slice) {
    // What others left in caches is not what is measured.
    endToEnd(slice.dividedBy(WARMING_SHARE));
    if (copies.getFirst() instanceof SelfTimed timed) {
      double seconds = secondsOfRun(slice);
      return new Time(seconds, onCpu() || timed.isEndToEnd() ? seconds : Double.NaN);
    }
    if (onCpu()) {
      double seconds = endToEnd(slice);
      return new Time(seconds, seconds);
    }
    double seconds = secondsOfRun(slice);
    return new Time(seconds, endToEnd(slice.dividedBy(2)));
  }

  /** Returns the seconds that so many runs take: on a GPU the device's, else those that pass. */
  public double seconds(int runs) {
    if (copies.getFirst() instanceof SelfTimed timed) {
      return timed.seconds(runs);
    }
    if (onCpu()) {
      long start = System.nanoTime();
      repeat(runs, this::runToEnd);
      return (System.nanoTime() - start) * 1e-9;
    }
    return graph == null
        ? device.measureTime(() -> repeat(runs, () -> next().run()))
        : secondsOfGraphs(runs);
  }

  private boolean onCpu() {
    return Cpu.is(device.name());
  }

  /** Seconds of so many runs, by those of whole graphs. */
  private double secondsOfGraphs(int runs) {
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
  private double secondsOfRun(Duration slice) {
    int runs = runs(slice);
    double seconds = seconds(runs) / runs;
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
      runToEnd();
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
