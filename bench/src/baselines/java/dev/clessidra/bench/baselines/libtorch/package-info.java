/** libtorch as a baseline, through Bytedeco's binding: kernels, training steps and latencies. */
package dev.clessidra.bench.baselines.libtorch;
