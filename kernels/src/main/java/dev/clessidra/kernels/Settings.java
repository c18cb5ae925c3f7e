package dev.clessidra.kernels;

import java.util.Locale;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * Settings by name: a system property, e.g. {@code clessidra.native.folder}, else the environment
 * variable of the same name, {@code CLESSIDRA_NATIVE_FOLDER}. Blank counts as not set.
 */
record Settings(UnaryOperator<String> properties, UnaryOperator<String> environment) {
  static final Settings SYSTEM = new Settings(System::getProperty, System::getenv);

  Optional<String> get(String name) {
    String value = properties.apply(name);
    if (value == null || value.isBlank()) {
      value = environment.apply(name.replace('.', '_').toUpperCase(Locale.ROOT));
    }
    return value == null || value.isBlank() ? Optional.empty() : Optional.of(value.strip());
  }

  /** Returns a whole number from 0 to a maximum. */
  int integer(String name, int fallback, int maximum) {
    return get(name)
        .map(value -> {
          try {
            int number = Integer.parseInt(value);
            if (number >= 0 && number <= maximum) {
              return number;
            }
          } catch (NumberFormatException e) {
            // falls through to the message
          }
          throw new IllegalArgumentException(
              "%s is '%s': expected a whole number from 0 to %d.".formatted(name, value, maximum));
        })
        .orElse(fallback);
  }

  /** Returns a number of bytes, with a suffix K, M or G if wanted. */
  long bytes(String name, long fallback) {
    return get(name)
        .map(value -> {
          String digits = value.toUpperCase(Locale.ROOT);
          int shift =
              switch (digits.charAt(digits.length() - 1)) {
                case 'K' -> 10;
                case 'M' -> 20;
                case 'G' -> 30;
                default -> 0;
              };
          if (shift > 0) {
            digits = digits.substring(0, digits.length() - 1);
          }
          try {
            long number = Long.parseLong(digits);
            if (number > 0 && number <= Long.MAX_VALUE >> shift) {
              return number << shift;
            }
          } catch (NumberFormatException e) {
            // falls through to the message
          }
          throw new IllegalArgumentException(
              "%s is '%s': expected a number of bytes above 0, such as 512M or 8G."
                  .formatted(name, value));
        })
        .orElse(fallback);
  }

  /** Returns whether a setting is {@code true}; anything but true and false is an error. */
  boolean flag(String name) {
    return get(name)
        .map(value ->
            switch (value.toLowerCase(Locale.ROOT)) {
              case "true" -> true;
              case "false" -> false;
              default ->
                  throw new IllegalArgumentException(
                      "%s is '%s': expected true or false.".formatted(name, value));
            })
        .orElse(false);
  }
}
