/**
 * How fast Clessidra is: JMH benchmarks of kernels and training steps, and {@link
 * dev.clessidra.bench.Measure}, one command that relates them to what the machine can do.
 */
package dev.clessidra.bench;
