package dev.clessidra.bench;

import dev.clessidra.kernels.Device;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Time of one convolution. */
public class ConvolutionBenchmark extends WorkloadBenchmark {
  /** Which convolution. */
  @Param ConvolutionLayer layer;

  /** Which of its three directions. */
  @Param ConvolutionLayer.Direction direction;

  @Override
  Workload prepare(Device on) {
    return layer.on(on, direction);
  }

  /** One convolution. */
  @Benchmark
  public void convolve() {
    runWorkload();
  }
}
