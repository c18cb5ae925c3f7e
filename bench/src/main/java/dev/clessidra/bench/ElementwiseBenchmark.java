package dev.clessidra.bench;

import dev.clessidra.kernels.Device;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Time of kernels that memory limits. */
public class ElementwiseBenchmark extends WorkloadBenchmark {
  /** Which kernel. */
  @Param MemoryBoundKernel kernel;

  @Override
  Workload prepare(Device on) {
    return kernel.on(on);
  }

  /** One launch. */
  @Benchmark
  public void launch() {
    runWorkload();
  }
}
