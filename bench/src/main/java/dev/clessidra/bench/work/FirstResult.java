package dev.clessidra.bench.work;

import dev.clessidra.kernels.Device;
import dev.clessidra.models.Autoencoder;
import java.nio.file.Path;

/** The program whose start is timed: loads a model and prints what it makes of one image. */
public final class FirstResult {
  private FirstResult() {}

  /** Arguments: the model's file, the device. */
  public static void main(String[] arguments) {
    try (Device device = Device.open(arguments[1]);
        Autoencoder model = Autoencoder.load(Path.of(arguments[0]), device)) {
      print(model.reconstruct(image(model.inputs())));
    }
  }

  /** Prints the first pixels of a restored image. */
  public static void print(float[] restored) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < ColdStart.PRINTED; i++) {
      line.append(restored[i]).append(' ');
    }
    System.out.println(line);
  }

  /** An image from dark to light. */
  public static float[] image(int pixels) {
    float[] image = new float[pixels];
    for (int i = 0; i < pixels; i++) {
      image[i] = (i + 1f) / pixels;
    }
    return image;
  }
}
