package dev.clessidra.models;

import java.util.Locale;

/** The distribution of an image's numbers given its code: p(x | z) of a {@link Vae}. */
public sealed interface Likelihood {
  /** Each number is 1 with a probability of its own, the sigmoid of the decoder's output. */
  static Likelihood bernoulli() {
    return new Bernoulli();
  }

  /**
   * Each number is normally distributed about the decoder's output, all with this variance.
   *
   * @param variance above 0
   */
  static Likelihood gaussian(float variance) {
    return new Gaussian(variance);
  }

  /**
   * Each number is normally distributed about the decoder's output, all with one variance that is
   * trained with the rest (Rybkin, Daniilidis, Levine, "Simple and effective VAE training with
   * calibrated decoders", ICML 2021).
   */
  static Likelihood learnedGaussian() {
    return new LearnedGaussian();
  }

  /** Reads {@code bernoulli}, {@code gaussian:VARIANCE} or {@code gaussian} (learned variance). */
  static Likelihood parse(String text) {
    String[] parts = text.trim().toLowerCase(Locale.ROOT).split(":", -1);
    if (parts[0].equals("bernoulli") && parts.length == 1) {
      return bernoulli();
    } else if (parts[0].equals("gaussian") && parts.length == 1) {
      return learnedGaussian();
    } else if (parts[0].equals("gaussian") && parts.length == 2) {
      try {
        return gaussian(Float.parseFloat(parts[1]));
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(
            "likelihood '" + text + "' needs a number after the colon, such as gaussian:0.1", e);
      }
    }
    throw new IllegalArgumentException(
        "likelihood '"
            + text
            + "' is unknown; expected bernoulli, gaussian:VARIANCE or gaussian (learned variance)");
  }

  /** See {@link Likelihood#bernoulli}. */
  record Bernoulli() implements Likelihood {
    @Override
    public String toString() {
      return "bernoulli";
    }
  }

  /** See {@link Likelihood#gaussian}. */
  record Gaussian(float variance) implements Likelihood {
    /** Checks the range. */
    public Gaussian {
      if (!(variance > 0) || Float.isInfinite(variance)) {
        throw new IllegalArgumentException(
            "likelihood: the variance must be above 0, got " + variance);
      }
    }

    @Override
    public String toString() {
      return "gaussian:" + variance;
    }
  }

  /** See {@link Likelihood#learnedGaussian}. */
  record LearnedGaussian() implements Likelihood {
    @Override
    public String toString() {
      return "gaussian";
    }
  }
}
