package dev.clessidra.kernels;

/** A device that cannot be had or has failed; the message is one line that says what to do. */
public class DeviceException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** Makes an exception with a message. */
  public DeviceException(String message) {
    super(message);
  }

  /** Makes an exception with a message and what led to it. */
  public DeviceException(String message, Throwable cause) {
    super(message, cause);
  }
}
