/** What is timed: kernels on operands, training steps, answers of models. */
package dev.clessidra.bench.work;
