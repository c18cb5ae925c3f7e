package dev.clessidra.models;

import dev.clessidra.engine.initializers.Initializer;
import dev.clessidra.kernels.Activation;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Activations by the names that files and the command line use. */
public final class Activations {
  private static final String LEAKY_RELU = "leaky-relu";

  private static final Map<String, Activation> BY_NAME =
      Map.of(
          "identity",
          Activation.IDENTITY,
          "relu",
          Activation.RELU,
          LEAKY_RELU,
          Activation.leakyRelu(0.01f),
          "sigmoid",
          Activation.SIGMOID,
          "tanh",
          Activation.TANH,
          "softplus",
          Activation.SOFTPLUS);

  private Activations() {}

  /**
   * The activation of a name: identity, relu, leaky-relu or leaky-relu:SLOPE, sigmoid, tanh,
   * softplus.
   */
  public static Activation parse(String name) {
    String key = name.trim().toLowerCase(Locale.ROOT);
    if (key.startsWith(LEAKY_RELU + ":")) {
      try {
        return Activation.leakyRelu(Float.parseFloat(key.substring(LEAKY_RELU.length() + 1)));
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(
            "activation '" + name + "' needs a number after the colon, such as leaky-relu:0.01", e);
      }
    }
    Activation activation = BY_NAME.get(key);
    if (activation == null) {
      throw new IllegalArgumentException(
          "activation '"
              + name
              + "' is unknown; expected "
              + BY_NAME.keySet().stream().sorted().collect(Collectors.joining(", ")));
    }
    return activation;
  }

  /** The name that {@link #parse} reads back. */
  public static String label(Activation activation) {
    String name = activation.function().name().toLowerCase(Locale.ROOT).replace('_', '-');
    return name.equals(LEAKY_RELU) ? name + ":" + activation.slope() : name;
  }

  /**
   * The usual initialisation of the weights before an activation: He for rectifiers, else Glorot.
   */
  static Initializer initializer(Activation activation) {
    return switch (activation.function()) {
      case RELU, LEAKY_RELU, SOFTPLUS -> Initializer.heNormal();
      case IDENTITY, SIGMOID, TANH -> Initializer.glorotUniform();
    };
  }
}
