package dev.clessidra.bench.jmh;

import dev.clessidra.bench.work.Work;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/**
 * Time of one matrix product of generic sizes; those of models are in {@link DenseLayerBenchmark}.
 */
public class MatrixProductBenchmark extends WorkBenchmark {
  /** The sizes m x n x k. */
  @Param({"512x512x512", "1024x1024x1024", "2048x2048x2048", "4096x64x256"})
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
