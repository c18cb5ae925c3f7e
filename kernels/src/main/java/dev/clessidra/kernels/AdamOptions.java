package dev.clessidra.kernels;

/**
 * Constants of Adam and AdamW.
 *
 * @param beta1 decay rate of the first moment, usually 0.9
 * @param beta2 decay rate of the second moment, usually 0.999
 * @param epsilon added to the root of the second moment, usually 1e-8
 * @param weightDecay 0 for none
 * @param decoupled whether the decay acts on the parameter alone (AdamW) or joins the gradient
 */
public record AdamOptions(
    float beta1, float beta2, float epsilon, float weightDecay, boolean decoupled) {}
