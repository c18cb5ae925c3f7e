package dev.clessidra.bench;

import dev.clessidra.kernels.Device;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Time of one matrix product. */
public class MatrixProductBenchmark extends WorkloadBenchmark {
  /** Which product. */
  @Param MatrixProduct product;

  @Override
  Workload prepare(Device on) {
    return product.on(on);
  }

  /** One product. */
  @Benchmark
  public void multiply() {
    runWorkload();
  }
}
