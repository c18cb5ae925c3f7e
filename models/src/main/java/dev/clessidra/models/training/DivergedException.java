package dev.clessidra.models.training;

/**
 * A training whose loss is no finite number any more: what it has made of the parameters is of no
 * use. The message is one line made to be shown to a person.
 */
public final class DivergedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  DivergedException(double loss, long from, long to) {
    super(
        "training: the mean loss of steps %d to %d is %s, it has diverged: train with a lower learning rate, or limit the norm of the gradients"
            .formatted(from, to, loss));
  }
}
