package dev.clessidra.models;

/** How gray images become the zeros and ones of a Bernoulli {@link Likelihood}. */
public enum Binarization {
  /** Not: a gray value counts as a share of ones. */
  NONE,
  /** By one draw of each pixel with its gray value as probability, before the training. */
  STATIC,
  /**
   * By a new draw each time an image is seen (Burda, Grosse, Salakhutdinov, "Importance weighted
   * autoencoders", ICLR 2016).
   */
  DYNAMIC;

  /** Reads a {@link #label}. */
  public static Binarization parse(String label) {
    return Choices.parse("binarization", label, values());
  }

  /** The name in files and on the command line, such as {@code dynamic}. */
  public String label() {
    return Choices.label(this);
  }

  @Override
  public String toString() {
    return label();
  }
}
