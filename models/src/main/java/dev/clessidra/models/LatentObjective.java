package dev.clessidra.models;

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
    return Choices.parse("objective", label, values());
  }

  /** The name in files and on the command line, such as {@code elbo}. */
  public String label() {
    return Choices.label(this);
  }

  @Override
  public String toString() {
    return label();
  }
}
