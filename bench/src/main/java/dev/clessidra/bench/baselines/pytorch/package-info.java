/** PyTorch, in a process of the machine's Python. */
package dev.clessidra.bench.baselines.pytorch;
