package dev.clessidra.engine;

/**
 * Where the gradient of an input goes: {@code tensor = beta * tensor + contribution}.
 *
 * @param tensor memory of the input's shape; its contents are undefined when {@code beta} is 0
 * @param beta 0 for the first contribution, 1 for later ones, which are added in place
 */
public record GradientTarget(Tensor tensor, float beta) {}
