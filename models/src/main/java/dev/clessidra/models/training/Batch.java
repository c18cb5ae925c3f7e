package dev.clessidra.models.training;

import dev.clessidra.engine.Tensor;
import java.util.Optional;

/**
 * The samples of one training step.
 *
 * @param inputs [batch, ...], FLOAT32
 * @param labels INT32, where the data has labels: [batch], or one for each pixel, [batch, ...]
 * @param weights FLOAT32, of the labels in the loss, where they are not all alike
 */
public record Batch(Tensor inputs, Optional<Tensor> labels, Optional<Tensor> weights) {
  /** The number of samples. */
  public int size() {
    return inputs.shape().dim(0);
  }
}
