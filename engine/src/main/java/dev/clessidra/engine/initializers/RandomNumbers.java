package dev.clessidra.engine.initializers;

import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Distribution;
import dev.clessidra.kernels.RandomKey;
import dev.clessidra.kernels.Scope;

/** Random numbers of step 0. */
final class RandomNumbers {
  private RandomNumbers() {}

  static void draw(
      Tensor target, long seed, int stream, Distribution distribution, float a, float b) {
    try (Scope scope = target.device().scope()) {
      Buffer step = scope.allocate("step 0", Long.BYTES);
      target.device().copyToDevice(new byte[Long.BYTES], step);
      target
          .device()
          .kernels()
          .random(
              distribution,
              target.buffer(),
              step,
              target.shape().elements(),
              new RandomKey(seed, stream),
              a,
              b);
    }
  }

  /** Numbers for all elements of a tensor, whose own contents stay as they are. */
  static float[] drawToHost(
      Tensor like, long seed, int stream, Distribution distribution, float a, float b) {
    try (Scope scope = like.device().scope()) {
      Tensor numbers = Tensor.allocate(like.device(), scope, "random numbers", like.shape());
      draw(numbers, seed, stream, distribution, a, b);
      return numbers.copyToArray();
    }
  }
}
