package dev.clessidra.bench.jmh;

import dev.clessidra.bench.work.Work;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Time of one matrix product. */
public class MatrixProductBenchmark extends WorkBenchmark {
  /** The sizes m x n x k; the last is a layer of the deep autoencoder, batch 256. */
  @Param({"512x512x512", "1024x1024x1024", "2048x2048x2048", "256x1000x784"})
  String shape;

  /** Which operands are stored transposed. */
  @Param Transposes transposes;

  @Override
  Work work() {
    return transposes.of(shape);
  }

  /** One product. */
  @Benchmark
  public void multiply() {
    runToEnd();
  }
}
