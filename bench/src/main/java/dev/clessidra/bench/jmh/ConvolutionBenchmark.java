package dev.clessidra.bench.jmh;

import dev.clessidra.bench.work.Direction;
import dev.clessidra.bench.work.Work;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Time of one convolution. */
public class ConvolutionBenchmark extends WorkBenchmark {
  /** Which convolution. */
  @Param ConvolutionLayer layer;

  /** Which of its three directions. */
  @Param Direction direction;

  @Override
  Work work() {
    return layer.work(direction);
  }

  /** One convolution. */
  @Benchmark
  public void convolve() {
    runToEnd();
  }
}
