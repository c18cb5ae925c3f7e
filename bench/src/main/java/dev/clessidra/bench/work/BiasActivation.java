package dev.clessidra.bench.work;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.ActivationFunction;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Kernel;
import dev.clessidra.kernels.Matrix;
import java.util.Locale;

/**
 * {@code y = activation(x + bias)}: a bias of {@code columns} values added to each row of a matrix,
 * then an activation. Inputs {@code x} and {@code bias}. May be done in place: then a later run
 * works on the result of the one before.
 */
public record BiasActivation(int rows, int columns, Activation activation) implements KernelWork {
  /** The family's name. */
  public static final String FAMILY = "bias-activation";

  /** Checks the sizes. */
  public BiasActivation {
    if (rows < 1 || columns < 1) {
      throw new IllegalArgumentException(
          "%s of %dx%d: expected sizes of at least 1.".formatted(FAMILY, rows, columns));
    }
  }

  @Override
  public String label() {
    ActivationFunction function = activation.function();
    return "%s %dx%d %s".formatted(FAMILY, rows, columns, function.name().toLowerCase(Locale.ROOT));
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
    return 0;
  }

  @Override
  public double bytes() {
    return Float.BYTES * (2.0 * rows + 1) * columns;
  }

  @Override
  public Inputs inputs() {
    return Inputs.builder().uniform("x", (long) rows * columns).uniform("bias", columns).build();
  }

  @Override
  public int resultSize() {
    return Math.multiplyExact(rows, columns);
  }

  @Override
  public Implementation on(Operands operands) {
    Buffer values = operands.input("x");
    Buffer bias = operands.input("bias");
    Matrix c = Matrix.of(values, rows, columns);
    // A product of nothing: beta * c + 0, then bias and activation.
    Matrix a = Matrix.of(values, rows, 0);
    Matrix b = Matrix.of(values, 0, columns);
    return operands.launching(values, () -> operands.kernels().gemm(a, b, bias, c, activation, 1));
  }
}
