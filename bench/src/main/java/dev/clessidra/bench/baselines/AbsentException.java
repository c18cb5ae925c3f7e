package dev.clessidra.bench.baselines;

/** Says in one line why a baseline is not there, and what would help. */
public final class AbsentException extends Exception {
  private static final long serialVersionUID = 1;

  /** Takes the reason, without the baseline's name. */
  public AbsentException(String reason) {
    super(reason);
  }

  /** Takes the error of a loader: its first line is the reason. */
  public AbsentException(String what, Throwable cause) {
    super(what + ": " + firstLine(cause), cause);
  }

  private static String firstLine(Throwable cause) {
    String message = cause.getMessage();
    return message == null
        ? cause.getClass().getSimpleName()
        : message.strip().lines().findFirst().orElse("");
  }
}
