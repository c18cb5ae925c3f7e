package dev.clessidra.models.training;

import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import java.lang.foreign.MemorySegment;
import java.util.Collection;
import java.util.Optional;
import java.util.zip.CRC32C;

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
   * A checksum of all that batches are taken from: samples, labels and weights. A training is only
   * resumed with the same.
   */
  String checksum();

  /** Such a {@link #checksum} of the contents of tensors: their CRC-32C. */
  static String checksum(Collection<Tensor> tensors) {
    CRC32C sum = new CRC32C();
    for (Tensor tensor : tensors) {
      int count = tensor.shape().dim(0);
      long part = 1 << 24; // bytes in memory at a time
      int rows = (int) Math.max(1, count * part / Math.max(part, tensor.byteSize()));
      for (int first = 0; first < count; first += rows) {
        Tensor block = tensor.slice(first, Math.min(rows, count - first));
        byte[] bytes = new byte[Math.toIntExact(block.byteSize())];
        block.copyTo(MemorySegment.ofArray(bytes));
        sum.update(bytes);
      }
    }
    return "crc32c:%08x".formatted(sum.getValue());
  }

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
