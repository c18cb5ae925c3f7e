package dev.clessidra.models.training;

/**
 * A training whose loss is no finite number any more: what it has made of the parameters is of no
 * use. A smaller {@link Trainer#learningRate} or a {@link Trainer#maximumNorm} may help. The
 * message is one line made to be shown to a person.
 */
public final class DivergedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  DivergedException(double loss, long step) {
    super(
        "the training diverged: the loss is %s at step %d; use a smaller learning rate, or limit the norm of the gradients"
            .formatted(loss, step));
  }
}
