package dev.clessidra.bench.work;

/** What a layer with weights computes. */
public enum Direction {
  /** The output. */
  FORWARD("forward"),
  /** The gradient of the layer's input. */
  DATA("data"),
  /** The gradient of the weights: the filters, of a matrix product the second operand. */
  FILTER("filter");

  private final String label;

  Direction(String label) {
    this.label = label;
  }

  /** For example {@code forward}, as on the command line. */
  @Override
  public String toString() {
    return label;
  }
}
