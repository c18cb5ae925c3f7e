package dev.clessidra.models;

import java.util.Locale;

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
    for (Reconstruction kind : values()) {
      if (kind.label().equals(label.trim().toLowerCase(Locale.ROOT))) {
        return kind;
      }
    }
    throw new IllegalArgumentException(
        "reconstruction '" + label + "' is unknown; expected cross-entropy or squared-error");
  }

  /** The name in files and on the command line, such as {@code cross-entropy}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  @Override
  public String toString() {
    return label();
  }
}
