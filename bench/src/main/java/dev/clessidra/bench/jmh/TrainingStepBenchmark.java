package dev.clessidra.bench.jmh;

import dev.clessidra.bench.work.TrainedModel;
import dev.clessidra.bench.work.Work;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;

/** Training with Adam: a captured step, replayed. An operation of JMH's output is a step. */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
public class TrainingStepBenchmark extends WorkBenchmark {
  /** The model and its batch. */
  @Param TrainedModel model;

  @Override
  Work work() {
    return model;
  }

  /** One step. */
  @Benchmark
  public void step() {
    runToEnd();
  }
}
