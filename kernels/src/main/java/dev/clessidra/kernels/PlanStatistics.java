package dev.clessidra.kernels;

/**
 * The memory plan of a {@link Program}. Sizes are rounded up to the plan's alignment.
 *
 * @param arenaBytes bytes of the one block that holds all buffers made during the capture
 * @param lowerBoundBytes the most bytes that are needed at one time; no plan can do with less
 * @param totalBufferBytes bytes of all the buffers together, what it would take without reuse
 * @param buffers how many buffers have a place in the plan
 * @param launches how many kernels a run launches
 */
public record PlanStatistics(
    long arenaBytes, long lowerBoundBytes, long totalBufferBytes, int buffers, int launches) {}
