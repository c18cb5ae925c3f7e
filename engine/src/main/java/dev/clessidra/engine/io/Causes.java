package dev.clessidra.engine.io;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.util.Locale;
import java.util.Objects;

/** Says in few words why a file was not read or written, without a file's name. */
final class Causes {
  private Causes() {}

  static String of(IOException problem) {
    return switch (problem) {
      case ClosedByInterruptException _ -> "the thread was interrupted";
      case AccessDeniedException _ -> "permission denied";
      case FileSystemException e when e.getReason() != null -> inSentence(e.getReason());
      case FileNotFoundException e when e.getMessage() != null -> inSentence(reason(e));
      default ->
          inSentence(
              Objects.requireNonNullElse(
                  problem.getMessage(), "an error of the type " + problem.getClass().getName()));
    };
  }

  /** A stream's message is the file's name and, in parentheses, what the system says. */
  private static String reason(FileNotFoundException e) {
    String message = e.getMessage();
    return message.substring(
        message.lastIndexOf('(') + 1, message.length() - (message.endsWith(")") ? 1 : 0));
  }

  private static String inSentence(String text) {
    return text.isEmpty()
        ? text
        : text.substring(0, 1).toLowerCase(Locale.ROOT) + text.substring(1);
  }
}
