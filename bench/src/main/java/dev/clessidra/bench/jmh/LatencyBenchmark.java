package dev.clessidra.bench.jmh;

import dev.clessidra.bench.work.ModelLatency;
import dev.clessidra.bench.work.Work;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** The time to the answer to one image. */
public class LatencyBenchmark extends WorkBenchmark {
  /** Which model. */
  @Param ModelLatency model;

  @Override
  Work work() {
    return model;
  }

  /** One answer. */
  @Benchmark
  public void answer() {
    runToEnd();
  }
}
