package dev.clessidra.kernels;

/**
 * Constants of stochastic gradient descent.
 *
 * @param momentum what is kept of the velocity, 0 for none
 * @param weightDecay what is added to the gradient, times the parameter; 0 for none
 * @param nesterov whether the step looks ahead by the velocity (Nesterov 1983)
 */
public record SgdOptions(float momentum, float weightDecay, boolean nesterov) {}
