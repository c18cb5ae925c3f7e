package dev.clessidra.bench;

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
 * What all benchmarks share: a device and a workload on it. Once built they run, on a JDK 25, with
 *
 * <pre>{@code
 * java -jar bench/target/clessidra-bench-0.1.0-SNAPSHOT.jar MatrixProduct -p product=FORWARD
 * }</pre>
 *
 * <p>Threads and instruction set of the device come from the properties of {@link
 * dev.clessidra.kernels.DeviceOptions}, which forks inherit.
 */
@State(Scope.Benchmark)
@Fork(
    value = 2,
    // The second is for JMH itself.
    jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"})
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public abstract class WorkloadBenchmark {
  /** The device's name. */
  @Param("cpu")
  String device;

  private Device opened;
  private Workload workload;

  abstract Workload prepare(Device on);

  /** Opens the device and prepares the workload. */
  @Setup
  public void open() {
    opened = Device.open(device);
    workload = prepare(opened);
  }

  /** Closes the workload and the device. */
  @TearDown
  public void close() {
    workload.close();
    opened.close();
  }

  final void runWorkload() {
    workload.run();
  }
}
