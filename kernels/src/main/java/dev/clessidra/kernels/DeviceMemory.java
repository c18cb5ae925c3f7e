package dev.clessidra.kernels;

import java.lang.StackWalker.StackFrame;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The memory of a device: which buffers there are, in which scopes, and what a capture sees of
 * them. Its monitor guards all of this, scopes and regions included.
 */
final class DeviceMemory {

  /** What the device itself can do. */
  interface Hardware extends MemoryPool.Source {
    void fill(long address, long bytes, byte value);

    void copy(long from, long to, long bytes);
  }

  // All bits set is a NaN as a float, -1 as an int.
  private static final byte POISON = (byte) 0xFF;
  private static final int FRAMES_SHOWN = 3;
  private static final Set<String> INTERNAL =
      Set.of(
          DeviceMemory.class.getName(),
          Scope.class.getName(),
          Buffer.class.getName(),
          Recording.class.getName(),
          Program.class.getName());

  private final Hardware hardware;
  private final MemoryPool pool;
  private final boolean debug;
  private final Scope root = new Scope(this, null);
  private final TreeMap<Long, Region> regions = new TreeMap<>();
  private Recording recording;

  DeviceMemory(Hardware hardware, long limit, boolean debug) {
    this.hardware = hardware;
    this.pool = new MemoryPool(hardware, limit, debug);
    this.debug = debug;
  }

  Scope root() {
    return root;
  }

  MemoryPool pool() {
    return pool;
  }

  synchronized Region allocate(Scope scope, String label, long bytes) {
    scope.requireOpen();
    MemoryPool.Block block = pool.allocate(label, bytes);
    Region region = new Region(this, label, bytes, debug ? site() : "");
    region.block = block;
    region.moveTo(block.address());
    regions.put(block.address(), region);
    scope.add(region);
    if (debug) {
      hardware.fill(block.address(), block.bytes(), POISON);
    }
    if (recording != null && recording.isOfThisThread()) {
      recording.allocated(region);
    }
    return region;
  }

  synchronized void release(Region region, String because) {
    if (!region.isOpen()) {
      return;
    }
    region.markClosed(debug ? because + " at " + site() : because);
    region.owner.remove(region);
    if (region.block != null) { // else it lies in a program's arena
      regions.remove(region.block.address());
      pool.release(region.block);
      region.block = null;
    }
  }

  /** Moves an open region, contents included, into memory that something else owns. */
  synchronized void move(Region region, long address) {
    hardware.copy(region.address(), address, region.byteSize());
    regions.remove(region.block.address());
    pool.release(region.block);
    region.block = null;
    region.moveTo(address);
  }

  /** Returns the region whose block an address lies in, or null. */
  synchronized Region find(long address) {
    Map.Entry<Long, Region> entry = regions.floorEntry(address);
    return entry != null && address < entry.getKey() + entry.getValue().block.bytes()
        ? entry.getValue()
        : null;
  }

  synchronized void record(Recording recording) {
    this.recording = recording;
  }

  /** Closes everything; returns the labels of what was still open. */
  synchronized List<String> close() {
    List<String> leaks = root.allRegions().stream().map(Region::label).toList();
    root.close();
    pool.trim();
    return leaks;
  }

  private static String site() {
    return StackWalker.getInstance()
        .walk(frames ->
            frames
                .dropWhile(DeviceMemory::isInternal)
                .limit(FRAMES_SHOWN)
                .map(StackFrame::toString)
                .collect(Collectors.joining(" < ")));
  }

  private static boolean isInternal(StackFrame frame) {
    return INTERNAL.contains(frame.getClassName());
  }
}
