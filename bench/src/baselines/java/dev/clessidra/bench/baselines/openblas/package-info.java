/** OpenBLAS as a baseline: Bytedeco's build, called without its binding. */
package dev.clessidra.bench.baselines.openblas;
