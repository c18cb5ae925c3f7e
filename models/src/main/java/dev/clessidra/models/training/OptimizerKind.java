package dev.clessidra.models.training;

import java.util.Locale;

/** The optimizers that a {@link Trainer} offers. */
public enum OptimizerKind {
  /** Adam (Kingma and Ba 2015). */
  ADAM,
  /** Adam with decoupled weight decay (Loshchilov and Hutter 2019). */
  ADAMW,
  /** Stochastic gradient descent with Nesterov momentum 0.9. */
  SGD;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
