package dev.clessidra.kernels;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.SequencedSet;

/**
 * Owns device memory: everything allocated from a scope, and from its children, is released when
 * the scope is closed.
 *
 * <p>May be used by several threads; closing has to come after every other use.
 */
public final class Scope implements AutoCloseable {
  private final DeviceMemory memory;
  private final Scope parent;

  // Guarded by the device memory's lock.
  private final SequencedSet<Region> regions = new LinkedHashSet<>();
  private final SequencedSet<Scope> children = new LinkedHashSet<>();
  private boolean open = true;

  Scope(DeviceMemory memory, Scope parent) {
    this.memory = memory;
    this.parent = parent;
  }

  /**
   * Allocates memory, aligned to 64 bytes. Its contents are undefined.
   *
   * @param label what it is for, shown in messages
   * @param bytes how much, 0 or more
   * @throws OutOfDeviceMemoryException if there is not enough
   * @throws IllegalStateException if the scope is closed
   */
  public Buffer allocate(String label, long bytes) {
    Objects.requireNonNull(label, "label");
    if (bytes < 0) {
      throw new IllegalArgumentException(
          "Buffer '%s' is to have %d bytes: expected 0 or more.".formatted(label, bytes));
    }
    return new Buffer(memory.allocate(this, label, bytes));
  }

  /**
   * Makes a scope inside this one, closed at the latest with it.
   *
   * @throws IllegalStateException if the scope is closed
   */
  public Scope child() {
    synchronized (memory) {
      requireOpen();
      Scope child = new Scope(memory, this);
      children.add(child);
      return child;
    }
  }

  /**
   * Gives a buffer of this scope to another one, usually a parent, so that it outlives this scope.
   *
   * @throws IllegalArgumentException if this scope does not own the buffer, or the other scope is
   *     of another device
   * @throws IllegalStateException if the buffer or the other scope is closed
   */
  public void promote(Buffer buffer, Scope target) {
    Region region = buffer.region();
    if (target.memory != memory) {
      throw new IllegalArgumentException(
          "Buffer '%s' cannot be promoted to a scope of another device.".formatted(region.label()));
    }
    synchronized (memory) {
      region.requireOpen();
      target.requireOpen();
      if (!regions.remove(region)) {
        throw new IllegalArgumentException(
            "Buffer '%s' is not owned by this scope: promote it from the one that owns it."
                .formatted(region.label()));
      }
      target.add(region);
    }
  }

  /** Returns whether the scope has not been closed. */
  public boolean isOpen() {
    synchronized (memory) {
      return open;
    }
  }

  /** Closes all children and buffers. Closing twice does nothing. */
  @Override
  public void close() {
    synchronized (memory) {
      if (!open) {
        return;
      }
      open = false;
      for (Scope child : List.copyOf(children.reversed())) {
        child.close();
      }
      for (Region region : List.copyOf(regions.reversed())) {
        memory.release(region, "its scope was closed");
      }
      if (parent != null) {
        parent.children.remove(this);
      }
    }
  }

  // What follows is called with the lock held.

  void requireOpen() {
    if (!open) {
      throw new IllegalStateException(
          "Scope is closed: allocate from one that is open, or close it later.");
    }
  }

  void add(Region region) {
    regions.add(region);
    region.owner = this;
  }

  void remove(Region region) {
    regions.remove(region);
    region.owner = null;
  }

  /** Returns the regions of this scope and of all inside it. */
  List<Region> allRegions() {
    List<Region> all = new ArrayList<>(regions);
    for (Scope child : children) {
      all.addAll(child.allRegions());
    }
    return all;
  }
}
