package dev.clessidra.kernels;

/**
 * A region of device memory with a label. It is made by a {@link Scope}, which owns it: closing the
 * scope closes the buffer, {@link #close()} does so earlier. A {@link #slice} is a view of part of
 * a buffer; it is open as long as that is.
 *
 * <p>Using a closed buffer is an {@link IllegalStateException} that names it, and with {@link
 * DeviceOptions#debug()} where it was made and closed.
 *
 * <p>May be used by several threads; closing has to come after every other use.
 */
public final class Buffer implements AutoCloseable {
  private final Region region;
  private final long offset;
  private final long byteSize;
  private final boolean slice;

  Buffer(Region region) {
    this(region, 0, region.byteSize(), false);
  }

  private Buffer(Region region, long offset, long byteSize, boolean slice) {
    this.region = region;
    this.offset = offset;
    this.byteSize = byteSize;
    this.slice = slice;
  }

  /**
   * Returns where the buffer starts in device memory. The address can change once: when the {@link
   * Program} in whose capture the buffer was made is complete.
   *
   * @throws IllegalStateException if the buffer is closed
   */
  public long address() {
    return region.address() + offset;
  }

  /** Returns the size in bytes. */
  public long byteSize() {
    return byteSize;
  }

  /** Returns the label given when it was made. */
  public String label() {
    return region.label();
  }

  /**
   * Returns a view of a part.
   *
   * @throws IndexOutOfBoundsException if the part is not inside
   * @throws IllegalStateException if the buffer is closed
   */
  public Buffer slice(long byteOffset, long byteSize) {
    requireOpen();
    if (byteOffset < 0 || byteSize < 0 || byteSize > this.byteSize - byteOffset) {
      throw new IndexOutOfBoundsException(
          "Slice of %d bytes at %d is not inside buffer '%s' of %d bytes."
              .formatted(byteSize, byteOffset, label(), this.byteSize));
    }
    return new Buffer(region, offset + byteOffset, byteSize, true);
  }

  /** Returns whether the buffer, or the one this is a slice of, has not been closed. */
  public boolean isOpen() {
    return region.isOpen();
  }

  /** Gives the memory back. Closing a slice, or a second time, does nothing. */
  @Override
  public void close() {
    if (!slice) {
      region.memory().release(region, "it was closed");
    }
  }

  @Override
  public String toString() {
    return "Buffer '%s' (%d bytes%s)".formatted(label(), byteSize, isOpen() ? "" : ", closed");
  }

  void requireOpen() {
    region.requireOpen();
  }

  Region region() {
    return region;
  }
}
