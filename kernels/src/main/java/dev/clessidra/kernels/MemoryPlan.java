package dev.clessidra.kernels;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Places of buffers in one arena, such that buffers that are live at the same time do not overlap.
 *
 * <p>Buffers are placed one after the other, the largest first, each at the lowest offset where it
 * fits between those already placed that are live with it.
 */
final class MemoryPlan {
  static final long ALIGNMENT = 256;

  /**
   * When a buffer is live.
   *
   * @param bytes its size
   * @param first index of the first launch that uses it
   * @param last index of the last launch that uses it, not before the first
   */
  record Lifetime(long bytes, int first, int last) {
    boolean overlaps(Lifetime other) {
      return first <= other.last && other.first <= last;
    }

    long alignedBytes() {
      return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
  }

  private final long[] offsets;
  private final long arenaBytes;
  private final long lowerBound;
  private final long total;
  private final int buffers;

  private MemoryPlan(long[] offsets, long arenaBytes, long lowerBound, long total, int buffers) {
    this.offsets = offsets;
    this.arenaBytes = arenaBytes;
    this.lowerBound = lowerBound;
    this.total = total;
    this.buffers = buffers;
  }

  static MemoryPlan of(List<Lifetime> lifetimes) {
    long[] offsets = new long[lifetimes.size()];
    List<Integer> order =
        IntStream.range(0, offsets.length)
            .boxed()
            .sorted(
                Comparator.comparingLong((Integer i) -> lifetimes.get(i).alignedBytes())
                    .reversed()
                    .thenComparingInt(i -> lifetimes.get(i).first()))
            .toList();
    List<Integer> placed = new ArrayList<>(); // by offset
    long arena = 0;
    for (int index : order) {
      Lifetime lifetime = lifetimes.get(index);
      long offset = 0;
      for (int other : placed) {
        Lifetime neighbour = lifetimes.get(other);
        if (lifetime.overlaps(neighbour)) {
          if (offsets[other] - offset >= lifetime.alignedBytes()) {
            break;
          }
          offset = Math.max(offset, offsets[other] + neighbour.alignedBytes());
        }
      }
      offsets[index] = offset;
      arena = Math.max(arena, offset + lifetime.alignedBytes());
      int position = 0;
      while (position < placed.size() && offsets[placed.get(position)] <= offset) {
        position++;
      }
      placed.add(position, index);
    }
    return new MemoryPlan(
        offsets,
        arena,
        lowerBound(lifetimes),
        lifetimes.stream().mapToLong(Lifetime::alignedBytes).sum(),
        (int) lifetimes.stream().filter(lifetime -> lifetime.bytes() > 0).count());
  }

  /** Returns where the buffer with an index in the list starts. */
  long offset(int index) {
    return offsets[index];
  }

  long arenaBytes() {
    return arenaBytes;
  }

  /** Returns the most bytes that are live at one time. */
  long lowerBoundBytes() {
    return lowerBound;
  }

  long totalBytes() {
    return total;
  }

  /** Returns how many buffers take space. */
  int buffers() {
    return buffers;
  }

  private static long lowerBound(List<Lifetime> lifetimes) {
    int launches = lifetimes.stream().mapToInt(Lifetime::last).max().orElse(0) + 1;
    long[] change = new long[launches + 1];
    for (Lifetime lifetime : lifetimes) {
      change[lifetime.first()] += lifetime.alignedBytes();
      change[lifetime.last() + 1] -= lifetime.alignedBytes();
    }
    long live = 0;
    long most = 0;
    for (long bytes : change) {
      live += bytes;
      most = Math.max(most, live);
    }
    return most;
  }
}
