/**
 * How fast Clessidra is, alone and beside other libraries: what is timed ({@link
 * dev.clessidra.bench.work}), who does it ({@link dev.clessidra.bench.baselines}), how it is
 * measured and told.
 */
package dev.clessidra.bench;
