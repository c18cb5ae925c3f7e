/**
 * Devices that run kernels, their memory, and work that is captured once and replayed.
 *
 * <p>{@link dev.clessidra.kernels.Device} is where to start. Nothing here knows what a gradient is.
 */
package dev.clessidra.kernels;
