package dev.clessidra.kernels;

/** The memory behind a buffer and its slices. {@link DeviceMemory} changes it under its lock. */
final class Region {
  private final DeviceMemory memory;
  private final String label;
  private final long byteSize;
  private final String madeAt;
  private volatile long address;
  private volatile String closedBecause;

  // Guarded by the device memory's lock.
  MemoryPool.Block block;
  Scope owner;
  // The capture that it was made in, while that lasts.
  volatile Recording madeIn;

  Region(DeviceMemory memory, String label, long byteSize, String madeAt) {
    this.memory = memory;
    this.label = label;
    this.byteSize = byteSize;
    this.madeAt = madeAt;
  }

  DeviceMemory memory() {
    return memory;
  }

  String label() {
    return label;
  }

  long byteSize() {
    return byteSize;
  }

  boolean isOpen() {
    return closedBecause == null;
  }

  long address() {
    requireOpen();
    return address;
  }

  void moveTo(long newAddress) {
    address = newAddress;
  }

  void markClosed(String because) {
    closedBecause = because;
  }

  void requireOpen() {
    String because = closedBecause;
    if (because != null) {
      throw new IllegalStateException(
          "Buffer '%s' (%d bytes) is used after %s%s."
              .formatted(
                  label, byteSize, because, madeAt.isEmpty() ? "" : "; it was made at " + madeAt));
    }
  }
}
