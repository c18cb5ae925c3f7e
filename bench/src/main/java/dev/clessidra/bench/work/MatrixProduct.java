package dev.clessidra.bench.work;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Kernel;
import dev.clessidra.kernels.Matrix;

/**
 * {@code c = op(a) op(b)} with {@code op(a)} of m x k and {@code op(b)} of k x n. Inputs {@code a}
 * and {@code b} as stored: a transposed one is k x m, n x k.
 *
 * @param transposeA whether a is stored k x m
 * @param transposeB whether b is stored n x k
 */
public record MatrixProduct(int m, int n, int k, boolean transposeA, boolean transposeB)
    implements KernelWork {
  /** The family's name. */
  public static final String FAMILY = "gemm";

  /** Checks the sizes. */
  public MatrixProduct {
    if (m < 1 || n < 1 || k < 1) {
      throw new IllegalArgumentException(
          "gemm of %dx%dx%d: expected sizes of at least 1.".formatted(m, n, k));
    }
  }

  /**
   * The product of a layer {@code y = x w} with x of {@code rows x inputs}, w of {@code inputs x
   * outputs}.
   */
  public static MatrixProduct ofLayer(Direction direction, int rows, int inputs, int outputs) {
    return switch (direction) {
      case FORWARD -> new MatrixProduct(rows, outputs, inputs, false, false);
      case DATA -> new MatrixProduct(rows, inputs, outputs, false, true);
      case FILTER -> new MatrixProduct(inputs, outputs, rows, true, false);
    };
  }

  @Override
  public String label() {
    return "%s %dx%dx%d %s%s"
        .formatted(FAMILY, m, n, k, transposeA ? "T" : "N", transposeB ? "T" : "N");
  }

  @Override
  public String family() {
    return FAMILY;
  }

  @Override
  public Kernel kernel() {
    return Kernel.GEMM;
  }

  @Override
  public double operations() {
    return 2.0 * m * n * k;
  }

  @Override
  public double bytes() {
    return Float.BYTES * ((double) m * k + (double) k * n + (double) m * n);
  }

  @Override
  public Inputs inputs() {
    return Inputs.builder().uniform("a", (long) m * k).uniform("b", (long) k * n).build();
  }

  @Override
  public int resultSize() {
    return Math.multiplyExact(m, n);
  }

  @Override
  public Implementation on(Operands operands) {
    Buffer storedA = operands.input("a");
    Buffer storedB = operands.input("b");
    Matrix a = transposeA ? Matrix.of(storedA, k, m).transpose() : Matrix.of(storedA, m, k);
    Matrix b = transposeB ? Matrix.of(storedB, n, k).transpose() : Matrix.of(storedB, k, n);
    Matrix c = Matrix.of(operands.results("c", resultSize()), m, n);
    return operands.launching(
        c.buffer(), () -> operands.kernels().gemm(a, b, null, c, Activation.IDENTITY, 0));
  }
}
