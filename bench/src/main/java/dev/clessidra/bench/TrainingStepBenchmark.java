package dev.clessidra.bench;

import dev.clessidra.kernels.Device;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;

/**
 * Samples a second in training the deep autoencoder 784-1000-500-250-30 with Adam and a batch of
 * 256: a captured step, replayed. An operation of JMH's output is a sample.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
public class TrainingStepBenchmark extends WorkloadBenchmark {
  /** Whether the decoder uses the encoder's weights. */
  @Param({"false", "true"})
  boolean tied;

  @Override
  Workload prepare(Device on) {
    return TrainingStep.ofDeepAutoencoder(on, tied);
  }

  /** One step. */
  @Benchmark
  @OperationsPerInvocation(TrainingStep.BATCH)
  public void step() {
    runWorkload();
  }
}
