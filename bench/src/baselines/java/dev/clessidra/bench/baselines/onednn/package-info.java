/** oneDNN as a baseline, through Bytedeco's binding. */
package dev.clessidra.bench.baselines.onednn;
