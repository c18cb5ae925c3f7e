package dev.clessidra.models.training;

import dev.clessidra.engine.Tape;
import dev.clessidra.engine.TrainingState;
import java.util.Optional;

/**
 * Samples in device memory, from which a captured step takes its batches. Owns its memory until
 * closed. Reading is safe from several threads.
 */
public interface TrainingData extends AutoCloseable {
  /** The sizes of an image in pixels, and its channels. */
  record ImageShape(int height, int width, int channels) {
    @Override
    public String toString() {
      return height + "x" + width + "x" + channels;
    }
  }

  /** The least and the largest of some numbers. */
  record Range(float least, float largest) {}

  /** The number of samples. */
  int count();

  /** The shape of the samples where they are images; nothing for codes. */
  Optional<ImageShape> imageShape();

  /**
   * The number of classes: each label is below it. More than the largest label + 1 where classes
   * have names; 0 without labels.
   */
  int classes();

  /** The batch of the state's step: each epoch visits every sample once, in an order of its own. */
  Batch batch(Tape tape, int size, TrainingState state);

  /** The mean of each input over all samples, [numbers in a sample]. */
  float[] mean();

  /** What the numbers of all samples are within; of images 0 and 1. */
  Range range();

  /**
   * What of this, beside the samples, decides about a training, such as how images are distorted; a
   * training is only resumed with the same.
   */
  default String settings() {
    return "";
  }

  @Override
  void close();
}
