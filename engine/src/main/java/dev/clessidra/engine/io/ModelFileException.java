package dev.clessidra.engine.io;

/**
 * A model file that cannot be read or written, or does not fit what it is loaded into. The message
 * is one line: the file, what is wrong, what was expected.
 */
public final class ModelFileException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** With a message of one line. */
  public ModelFileException(String message) {
    super(message);
  }

  /** With a message of one line and what caused it. */
  public ModelFileException(String message, Throwable cause) {
    super(message, cause);
  }
}
