package dev.clessidra.models;

import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Constants of enums by the names that files and the command line use. */
final class Choices {
  private Choices() {}

  /** The name of a constant, such as {@code cross-entropy}. */
  static String label(Enum<?> choice) {
    return choice.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /**
   * The constant of a {@link #label}.
   *
   * @param what is chosen, for the message
   * @param choices at least two
   * @throws IllegalArgumentException when there is none
   */
  static <E extends Enum<E>> E parse(String what, String label, E[] choices) {
    for (E choice : choices) {
      if (label(choice).equals(label.trim().toLowerCase(Locale.ROOT))) {
        return choice;
      }
    }
    List<String> labels = Stream.of(choices).map(Choices::label).toList();
    throw new IllegalArgumentException(
        "%s '%s' is unknown; expected %s or %s"
            .formatted(
                what,
                label,
                String.join(", ", labels.subList(0, labels.size() - 1)),
                labels.getLast()));
  }
}
