package dev.clessidra.kernels;

/**
 * How much memory of a device is in use at one moment.
 *
 * <p>The pool <em>reserves</em> segments from the system and cuts them into blocks; a buffer gets a
 * block, and when it is closed the block is free for the next buffer. So {@code reservedBytes -
 * allocatedBytes} is what the pool holds for later, and {@code largestFreeBlock} the most that one
 * buffer can get of it. Not counted is what a CPU's kernels work with: up to some megabytes of each
 * thread that launches or computes, see {@link Device#trim()}.
 *
 * @param allocatedBytes bytes of the blocks that buffers hold, rounded up to 512 each
 * @param reservedBytes bytes of all segments
 * @param peakAllocatedBytes the largest {@code allocatedBytes} so far
 * @param largestFreeBlock bytes of the largest block that no buffer holds
 * @param liveBuffers blocks that are held. The memory of a {@link Program} is one of them.
 * @param requests how often a block was asked for so far
 * @param segments how many segments are reserved
 */
public record MemoryStatistics(
    long allocatedBytes,
    long reservedBytes,
    long peakAllocatedBytes,
    long largestFreeBlock,
    int liveBuffers,
    long requests,
    int segments) {}
