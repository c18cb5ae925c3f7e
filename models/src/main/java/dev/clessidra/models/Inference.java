package dev.clessidra.models;

import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;
import dev.clessidra.models.training.DeviceData;
import java.util.Arrays;

/** Runs a trained model over many samples, some at a time. */
final class Inference {
  // Enough for the matrix product, little in memory.
  static final int ROWS = 1000;

  private Inference() {}

  /**
   * A function of each sample.
   *
   * @param kind of model, for messages
   * @param samples [n, inputs] row by row
   * @return [n, outputs] row by row
   * @throws IllegalArgumentException when the samples are not whole rows, or a number is not finite
   */
  static float[] inBlocks(
      Device device,
      String kind,
      float[] samples,
      int inputs,
      int outputs,
      DeviceData.Transformation function) {
    return inBlocks(
        device,
        kind,
        samples,
        inputs,
        outputs,
        (tape, first, block) -> function.apply(tape, block));
  }

  /** A function of a block of samples on a tape, and of the number of its first sample. */
  @FunctionalInterface
  interface NumberedTransformation {
    Tensor apply(Tape tape, int first, Tensor block);
  }

  /** As the other form, for a function that differs from block to block, such as noise. */
  static float[] inBlocks(
      Device device,
      String kind,
      float[] samples,
      int inputs,
      int outputs,
      NumberedTransformation function) {
    require(kind, samples, inputs);
    int count = samples.length / inputs;
    float[] results = new float[Math.multiplyExact(count, outputs)];
    for (int first = 0; first < count; first += ROWS) {
      int rows = Math.min(ROWS, count - first);
      try (Scope scope = device.scope()) {
        float[] part = Arrays.copyOfRange(samples, first * inputs, (first + rows) * inputs);
        Tensor block = Tensor.of(device, scope, "samples", Shape.of(rows, inputs), part);
        float[] result = function.apply(Tape.inference(device, scope), first, block).copyToArray();
        System.arraycopy(result, 0, results, first * outputs, result.length);
      }
    }
    return results;
  }

  /** Checks that samples are whole rows of finite numbers. */
  static void require(String kind, float[] samples, int inputs) {
    if (samples.length % inputs != 0) {
      throw new IllegalArgumentException(
          "%s: expected a multiple of %d numbers, got %d".formatted(kind, inputs, samples.length));
    }
    for (int i = 0; i < samples.length; i++) {
      if (!Float.isFinite(samples[i])) {
        throw new IllegalArgumentException(
            "%s: number %d of sample %d is %s: expected finite numbers"
                .formatted(kind, i % inputs, i / inputs, samples[i]));
      }
    }
  }
}
