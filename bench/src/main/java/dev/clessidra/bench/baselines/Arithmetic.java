package dev.clessidra.bench.baselines;

/** What a library multiplies with. */
public enum Arithmetic {
  /** Fused multiply-adds of float32. */
  FLOAT32("", 0),
  /** Tensor cores: factors rounded to 10 bits after the point, sums of float32. */
  TF32("-tf32", 2e-3);

  private final String suffix;
  private final double tolerance;

  Arithmetic(String suffix, double tolerance) {
    this.suffix = suffix;
    this.tolerance = tolerance;
  }

  /** What a library with this arithmetic is called. */
  public String name(String library) {
    return library + suffix;
  }

  /** The largest relative error that it brings to a kernel. */
  public double tolerance() {
    return tolerance;
  }

  @Override
  public String toString() {
    return this == FLOAT32 ? "float32" : "TF32";
  }
}
