package dev.clessidra.bench;

import dev.clessidra.kernels.Device;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;

/** Training with Adam: a captured step, replayed. An operation of JMH's output is a step. */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
public class TrainingStepBenchmark extends WorkloadBenchmark {
  /** The model and its batch. */
  @Param TrainedModel model;

  @Override
  Workload prepare(Device on) {
    return model.on(on);
  }

  /** One step. */
  @Benchmark
  public void step() {
    runWorkload();
  }
}
