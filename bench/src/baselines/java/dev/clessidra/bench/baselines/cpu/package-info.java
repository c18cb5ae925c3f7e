/** What the baselines on the CPU share. */
package dev.clessidra.bench.baselines.cpu;
