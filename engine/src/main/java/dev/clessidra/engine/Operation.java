package dev.clessidra.engine;

import dev.clessidra.kernels.ElementType;
import java.util.List;

/**
 * A differentiable operation. The built-in operations implement this interface, and so do those of
 * an application: {@link Tape#apply} runs either kind.
 *
 * <p>An operation launches kernels and nothing else: it must not copy between host and device nor
 * keep state from one run to the next, so that a step that contains it can be captured. It may hold
 * immutable attributes (a slope, a probability). Implementations are typically records.
 *
 * <p>It has one output. It must not write an input, which others read too, unless it asks for a
 * constant there (running statistics). To return an input itself means that the operation does
 * nothing: {@link #backward} is then not called, and the gradient passes as it is.
 */
public interface Operation {

  /** The name in messages and labels, for example {@code "linear"}. */
  String name();

  /**
   * Whether an input may hold elements of a type; {@link Tape#apply} refuses others before {@link
   * #forward}. FLOAT32 unless an operation says otherwise.
   *
   * @param input 0 for the first
   */
  default boolean accepts(int input, ElementType type) {
    return type == ElementType.FLOAT32;
  }

  /**
   * Computes the output.
   *
   * @param context allocates the output and temporary memory, launches kernels, and keeps what
   *     {@link #backward} needs
   * @param inputs the inputs, checked to be open and of types that it {@link #accepts}: an
   *     operation checks number and shapes, and says in an {@link IllegalArgumentException} what
   *     was given and what was expected
   * @return a tensor from {@link ForwardContext#allocate} or a view of an input; an input itself
   *     only if nothing was launched, allocated or saved
   */
  Tensor forward(ForwardContext context, List<Tensor> inputs);

  /**
   * Computes the gradients of those inputs for which {@link BackwardContext#needsGradient} is true,
   * each through exactly one call of {@link BackwardContext#gradient}, {@link
   * BackwardContext#inPlaceGradient} or {@link BackwardContext#passGradient}. Called once after
   * {@link #forward} when a loss depends on the output, else not at all.
   */
  void backward(BackwardContext context);
}
