/** NVIDIA's libraries, through JCublas and JCudnn, on the context and stream of the device. */
package dev.clessidra.bench.baselines.nvidia;
