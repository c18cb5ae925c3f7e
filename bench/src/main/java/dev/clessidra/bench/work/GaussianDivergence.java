package dev.clessidra.bench.work;

import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Kernel;
import dev.clessidra.kernels.Kernels;

/**
 * The divergence of diagonal Gaussians from the standard one, added up over all (Kingma and Welling
 * 2014, appendix B): {@code sum (exp(v) + m^2 - 1 - v) / 2} with inputs {@code mean} and {@code log
 * variance}. The result is one number.
 */
public record GaussianDivergence(int rows, int columns) implements KernelWork {
  /** The family's name. */
  public static final String FAMILY = "kl";

  /** Checks the sizes. */
  public GaussianDivergence {
    if (rows < 1 || columns < 1) {
      throw new IllegalArgumentException(
          "%s of %dx%d: expected sizes of at least 1.".formatted(FAMILY, rows, columns));
    }
  }

  @Override
  public String label() {
    return "%s %dx%d".formatted(FAMILY, rows, columns);
  }

  @Override
  public String family() {
    return FAMILY;
  }

  @Override
  public Kernel kernel() {
    return Kernel.GAUSSIAN_KL;
  }

  @Override
  public double operations() {
    return 0;
  }

  @Override
  public double bytes() {
    return 2.0 * Float.BYTES * rows * columns;
  }

  @Override
  public Inputs inputs() {
    long count = (long) rows * columns;
    return Inputs.builder().uniform("mean", count).uniform("log variance", count).build();
  }

  @Override
  public int resultSize() {
    return 1;
  }

  @Override
  public Implementation on(Operands operands) {
    Buffer mean = operands.input("mean");
    Buffer logVariance = operands.input("log variance");
    Buffer divergence = operands.results("divergence", rows);
    Buffer sum = operands.results("sum", 1);
    Buffer workspace = operands.results("workspace", Kernels.gaussianKlWorkspace(rows));
    return operands.launching(
        sum,
        () ->
            operands
                .kernels()
                .gaussianKl(mean, logVariance, divergence, sum, workspace, rows, columns, 1));
  }
}
