package dev.clessidra.bench.jmh;

import dev.clessidra.bench.work.FixedSizeKernel;
import dev.clessidra.bench.work.Work;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Time of the kernels that memory limits, most of them, in the sizes of the models. */
public class KernelBenchmark extends WorkBenchmark {
  /** Which kernel. */
  @Param FixedSizeKernel kernel;

  @Override
  Work work() {
    return kernel;
  }

  /** One launch. */
  @Benchmark
  public void launch() {
    runToEnd();
  }
}
