package dev.clessidra.engine.optimizers;

/** Checks of optimizers' settings. */
final class Settings {
  private Settings() {}

  static double fraction(String name, double value) {
    if (!(value >= 0 && value < 1)) {
      throw new IllegalArgumentException("optimizer: " + name + " must be in [0, 1), got " + value);
    }
    return value;
  }

  /** As {@link #fraction}, for what the kernels take as a float, of which 0.99999999 is 1. */
  static float floatFraction(String name, double value) {
    float narrowed = (float) fraction(name, value);
    if (narrowed == 1) {
      throw new IllegalArgumentException(
          "optimizer: " + name + " must be in [0, 1) as a float, got " + value);
    }
    return narrowed;
  }

  static float notNegative(String name, double value) {
    if (!(value >= 0 && value <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException(
          "optimizer: " + name + " must be finite and not negative, got " + value);
    }
    return (float) value;
  }
}
