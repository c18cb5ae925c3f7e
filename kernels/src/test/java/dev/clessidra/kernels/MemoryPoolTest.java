package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class MemoryPoolTest {
  private static final long MEBIBYTE = 1L << 20;

  /** Addresses of nothing: a pool never looks into its memory. */
  private static final class Addresses implements MemoryPool.Source {
    private final Map<Long, Long> segments = new HashMap<>();
    private long next = 1L << 30;
    private long available = Long.MAX_VALUE;
    private int trims;

    @Override
    public long allocate(long bytes) {
      if (bytes > available) {
        return 0;
      }
      available -= bytes;
      long address = next;
      next += bytes + (1 << 20);
      segments.put(address, bytes);
      return address;
    }

    @Override
    public void free(long address, long bytes) {
      assertThat(segments.remove(address)).isEqualTo(bytes);
      available += bytes;
    }

    @Override
    public void trim() {
      trims++;
    }
  }

  private final Addresses source = new Addresses();
  private final MemoryPool pool = new MemoryPool(source, Long.MAX_VALUE, false);

  @Test
  void sizesAreRoundedUpTo512BytesAndSegmentsTo2Mebibytes() {
    assertThat(pool.allocate("a", 1).bytes()).isEqualTo(512);
    assertThat(pool.allocate("b", 513).bytes()).isEqualTo(1024);
    assertThat(pool.allocate("nothing", 0).bytes()).isEqualTo(512);
    assertThat(pool.statistics().allocatedBytes()).isEqualTo(2048);
    assertThat(pool.statistics().reservedBytes()).isEqualTo(2 * MEBIBYTE);
    assertThat(pool.statistics().segments()).isEqualTo(1);
    pool.allocate("large", 3 * MEBIBYTE);
    assertThat(pool.statistics().reservedBytes()).isEqualTo(6 * MEBIBYTE);
  }

  @Test
  void aFreedBlockIsGivenOutAgain() {
    MemoryPool.Block first = pool.allocate("a", 1000);
    long address = first.address();
    pool.release(first);
    assertThat(pool.allocate("b", 1000).address()).isEqualTo(address);
    assertThat(pool.statistics().requests()).isEqualTo(2);
    assertThat(pool.statistics().segments()).isEqualTo(1);
  }

  @Test
  void theSmallestBlockThatFitsIsSplit() {
    MemoryPool.Block large = pool.allocate("large", 4096);
    pool.allocate("wall", 512);
    MemoryPool.Block fitting = pool.allocate("fitting", 1024);
    pool.allocate("wall", 512);
    long address = fitting.address();
    pool.release(large);
    pool.release(fitting);
    assertThat(pool.allocate("a", 512).address()).isEqualTo(address);
    assertThat(pool.allocate("b", 512).address()).isEqualTo(address + 512);
  }

  @Test
  void freeNeighboursAreJoinedOnBothSides() {
    MemoryPool.Block a = pool.allocate("a", 512);
    MemoryPool.Block b = pool.allocate("b", 512);
    MemoryPool.Block c = pool.allocate("c", 512);
    pool.release(a);
    pool.release(c);
    assertThat(pool.statistics().largestFreeBlock()).isEqualTo(2 * MEBIBYTE - 1024);
    pool.release(b);
    assertThat(pool.statistics().largestFreeBlock()).isEqualTo(2 * MEBIBYTE);
  }

  @Test
  void smallBlocksDoNotBreakUpLargeSegments() {
    MemoryPool.Block large = pool.allocate("large", 8 * MEBIBYTE);
    long address = large.address();
    pool.release(large);
    pool.allocate("small", 512);
    assertThat(pool.allocate("large", 8 * MEBIBYTE).address()).isEqualTo(address);
  }

  @Test
  void trimGivesBackWhatNobodyHolds() {
    MemoryPool.Block small = pool.allocate("small", 512);
    MemoryPool.Block large = pool.allocate("large", 8 * MEBIBYTE);
    pool.release(large);
    pool.trim();
    assertThat(source.segments).hasSize(1);
    assertThat(pool.statistics().reservedBytes()).isEqualTo(2 * MEBIBYTE);
    pool.release(small);
    pool.trim();
    assertThat(source.segments).isEmpty();
    assertThat(source.trims).isEqualTo(2);
    assertThat(pool.statistics())
        .isEqualTo(new MemoryStatistics(0, 0, 8 * MEBIBYTE + 512, 0, 0, 2, 0));
  }

  @Test
  void exactBlocksAreSegmentsThatAreNotGivenOutAgain() {
    MemoryPool exact = new MemoryPool(source, 1000, true);
    MemoryPool.Block block = exact.allocate("a", 999);
    assertThat(source.segments).containsExactly(Map.entry(block.address(), 999L));
    assertThatExceptionOfType(OutOfDeviceMemoryException.class)
        .isThrownBy(() -> exact.allocate("b", 2));
    exact.release(block);
    long other = exact.allocate("c", 999).address();
    assertThat(other).isNotEqualTo(block.address());
    assertThat(source.segments).containsExactly(Map.entry(other, 999L));
  }

  @Test
  void cachedSegmentsAreGivenBackBeforeMemoryIsOut() {
    MemoryPool limited = new MemoryPool(source, 10 * MEBIBYTE, false);
    limited.release(limited.allocate("a", 8 * MEBIBYTE));
    limited.allocate("b", 10 * MEBIBYTE);
    assertThat(limited.statistics().reservedBytes()).isEqualTo(10 * MEBIBYTE);
  }

  @Test
  void theMessageSaysWhoHoldsTheMemoryAndWhatToTurn() {
    MemoryPool limited = new MemoryPool(source, 16 * MEBIBYTE, false);
    limited.allocate("weights", 2 * MEBIBYTE);
    limited.allocate("gradients", 3 * MEBIBYTE);
    limited.allocate("weights", 2 * MEBIBYTE);
    for (int i = 1; i <= 5; i++) {
      limited.allocate("tiny " + i, 512L * i);
    }
    assertThatExceptionOfType(OutOfDeviceMemoryException.class)
        .isThrownBy(() -> limited.allocate("activations", 9 * MEBIBYTE))
        .withMessage(
            "Out of device memory: buffer 'activations' asks for 9.0 MiB; allocated 8.0 MiB,"
                + " reserved 10.0 MiB of a limit of 16.0 MiB in multiples of 2 MiB, largest free"
                + " block for such sizes 0 bytes; largest owners: 'gradients' 4.0 MiB, 'weights'"
                + " 4.0 MiB, 'tiny 5' 2560 bytes, 'tiny 4' 2048 bytes, 'tiny 3' 1536 bytes. Lower"
                + " the batch size or the layers' widths, or raise clessidra.memory.limit.");
    assertThat(limited.statistics().liveBuffers()).isEqualTo(8);
  }

  @Test
  void aMachineWithoutMemoryIsOutOfMemoryToo() {
    source.available = 4 * MEBIBYTE;
    pool.allocate("a", 4 * MEBIBYTE);
    assertThatExceptionOfType(OutOfDeviceMemoryException.class)
        .isThrownBy(() -> pool.allocate("b", 1))
        .withMessageContaining("reserved 4.0 MiB of all there is")
        .withMessageEndingWith("Lower the batch size or the layers' widths.");
    assertThatExceptionOfType(OutOfDeviceMemoryException.class)
        .isThrownBy(() -> pool.allocate("b", Long.MAX_VALUE));
  }

  @Test
  void aBlockIsReleasedOnce() {
    MemoryPool.Block block = pool.allocate("a", 1);
    pool.release(block);
    assertThatIllegalStateException().isThrownBy(() -> pool.release(block));
  }

  @Test
  void heldBlocksNeverOverlapAndAllComesBack() {
    Random random = new Random(1);
    List<MemoryPool.Block> held = new ArrayList<>();
    long peak = 0;
    for (int step = 0; step < 5000; step++) {
      if (held.isEmpty() || random.nextInt(5) < (step < 2500 ? 3 : 2)) {
        long bytes = random.nextInt(4) == 0 ? random.nextInt(5_000_000) : random.nextInt(20_000);
        MemoryPool.Block block = pool.allocate("a", bytes);
        assertThat(block.bytes()).isGreaterThanOrEqualTo(bytes);
        assertThat(overlaps(held, block)).isFalse();
        held.add(block);
      } else {
        pool.release(held.remove(random.nextInt(held.size())));
      }
      long sum = held.stream().mapToLong(MemoryPool.Block::bytes).sum();
      peak = Math.max(peak, sum);
      assertThat(pool.statistics().allocatedBytes()).isEqualTo(sum);
    }
    assertThat(pool.statistics().peakAllocatedBytes()).isEqualTo(peak);
    assertThat(overlaps(held, held.getFirst())).as("the check sees an overlap").isTrue();
    held.forEach(pool::release);
    pool.trim();
    assertThat(source.segments).isEmpty();
  }

  private static boolean overlaps(List<MemoryPool.Block> held, MemoryPool.Block block) {
    return held.stream()
        .anyMatch(other ->
            other.address() < block.address() + block.bytes()
                && block.address() < other.address() + other.bytes());
  }
}
