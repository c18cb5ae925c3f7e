package dev.clessidra.kernels;

/**
 * There is not enough device memory. The message says what was asked for, what is allocated,
 * reserved and free, who holds the most, and which setting to turn; or which kernel of a CPU the
 * system has nothing left to work with for. What that kernel writes is then undefined.
 */
public final class OutOfDeviceMemoryException extends DeviceException {
  private static final long serialVersionUID = 1;

  /** Makes an exception with a message. */
  public OutOfDeviceMemoryException(String message) {
    super(message);
  }
}
