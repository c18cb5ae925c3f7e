package dev.clessidra.models;

import java.util.Locale;

/** What keeps the code of an autoencoder sparse. */
public sealed interface Sparsity {
  /** No sparsity. */
  static Sparsity none() {
    return new None();
  }

  /** Adds lambda * sum |code| per sample to the loss; lambda at least 0. */
  static Sparsity l1(float lambda) {
    return new L1(lambda);
  }

  /**
   * Adds weight * sum over units of KL(rho || mean activation over the batch) to the loss (Ng,
   * CS294A lecture notes 2011); for a sigmoid code. rho in (0, 1), weight at least 0.
   */
  static Sparsity kullbackLeibler(float rho, float weight) {
    return new KullbackLeibler(rho, weight);
  }

  /**
   * Keeps the k largest activations of each code and sets the others to 0 (Makhzani and Frey,
   * "k-sparse autoencoders", ICLR 2014); after training {@code encodingK} are kept, which that
   * paper finds better above k.
   */
  static Sparsity topK(int k, int encodingK) {
    return new TopK(k, encodingK);
  }

  /**
   * Reads {@code none}, {@code l1:LAMBDA}, {@code kl:RHO,WEIGHT}, {@code topk:K} or {@code
   * topk:K,ENCODING_K}.
   */
  static Sparsity parse(String text) {
    String[] parts = text.trim().toLowerCase(Locale.ROOT).split("[:,]", -1);
    try {
      if (parts[0].equals("none") && parts.length == 1) {
        return none();
      } else if (parts[0].equals("l1") && parts.length == 2) {
        return l1(Float.parseFloat(parts[1]));
      } else if (parts[0].equals("kl") && parts.length == 3) {
        return kullbackLeibler(Float.parseFloat(parts[1]), Float.parseFloat(parts[2]));
      } else if (parts[0].equals("topk") && (parts.length == 2 || parts.length == 3)) {
        return topK(Integer.parseInt(parts[1]), Integer.parseInt(parts[parts.length - 1]));
      }
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "sparsity '" + text + "' has a number that cannot be read: " + e.getMessage(), e);
    }
    throw new IllegalArgumentException(
        "sparsity '"
            + text
            + "' is unknown; expected none, l1:LAMBDA, kl:RHO,WEIGHT, topk:K or topk:K,ENCODING_K");
  }

  /** No sparsity. */
  record None() implements Sparsity {
    @Override
    public String toString() {
      return "none";
    }
  }

  /** See {@link Sparsity#l1}. */
  record L1(float lambda) implements Sparsity {
    /** Checks the range. */
    public L1 {
      if (!(lambda >= 0) || Float.isInfinite(lambda)) {
        throw new IllegalArgumentException("sparsity: lambda must be at least 0, got " + lambda);
      }
    }

    @Override
    public String toString() {
      return "l1:" + lambda;
    }
  }

  /** See {@link Sparsity#kullbackLeibler}. */
  record KullbackLeibler(float rho, float weight) implements Sparsity {
    /** Checks the ranges. */
    public KullbackLeibler {
      if (!(rho > 0 && rho < 1)) {
        throw new IllegalArgumentException("sparsity: rho must be in (0, 1), got " + rho);
      }
      if (!(weight >= 0) || Float.isInfinite(weight)) {
        throw new IllegalArgumentException("sparsity: weight must be at least 0, got " + weight);
      }
    }

    @Override
    public String toString() {
      return "kl:" + rho + "," + weight;
    }
  }

  /** See {@link Sparsity#topK}. */
  record TopK(int k, int encodingK) implements Sparsity {
    /** Checks the ranges. */
    public TopK {
      if (k < 1 || encodingK < 1) {
        throw new IllegalArgumentException(
            "sparsity: k must be at least 1, got " + Math.min(k, encodingK));
      }
    }

    @Override
    public String toString() {
      return "topk:" + k + "," + encodingK;
    }
  }
}
