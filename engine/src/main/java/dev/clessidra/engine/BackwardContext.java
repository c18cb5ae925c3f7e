package dev.clessidra.engine;

import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Kernels;
import java.util.ArrayList;
import java.util.List;

/**
 * What {@link Operation#backward} works with. Valid during that call only, on the calling thread.
 *
 * <p>Memory: the output's gradient is released when the call returns, unless it was handed on.
 * Where nobody else needs it, its memory may be overwritten ({@link #overwritableGradient}, {@link
 * #inPlaceGradient}), which saves an allocation; do so last, once it is not read any more.
 */
public final class BackwardContext {
  private final Tape tape;
  private final Tape.Node node;
  private final List<Buffer> workspaces = new ArrayList<>();
  private final boolean[] delivered;
  private final Tensor outputGradient;

  BackwardContext(Tape tape, Tape.Node node) {
    this.tape = tape;
    this.node = node;
    this.delivered = new boolean[node.inputs().size()];
    this.outputGradient = node.output().gradient();
  }

  /** The launches of the tape's device. */
  public Kernels kernels() {
    return tape.device().kernels();
  }

  /** The gradient of the loss with respect to the output; of the output's shape. */
  public Tensor outputGradient() {
    return outputGradient;
  }

  /**
   * A tensor kept by the forward computation; 0 for the first.
   *
   * @throws IllegalStateException when it saved fewer
   */
  public Tensor saved(int index) {
    int count = node.saved().size();
    if (index < 0 || index >= count) {
      throw new IllegalStateException(
          "%s: backward asks for saved tensor %d, but forward saved %d: call ForwardContext.save"
                  .formatted(node.operation().name(), index, count)
              + " there");
    }
    return node.saved().get(index);
  }

  /** The number of inputs. */
  public int inputs() {
    return delivered.length;
  }

  /** Whether the gradient of an input is wanted. */
  public boolean needsGradient(int input) {
    return node.inputs().get(input).needsGradient();
  }

  /** The shape of an input (whether or not it was saved). */
  public Shape inputShape(int input) {
    return node.inputs().get(input).shape();
  }

  /** Where the gradient of an input has to be written. */
  public GradientTarget gradient(int input) {
    markDelivered(input);
    return tape.gradientTarget(node.inputs().get(input));
  }

  /**
   * As {@link #gradient}, but the target may be the very memory of {@link #outputGradient} (as a
   * view with the input's shape, {@code beta} 0), when this is the input's first contribution,
   * nobody else needs the output's gradient, and both have the same number of elements. The kernel
   * that writes the target must allow that.
   */
  public GradientTarget inPlaceGradient(int input) {
    markDelivered(input);
    Tape.Value value = node.inputs().get(input);
    if (tape.handOver(node.output(), value)) {
      return new GradientTarget(value.gradient(), 0);
    }
    return tape.gradientTarget(value);
  }

  /**
   * Makes the output's gradient, unchanged, a contribution to the gradient of an input with the
   * same number of elements. It costs nothing where {@link #inPlaceGradient} would work in place.
   */
  public void passGradient(int input) {
    GradientTarget target = inPlaceGradient(input);
    if (target.tensor().root() != outputGradient.root()) {
      outputGradient.addTo(target.tensor(), target.beta());
    }
  }

  /**
   * A tensor of the output's shape for an intermediate gradient that is written element by element
   * from {@link #outputGradient}: the same memory where nobody else needs it, else new memory.
   */
  public Tensor overwritableGradient() {
    return tape.mayOverwriteGradient(node.output())
        ? outputGradient
        : temporary(outputGradient.shape());
  }

  /** A FLOAT32 tensor with undefined contents that is released when the call returns. */
  public Tensor temporary(Shape shape) {
    return Tensor.viewOf(tape.device(), workspace(shape.elements()), label(), shape);
  }

  /**
   * Memory with undefined contents that is released when the call returns.
   *
   * @param floats its size in floats, in which the workspace methods of {@link Kernels} count
   */
  public Buffer workspace(long floats) {
    Buffer buffer = tape.scope().allocate(label(), Math.multiplyExact(floats, Float.BYTES));
    workspaces.add(buffer);
    return buffer;
  }

  private String label() {
    return node.operation().name() + " backward workspace";
  }

  private void markDelivered(int input) {
    if (!needsGradient(input)) {
      throw new IllegalStateException(
          node.operation().name() + ": the gradient of input " + input + " is not wanted");
    }
    if (delivered[input]) {
      throw new IllegalStateException(
          node.operation().name() + ": the gradient of input " + input + " was already given");
    }
    delivered[input] = true;
  }

  void checkDelivered() {
    for (int i = 0; i < delivered.length; i++) {
      if (!delivered[i] && needsGradient(i)) {
        throw new IllegalStateException(
            node.operation().name()
                + ": backward gave no gradient for input "
                + i
                + "; it must give one for each input whose gradient is needed");
      }
    }
  }

  void release() {
    workspaces.forEach(Buffer::close);
  }
}
