package dev.clessidra.bench.jmh;

import dev.clessidra.bench.work.MatrixProduct;

/** Which operands of a product are stored transposed. */
public enum Transposes {
  /** Neither, as in a layer's output. */
  NN(false, false),
  /** The second, as in the gradient of a layer's input. */
  NT(false, true),
  /** The first, as in the gradient of a layer's weight. */
  TN(true, false);

  private final boolean first;
  private final boolean second;

  Transposes(boolean first, boolean second) {
    this.first = first;
    this.second = second;
  }

  /** A product of a shape such as {@code 512x512x512}. */
  MatrixProduct of(String shape) {
    int[] sizes = Sizes.three(shape);
    return new MatrixProduct(sizes[0], sizes[1], sizes[2], first, second);
  }
}
