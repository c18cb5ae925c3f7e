package dev.clessidra.bench.jmh;

import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Device;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
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
 * What all benchmarks share: a device, and a work that is run on it and waited for. Once built they
 * run, on a JDK 25, with
 *
 * <pre>{@code
 * java -jar bench/target/clessidra-bench-0.1.0-SNAPSHOT.jar MatrixProduct -p shape=512x512x512
 * }</pre>
 *
 * <p>Threads and instruction set of the device come from the properties of {@link
 * dev.clessidra.kernels.DeviceOptions}, which forks inherit.
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

  private Device opened;
  private Implementation implementation;

  abstract Work work();

  /** Opens the device and prepares the work. */
  @Setup
  public void open() {
    opened = Device.open(device);
    Work work = work();
    implementation = work.on(opened, work.inputs());
  }

  /** Closes the work and the device. */
  @TearDown
  public void close() {
    implementation.close();
    opened.close();
  }

  final void runToEnd() {
    implementation.run();
    implementation.await();
  }
}
