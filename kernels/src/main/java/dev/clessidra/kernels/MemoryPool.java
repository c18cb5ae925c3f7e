package dev.clessidra.kernels;

import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * A caching allocator. Sizes are rounded up to 512 bytes; a block is cut from the smallest free
 * block that holds it, and free neighbours are joined again. Memory comes from the system in
 * segments of a multiple of 2 MiB, which stay until {@link #trim()} or until there is no room.
 * Blocks of up to 1 MiB have segments of their own, so that they do not break up large ones.
 *
 * <p>Thread-safe. Not in order with a stream's work: a block may be given out again while a kernel
 * that was launched earlier still uses it, which is right as long as there is one ordered stream.
 */
final class MemoryPool {
  static final long ROUNDING = 512;
  static final long SEGMENT = 2L << 20;
  static final long LARGEST_SMALL = 1L << 20;

  private static final int OWNERS_SHOWN = 5;

  /** Where segments come from. */
  interface Source {
    /** Returns the address of new memory, 0 when there is none. */
    long allocate(long bytes);

    /** Gives memory back; of so many bytes as were asked for. */
    void free(long address, long bytes);

    /** Gives back what is kept to work with, apart from what was asked for here. */
    default void trim() {}
  }

  /** A part of a segment, held by a buffer or free. */
  static final class Block {
    private final long address;
    private final boolean small;
    private long bytes;
    private Block previous; // neighbours in the segment
    private Block next;
    private String label; // null while free

    private Block(long address, long bytes, boolean small) {
      this.address = address;
      this.bytes = bytes;
      this.small = small;
    }

    long address() {
      return address;
    }

    long bytes() {
      return bytes;
    }
  }

  private static final Comparator<Block> BY_SIZE =
      Comparator.comparingLong(Block::bytes).thenComparingLong(Block::address);

  private final Source source;
  private final long limit;
  private final boolean exact;
  private final TreeSet<Block> freeSmall = new TreeSet<>(BY_SIZE);
  private final TreeSet<Block> freeLarge = new TreeSet<>(BY_SIZE);
  private final Set<Block> held = new LinkedHashSet<>();
  private long allocated;
  private long reserved;
  private long peak;
  private long requests;
  private int segments;

  /**
   * Makes an empty pool.
   *
   * @param limit the most bytes to take from {@code source}
   * @param exact whether each block is taken from there by itself, of just its bytes, and not given
   *     out again: tools that watch memory, as sanitizers do, then see who reads beyond it
   */
  MemoryPool(Source source, long limit, boolean exact) {
    this.source = source;
    this.limit = limit;
    this.exact = exact;
  }

  /**
   * Returns a block of at least so many bytes.
   *
   * @throws OutOfDeviceMemoryException if there is none
   */
  synchronized Block allocate(String label, long bytes) {
    requests++;
    Block block = exact ? single(label, bytes) : pooled(label, bytes);
    block.label = label;
    held.add(block);
    allocated += block.bytes;
    peak = Math.max(peak, allocated);
    return block;
  }

  private Block single(String label, long bytes) {
    giveBackSegments();
    return newSegment(label, bytes, Math.max(bytes, 1), false);
  }

  private Block pooled(String label, long bytes) {
    long size = roundUp(label, Math.max(bytes, 1), ROUNDING);
    boolean small = size <= LARGEST_SMALL;
    TreeSet<Block> free = small ? freeSmall : freeLarge;
    Block block = free.ceiling(new Block(0, size, small));
    if (block == null) {
      block = newSegment(label, bytes, roundUp(label, size, SEGMENT), small);
    } else {
      free.remove(block);
    }
    // What would serve no request is not split off.
    if (block.bytes - size >= (small ? ROUNDING : LARGEST_SMALL + ROUNDING)) {
      Block rest = new Block(block.address + size, block.bytes - size, small);
      rest.previous = block;
      rest.next = block.next;
      if (rest.next != null) {
        rest.next.previous = rest;
      }
      block.next = rest;
      block.bytes = size;
      free.add(rest);
    }
    return block;
  }

  /** Takes a block back. */
  synchronized void release(Block block) {
    if (!held.remove(block)) {
      throw new IllegalStateException("Block at %x is not held.".formatted(block.address));
    }
    allocated -= block.bytes;
    block.label = null;
    TreeSet<Block> free = block.small ? freeSmall : freeLarge;
    Block joined = block;
    if (block.previous != null && block.previous.label == null) {
      joined = block.previous;
      free.remove(joined);
      join(joined, block);
    }
    if (joined.next != null && joined.next.label == null) {
      Block next = joined.next;
      free.remove(next);
      join(joined, next);
    }
    free.add(joined);
  }

  /** Gives segments that no block of is held back to the system, and what the source keeps. */
  synchronized void trim() {
    giveBackSegments();
    source.trim();
  }

  private void giveBackSegments() {
    for (TreeSet<Block> free : List.of(freeSmall, freeLarge)) {
      free.removeIf(block -> {
        boolean whole = block.previous == null && block.next == null;
        if (whole) {
          source.free(block.address, block.bytes);
          reserved -= block.bytes;
          segments--;
        }
        return whole;
      });
    }
  }

  synchronized MemoryStatistics statistics() {
    return new MemoryStatistics(
        allocated, reserved, peak, largestFree(), held.size(), requests, segments);
  }

  private Block newSegment(String label, long bytes, long segment, boolean small) {
    long address = reserve(segment);
    if (address == 0) {
      trim();
      address = reserve(segment);
    }
    if (address == 0) {
      throw new OutOfDeviceMemoryException(outOfMemory(label, bytes));
    }
    reserved += segment;
    segments++;
    return new Block(address, segment, small);
  }

  private long reserve(long segment) {
    return segment > limit - reserved ? 0 : source.allocate(segment);
  }

  private static void join(Block first, Block second) {
    first.bytes += second.bytes;
    first.next = second.next;
    if (first.next != null) {
      first.next.previous = first;
    }
  }

  private long largestFree() {
    return Math.max(largest(freeSmall), largest(freeLarge));
  }

  private static long largest(NavigableSet<Block> free) {
    return free.isEmpty() ? 0 : free.last().bytes;
  }

  private long roundUp(String label, long bytes, long multiple) {
    long rounded = (bytes + multiple - 1) / multiple * multiple;
    if (rounded < bytes) {
      throw new OutOfDeviceMemoryException(outOfMemory(label, bytes));
    }
    return rounded;
  }

  private String outOfMemory(String label, long requested) {
    Map<String, Long> owners =
        held.stream()
            .collect(Collectors.groupingBy(b -> b.label, Collectors.summingLong(Block::bytes)));
    String largestOwners =
        owners.entrySet().stream()
            .sorted(
                Map.Entry.<String, Long>comparingByValue()
                    .reversed()
                    .thenComparing(Map.Entry.comparingByKey()))
            .limit(OWNERS_SHOWN)
            .map(owner -> "'%s' %s".formatted(owner.getKey(), readable(owner.getValue())))
            .collect(Collectors.joining(", "));
    NavigableSet<Block> free = requested <= LARGEST_SMALL ? freeSmall : freeLarge;
    return ("Out of device memory: buffer '%s' asks for %s; allocated %s, reserved %s of %s in"
            + " multiples of 2 MiB, largest free block for such sizes %s; largest owners: %s. Lower"
            + " the batch size or the layers' widths%s.")
        .formatted(
            label,
            readable(requested),
            readable(allocated),
            readable(reserved),
            limit == Long.MAX_VALUE ? "all there is" : "a limit of " + readable(limit),
            readable(largest(free)),
            largestOwners.isEmpty() ? "none" : largestOwners,
            limit == Long.MAX_VALUE
                ? ""
                : ", or raise " + DeviceOptions.MEMORY_LIMIT_PROPERTY_NAME);
  }

  /** Returns a size as people read it; exact below 1 MiB. */
  static String readable(long bytes) {
    return bytes < 1 << 20
        ? bytes + " bytes"
        : String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1 << 20));
  }
}
