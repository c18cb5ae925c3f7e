package dev.clessidra.engine.optimizers;

/** Checks of optimizers' settings. */
final class Settings {
  private Settings() {}

  static float fraction(String name, double value) {
    if (!(value >= 0 && value < 1)) {
      throw new IllegalArgumentException("optimizer: " + name + " must be in [0, 1), got " + value);
    }
    return (float) value;
  }

  static float notNegative(String name, double value) {
    if (!(value >= 0 && value <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException(
          "optimizer: " + name + " must be finite and not negative, got " + value);
    }
    return (float) value;
  }
}
