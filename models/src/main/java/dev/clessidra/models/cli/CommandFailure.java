package dev.clessidra.models.cli;

/**
 * A command that cannot go on. The message is one line for a person: what was wrong, what was
 * expected, what to do.
 */
final class CommandFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  CommandFailure(String message) {
    super(message);
  }

  CommandFailure(String message, Throwable cause) {
    super(message, cause);
  }
}
