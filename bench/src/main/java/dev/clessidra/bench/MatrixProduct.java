package dev.clessidra.bench;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Matrix;

/**
 * The matrix products that are timed: {@code c = op(a) op(b)} with {@code op(a)} of m x k and
 * {@code op(b)} of k x n. The last three are those of the deep autoencoder's first layer, 784 to
 * 1000, with a batch of 256.
 */
public enum MatrixProduct {
  /** 512 x 512 x 512. */
  SQUARE_512(512, 512, 512, false, false),
  /** 1024 x 1024 x 1024. */
  SQUARE_1024(1024, 1024, 1024, false, false),
  /** 2048 x 2048 x 2048. */
  SQUARE_2048(2048, 2048, 2048, false, false),
  /** The layer's output: inputs and weight as they are. */
  FORWARD(256, 1000, 784, false, false),
  /** The gradient of the layer's input: the weight transposed. */
  DATA_GRADIENT(256, 784, 1000, false, true),
  /** The gradient of the weight: the inputs transposed. */
  WEIGHT_GRADIENT(784, 1000, 256, true, false);

  private final int m;
  private final int n;
  private final int k;
  private final boolean transposeA;
  private final boolean transposeB;

  MatrixProduct(int m, int n, int k, boolean transposeA, boolean transposeB) {
    this.m = m;
    this.n = n;
    this.k = k;
    this.transposeA = transposeA;
    this.transposeB = transposeB;
  }

  Matrix a(Buffer buffer) {
    return transposeA ? Matrix.of(buffer, k, m).transpose() : Matrix.of(buffer, m, k);
  }

  Matrix b(Buffer buffer) {
    return transposeB ? Matrix.of(buffer, n, k).transpose() : Matrix.of(buffer, k, n);
  }

  KernelWorkload on(Device device) {
    Operands operands = new Operands(device);
    Matrix a = a(operands.uniform("a", (long) m * k));
    Matrix b = b(operands.uniform("b", (long) k * n));
    Matrix c = Matrix.of(operands.results("c", (long) m * n), m, n);
    return new KernelWorkload(
        device,
        operands,
        () -> device.kernels().gemm(a, b, null, c, Activation.IDENTITY, 0),
        c.buffer(),
        2.0 * m * n * k,
        0);
  }

  /** For example {@code 784 x 1000 x 256 TN}: m, n and k, and which operands are transposed. */
  @Override
  public String toString() {
    return "%d x %d x %d %s%s".formatted(m, n, k, transposeA ? "T" : "N", transposeB ? "T" : "N");
  }
}
