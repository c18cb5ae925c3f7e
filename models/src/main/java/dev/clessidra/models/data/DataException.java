package dev.clessidra.models.data;

/**
 * Data that cannot be read or written. The message is one line made to be shown to a person: which
 * file, what is wrong with it, what was expected and what to do.
 */
public final class DataException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** A failure that {@code message} tells completely. */
  public DataException(String message) {
    super(message);
  }

  /** A failure that {@code message} tells completely, with the exception that led to it. */
  public DataException(String message, Throwable cause) {
    super(message, cause);
  }
}
