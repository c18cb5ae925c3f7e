package dev.clessidra.engine;

import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.ElementType;

/**
 * A trainable tensor: a view of its {@link Parameters}' values with a view of the same place in
 * their gradients; or one that is not trainable, without gradient. Safe for use by several threads
 * as its {@link Parameters} are.
 */
public final class Parameter extends Tensor {
  private final Tensor gradient; // null for what is never trained
  private final int offset;
  private boolean trainable;
  private boolean gradientWritten;

  /** A view of both arenas; {@code gradients} is null for what is never trained. */
  Parameter(
      Device device,
      Buffer values,
      Buffer gradients,
      Shape shape,
      String name,
      Tensor root,
      int offset) {
    super(device, values, ElementType.FLOAT32, shape, name, root);
    this.offset = offset;
    this.gradient =
        gradients == null ? null : Tensor.viewOf(device, gradients, "gradient of " + name, shape);
    this.trainable = isLearnt();
  }

  /** The name, unique among its {@link Parameters}; the same as {@link #label}. */
  public String name() {
    return label();
  }

  /**
   * The gradient of the last backward computations since the last optimizer step; valid where
   * {@link #hasGradient}.
   *
   * @throws IllegalStateException when it was added as non-trainable
   */
  public Tensor gradient() {
    if (!isLearnt()) {
      throw new IllegalStateException("gradient: " + describe() + " is not trainable");
    }
    return gradient;
  }

  /** Whether a gradient was written since the last optimizer step. */
  public boolean hasGradient() {
    return gradientWritten;
  }

  /**
   * Whether a recording tape computes the gradient of this parameter; true unless switched off or
   * added as non-trainable.
   */
  public boolean isTrainable() {
    return trainable;
  }

  /**
   * Switches the gradient off (a frozen parameter, which an optimizer still treats as one with
   * gradient 0) or on again.
   *
   * @throws IllegalStateException when one that was added as non-trainable is switched on
   */
  public void trainable(boolean value) {
    if (value && !isLearnt()) {
      throw new IllegalStateException(
          "trainable: " + describe() + " was added as non-trainable and has no gradient");
    }
    trainable = value;
  }

  /** Whether it has a gradient at all. */
  boolean isLearnt() {
    return gradient != null;
  }

  /** Floats before this parameter in the arenas. */
  int offset() {
    return offset;
  }

  /** Where the next contribution goes: the first since the last step overwrites. */
  GradientTarget nextContribution() {
    float beta = gradientWritten ? 1 : 0;
    gradientWritten = true;
    return new GradientTarget(gradient, beta);
  }

  void forgetGradient() {
    gradientWritten = false;
  }
}
