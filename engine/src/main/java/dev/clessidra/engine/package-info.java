/**
 * Tensors in device memory and reverse-mode automatic differentiation: {@link
 * dev.clessidra.engine.Tape} runs operations and computes gradients, {@link
 * dev.clessidra.engine.Parameters} holds what is trained, {@link
 * dev.clessidra.engine.TrainingState} what changes from step to step, and {@link
 * dev.clessidra.engine.Operation} is how new operations are added, which {@link
 * dev.clessidra.engine.GradientCheck} tests.
 */
package dev.clessidra.engine;
