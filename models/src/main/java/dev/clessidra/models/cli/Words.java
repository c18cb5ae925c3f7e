package dev.clessidra.models.cli;

import dev.clessidra.kernels.Activation;
import dev.clessidra.models.Activations;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Values as text, alike in every locale. */
final class Words {
  private Words() {}

  @SuppressWarnings("AnnotateFormatMethod") // needs a dependency for that one annotation
  static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }

  /** An option's value as the option reads it. */
  static String of(Object value) {
    return switch (value) {
      case List<?> list -> list.stream().map(Words::of).collect(Collectors.joining(","));
      case Activation activation -> Activations.label(activation);
      default -> value.toString();
    };
  }

  /** A number of things, which are named as one of them is. */
  static String count(long number, String thing) {
    return format(number == 1 ? "%d %s" : "%d %ss", number, thing);
  }

  /** Three digits or more. */
  static String number(double value) {
    double magnitude = Math.abs(value);
    return format(magnitude >= 100 ? "%.1f" : magnitude >= 1 ? "%.2f" : "%.4f", value);
  }

  /** A share as per cent. */
  static String percent(double share) {
    return format("%.2f %%", share * 100);
  }

  /** A time such as {@code 12.3 s} or {@code 4 min 10 s}. */
  static String duration(double seconds) {
    if (seconds < 59.95) {
      return format("%.1f s", seconds);
    }
    long whole = Math.round(seconds);
    return whole < 3600
        ? format("%d min %02d s", whole / 60, whole % 60)
        : format("%d h %02d min", whole / 3600, whole / 60 % 60);
  }

  /** A time left such as {@code 1:23}. */
  static String clock(double seconds) {
    long whole = Math.round(seconds);
    return whole < 3600
        ? format("%d:%02d", whole / 60, whole % 60)
        : format("%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
  }

  /** How this program was called, as a shell takes it. */
  static String program() {
    return quoted(Path.of(System.getProperty("clessidra.command", "./clessidra")));
  }

  /** A file as a shell takes it. */
  static String quoted(Path path) {
    String text = path.toString();
    return text.matches("[\\p{Alnum}_./@%+=:,-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
  }
}
