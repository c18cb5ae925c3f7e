package dev.clessidra.models;

import java.util.Locale;

/** The lower bound of log p(x) that a {@link Vae} is trained to raise. */
public enum LatentObjective {
  /**
   * The evidence lower bound (Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014).
   */
  ELBO,
  /**
   * The importance-weighted bound {@code log 1/k sum p(x, z) / q(z | x)} of k samples (Burda,
   * Grosse, Salakhutdinov, "Importance weighted autoencoders", ICLR 2016, equation 8), at least as
   * tight; the same as the ELBO for k = 1.
   */
  IWAE;

  /** Reads a {@link #label}. */
  public static LatentObjective parse(String label) {
    for (LatentObjective kind : values()) {
      if (kind.label().equals(label.trim().toLowerCase(Locale.ROOT))) {
        return kind;
      }
    }
    throw new IllegalArgumentException(
        "objective '" + label + "' is unknown; expected elbo or iwae");
  }

  /** The name in files and on the command line, such as {@code elbo}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  @Override
  public String toString() {
    return label();
  }
}
