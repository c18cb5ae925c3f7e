package dev.clessidra.models;

import dev.clessidra.kernels.Device;
import dev.clessidra.models.data.ImageData;
import java.nio.file.Path;

/**
 * A model that makes codes of samples and samples of codes. The methods here may be called by many
 * threads at once, without a lock; they throw an {@link IllegalArgumentException} when given
 * numbers that are not whole samples or codes, or images of another size than the model's, and an
 * {@link IllegalStateException} when the model is closed.
 */
public sealed interface EncoderDecoder extends Model permits Autoencoder, Vae {
  /** Reads a model of either kind that {@link #save} wrote. */
  static EncoderDecoder load(Path path, Device device) {
    return Configuration.read(path, Autoencoder.KIND, Vae.KIND).kind().equals(Vae.KIND)
        ? Vae.load(path, device)
        : Autoencoder.load(path, device);
  }

  /** The numbers in a sample. */
  int inputs();

  /** The numbers in a code. */
  int codeSize();

  /** The codes of samples, [n, codeSize] row by row, from [n, inputs] row by row. */
  float[] encode(float[] samples);

  /** The codes of images, [n, codeSize] row by row. */
  default float[] encode(ImageData images) {
    requireFit(images);
    return encode(images.floats());
  }

  /** Samples from codes, [n, inputs] row by row, from [n, codeSize] row by row. */
  float[] decode(float[] codes);

  /** What the model makes of samples, [n, inputs] row by row. */
  float[] reconstruct(float[] samples);

  /** What the model makes of images, [n, inputs] row by row. */
  default float[] reconstruct(ImageData images) {
    requireFit(images);
    return reconstruct(images.floats());
  }

  /**
   * The squared error of the reconstructions, summed over the numbers of a sample and averaged over
   * the samples: the measure of Hinton and Salakhutdinov 2006.
   */
  default double squaredError(ImageData images) {
    requireFit(images);
    double sum = 0;
    for (int first = 0; first < images.count(); first += Inference.ROWS) {
      float[] block = images.floats(first, Math.min(first + Inference.ROWS, images.count()));
      float[] output = reconstruct(block);
      for (int i = 0; i < block.length; i++) {
        double difference = (double) output[i] - block[i];
        sum += difference * difference;
      }
    }
    return sum / images.count();
  }

  private void requireFit(ImageData images) {
    switch (this) {
      case Autoencoder model -> Inference.require(model, images, inputs());
      case Vae model -> model.requireFit(images);
    }
  }
}
