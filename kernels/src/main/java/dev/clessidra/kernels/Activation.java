package dev.clessidra.kernels;

import java.util.Objects;

/**
 * An activation with its parameter.
 *
 * @param function the function
 * @param slope the slope below zero of {@link ActivationFunction#LEAKY_RELU}, 0 for the others
 */
public record Activation(ActivationFunction function, float slope) {
  /** Leaves values as they are. */
  public static final Activation IDENTITY = new Activation(ActivationFunction.IDENTITY, 0);

  /** Rectified linear unit. */
  public static final Activation RELU = new Activation(ActivationFunction.RELU, 0);

  /** Logistic function. */
  public static final Activation SIGMOID = new Activation(ActivationFunction.SIGMOID, 0);

  /** Hyperbolic tangent. */
  public static final Activation TANH = new Activation(ActivationFunction.TANH, 0);

  /** Smooth rectifier. */
  public static final Activation SOFTPLUS = new Activation(ActivationFunction.SOFTPLUS, 0);

  /**
   * Checks the slope.
   *
   * @throws IllegalArgumentException if the slope is negative or not finite, or not 0 although the
   *     function has none. (A negative slope would give negative inputs a positive output, and the
   *     derivative is taken from the output's sign.)
   */
  public Activation {
    Objects.requireNonNull(function, "function");
    if (!(slope >= 0 && slope < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "Activation slope is " + slope + ": expected a finite number of 0 or more.");
    }
    if (slope != 0 && function != ActivationFunction.LEAKY_RELU) {
      throw new IllegalArgumentException(
          "Activation %s has no slope, but %s was given: use 0.".formatted(function, slope));
    }
  }

  /**
   * Returns a leaky rectified linear unit.
   *
   * @param slope the factor of negative values, usually 0.01
   */
  public static Activation leakyRelu(float slope) {
    return new Activation(ActivationFunction.LEAKY_RELU, slope);
  }
}
