package dev.clessidra.bench.jmh;

import dev.clessidra.bench.work.Direction;
import dev.clessidra.bench.work.MatrixProduct;
import dev.clessidra.bench.work.Work;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Time of the products of the models' dense layers. */
public class DenseLayerBenchmark extends WorkBenchmark {
  /**
   * The sizes batch x inputs x outputs: of the deep autoencoder, whose decoder mirrors them, the
   * sparse one, the dense variational one, that at batch 20, and an answer to one image.
   */
  @Param({
    "256x784x1000",
    "256x1000x500",
    "256x500x250",
    "256x250x30",
    "256x784x1024",
    "128x784x400",
    "20x784x200",
    "20x200x200",
    "1x784x1000"
  })
  String shape;

  /** Which of its three directions. */
  @Param Direction direction;

  @Override
  Work work() {
    int[] sizes = Sizes.three(shape);
    return MatrixProduct.ofLayer(direction, sizes[0], sizes[1], sizes[2]);
  }

  /** One product. */
  @Benchmark
  public void multiply() {
    runToEnd();
  }
}
