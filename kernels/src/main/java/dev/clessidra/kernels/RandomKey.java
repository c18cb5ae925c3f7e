package dev.clessidra.kernels;

/**
 * What random numbers are drawn from, besides the step in device memory and the element's index.
 *
 * @param seed the key of Philox 4x32-10, all 64 bits
 * @param stream tells uses of one seed apart, all 32 bits
 */
public record RandomKey(long seed, int stream) {}
