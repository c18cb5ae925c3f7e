package dev.clessidra.bench.jmh;

import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Baselines;
import dev.clessidra.bench.baselines.Clessidra;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.measure.Effort;
import dev.clessidra.bench.measure.Turns;
import dev.clessidra.bench.work.Cpu;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceOptions;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What all benchmarks share: a device, a library, and a work whose result is compared with
 * Clessidra's before it is run and waited for, again and again. Once built they run, on a JDK 25,
 * with
 *
 * <pre>{@code
 * java -jar bench/target/clessidra-bench-0.1.0-SNAPSHOT.jar MatrixProduct -p shape=512x512x512
 * }</pre>
 *
 * <p>JMH's score is the time from a launch to its end, of training the steps a second. On a GPU
 * operands are rotated past the cache, and {@link DeviceTime} adds the device's time, and what the
 * smallest launch costs.
 *
 * <p>Threads and instruction set of the device come from the properties of {@link DeviceOptions},
 * which forks inherit.
 */
@State(Scope.Benchmark)
@Fork(
    value = 3,
    // The second is for JMH itself.
    jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"})
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 10, time = 1)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public abstract class WorkBenchmark {
  /** The device's name. */
  @Param("cpu")
  String device;

  /** The library's name, {@code clessidra} or a baseline's. */
  @Param(Clessidra.NAME)
  String library;

  private final Effort effort = Effort.NORMAL.withSlice(Duration.ofMillis(20));
  private Device opened;
  private Optional<Library> peer = Optional.empty();
  private Turns turns;
  private Turns smallestLaunch;

  abstract Work work();

  /**
   * Opens the device and prepares the work.
   *
   * @throws AbsentException if the library is not there
   */
  @Setup
  public void open() throws AbsentException {
    DeviceOptions options = DeviceOptions.defaults().withDevice(device);
    opened = Device.open(options);
    Work work = work();
    Inputs inputs = work.inputs();
    Turns own = prepare(new Clessidra(opened), work, inputs, Optional.empty());
    if (library.equals(Clessidra.NAME)) {
      turns = own;
    } else {
      try (own) {
        peer = Optional.of(new Baselines().get(library).open(opened, Cpu.threads(options)));
        turns = prepare(peer.get(), work, inputs, Optional.of(own));
      }
    }
    smallestLaunch = Turns.ofSmallestLaunch(opened);
  }

  private Turns prepare(Library by, Work work, Inputs inputs, Optional<Turns> reference) {
    return Turns.prepare(opened, by, work, inputs, reference, effort)
        .orElseThrow(
            () -> new IllegalArgumentException("%s has no %s".formatted(by.name(), work.label())));
  }

  /** Times the device, if that is not what JMH has timed. */
  @TearDown(Level.Iteration)
  public void timeDevice() {
    if (!Cpu.is(device)) {
      DeviceTime.measured(
          turns.measure(effort.slice()).device(),
          smallestLaunch.measure(effort.limitSlice()).endToEnd());
    }
  }

  /** Closes the work and the device. */
  @TearDown
  public void close() {
    smallestLaunch.close();
    turns.close();
    peer.ifPresent(Library::close);
    opened.close();
  }

  final void runToEnd() {
    turns.runToEnd();
  }
}
