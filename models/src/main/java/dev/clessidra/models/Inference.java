package dev.clessidra.models;

import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.training.DeviceData;
import dev.clessidra.models.training.TrainingData;
import java.util.Arrays;

/**
 * Runs a trained model over any number of samples, some at a time, so that the memory it takes on
 * the device does not grow with their number. Many threads may do so at once.
 */
public final class Inference {
  // Enough for the matrix product, little in memory.
  static final int ROWS = 1000;

  private Inference() {}

  /**
   * A function of each sample.
   *
   * @param model where it runs and what messages name
   * @param samples [n, inputs] row by row
   * @param inputs the numbers of a sample, at least 1
   * @param outputs the numbers of a result
   * @param function gets at most 1000 samples [rows, inputs] on an inference tape, and gives as
   *     many rows of results
   * @return [n, outputs] row by row
   * @throws IllegalArgumentException when the samples are not whole rows, a number is not finite,
   *     or the function gives a result of another size
   * @throws IllegalStateException when the model is closed
   */
  public static float[] inBlocks(
      Model model, float[] samples, int inputs, int outputs, DeviceData.Transformation function) {
    return inBlocks(
        model, samples, inputs, outputs, (tape, first, block) -> function.apply(tape, block));
  }

  /** A function of a block of samples on a tape, and of the number of its first sample. */
  @FunctionalInterface
  interface NumberedTransformation {
    Tensor apply(Tape tape, int first, Tensor block);
  }

  /** As the other form, for a function that differs from block to block, such as noise. */
  static float[] inBlocks(
      Model model, float[] samples, int inputs, int outputs, NumberedTransformation function) {
    require(model, samples, inputs);
    Device device = model.device();
    int count = samples.length / inputs;
    float[] results = new float[Math.multiplyExact(count, outputs)];
    for (int first = 0; first < count; first += ROWS) {
      int rows = Math.min(ROWS, count - first);
      try (Scope scope = device.scope()) {
        float[] part = Arrays.copyOfRange(samples, first * inputs, (first + rows) * inputs);
        Tensor block = Tensor.of(device, scope, "samples", Shape.of(rows, inputs), part);
        Tensor result = function.apply(Tape.inference(device, scope), first, block);
        if (result.shape().elements() != (long) rows * outputs) {
          throw new IllegalArgumentException(
              "%s: the function gave %s for %d samples, expected %d numbers of each"
                  .formatted(model.kind(), result.shape(), rows, outputs));
        }
        System.arraycopy(result.copyToArray(), 0, results, first * outputs, rows * outputs);
      }
    }
    return results;
  }

  /** Checks that images have as many numbers as a model takes. */
  static void require(Model model, ImageData images, int inputs) {
    if (images.imageSize() != inputs) {
      throw new IllegalArgumentException(
          "%s: the images have %d numbers (%dx%d, %d channels): the model takes %d"
              .formatted(
                  model.kind(),
                  images.imageSize(),
                  images.height(),
                  images.width(),
                  images.channels(),
                  inputs));
    }
  }

  /**
   * Checks that a model which takes its samples for probabilities is trained on such.
   *
   * @param loss what takes them so
   * @param instead what takes any numbers
   */
  static void requireProbabilities(TrainingData data, String loss, String instead) {
    TrainingData.Range range = data.range();
    // Not a number is neither.
    if (!(range.least() >= 0 && range.largest() <= 1)) {
      throw new IllegalArgumentException(
          "training: the samples have numbers from %s to %s, %s expects them in [0, 1]: scale them, or use %s"
              .formatted(range.least(), range.largest(), loss, instead));
    }
  }

  /** Checks that samples are probabilities. */
  static void requireProbabilities(Model model, float[] samples, int inputs) {
    for (int i = 0; i < samples.length; i++) {
      if (!(samples[i] >= 0 && samples[i] <= 1)) {
        throw new IllegalArgumentException(
            "%s: number %d of sample %d is %s: expected numbers in [0, 1]"
                .formatted(model.kind(), i % inputs, i / inputs, samples[i]));
      }
    }
  }

  /** Checks that samples are whole rows of finite numbers. */
  static void require(Model model, float[] samples, int inputs) {
    if (samples.length % inputs != 0) {
      throw new IllegalArgumentException(
          "%s: expected a multiple of %d numbers, got %d"
              .formatted(model.kind(), inputs, samples.length));
    }
    for (int i = 0; i < samples.length; i++) {
      if (!Float.isFinite(samples[i])) {
        throw new IllegalArgumentException(
            "%s: number %d of sample %d is %s: expected finite numbers"
                .formatted(model.kind(), i % inputs, i / inputs, samples[i]));
      }
    }
  }
}
