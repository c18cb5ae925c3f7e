package dev.clessidra.models.training;

import dev.clessidra.engine.Tensor;
import java.util.Optional;

/**
 * The samples of one training step.
 *
 * @param inputs [batch, size], FLOAT32
 * @param labels [batch], INT32, where the data has labels
 */
public record Batch(Tensor inputs, Optional<Tensor> labels) {
  /** The number of samples. */
  public int size() {
    return inputs.shape().dim(0);
  }
}
