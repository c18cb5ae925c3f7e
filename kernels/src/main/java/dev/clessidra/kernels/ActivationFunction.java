package dev.clessidra.kernels;

/** Activation functions; each derivative is a function of the output {@code y} alone. */
public enum ActivationFunction {
  /** {@code x}. */
  IDENTITY(0),
  /** {@code max(x, 0)}; derivative {@code y > 0 ? 1 : 0}. */
  RELU(1),
  /** {@code x > 0 ? x : slope * x}; derivative {@code y > 0 ? 1 : slope}. */
  LEAKY_RELU(2),
  /** {@code 1 / (1 + exp(-x))}; derivative {@code y * (1 - y)}. */
  SIGMOID(3),
  /** {@code tanh(x)}; derivative {@code 1 - y * y}. */
  TANH(4),
  /** {@code log(1 + exp(x))}; derivative {@code 1 - exp(-y)}. */
  SOFTPLUS(5);

  private final int code;

  ActivationFunction(int code) {
    this.code = code;
  }

  /** Returns the function's number in the C header. */
  public int code() {
    return code;
  }
}
