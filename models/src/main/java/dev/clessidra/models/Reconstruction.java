package dev.clessidra.models;

/** How the distance of an autoencoder's output to its input is measured. */
public enum Reconstruction {
  /**
   * Cross-entropy of a sigmoid output: inputs in [0, 1] as probabilities of Bernoulli variables.
   */
  CROSS_ENTROPY,
  /** Squared error, of any output. */
  SQUARED_ERROR;

  /** Reads a {@link #label}. */
  public static Reconstruction parse(String label) {
    return Choices.parse("reconstruction", label, values());
  }

  /** The name in files and on the command line, such as {@code cross-entropy}. */
  public String label() {
    return Choices.label(this);
  }

  @Override
  public String toString() {
    return label();
  }
}
