package dev.clessidra.bench.jmh;

import dev.clessidra.bench.work.Work;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Time of what works on all elements of some size. */
public class ElementwiseBenchmark extends WorkBenchmark {
  /** What is done, and with what. */
  @Param ElementwiseWork of;

  @Override
  Work work() {
    return of.work();
  }

  /** Once over all elements. */
  @Benchmark
  public void launch() {
    runToEnd();
  }
}
