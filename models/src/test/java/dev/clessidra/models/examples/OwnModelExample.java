package dev.clessidra.models.examples;

import dev.clessidra.kernels.Device;
import dev.clessidra.models.training.DeviceData;
import dev.clessidra.models.training.Trainer;
import java.nio.file.Path;
import java.util.Random;

/** Trains a {@link Denoiser} of waves, saves it, loads it and asks it for an answer. */
final class OwnModelExample {
  private static final int SIZE = 32;

  private OwnModelExample() {}

  /** Takes the file to save the model in. */
  public static void main(String[] arguments) {
    Path file = Path.of(arguments[0]);
    Random random = new Random(1);
    float[] waves = waves(4096, random);
    float[] clean = waves(100, random);
    float[] noisy = clean.clone();
    for (int i = 0; i < noisy.length; i++) {
      noisy[i] += 0.3f * (float) random.nextGaussian();
    }
    try (Device device = Device.open("auto")) {
      try (Denoiser model = Denoiser.of(device, SIZE, 64, 0.3f, 7);
          DeviceData data = DeviceData.of(device, waves, SIZE)) {
        Trainer.of(model).data(data).batch(128).steps(1000).learningRate(3e-3).run();
        model.save(file);
      }
      try (Denoiser model = Denoiser.load(file, device)) {
        float[] denoised = model.denoise(noisy);
        System.out.printf(
            "error of new waves: %.3f noisy, %.3f denoised%n",
            error(noisy, clean), error(denoised, clean));
      }
    }
  }

  /** Sines of random frequency and phase, [count, SIZE] row by row. */
  private static float[] waves(int count, Random random) {
    float[] waves = new float[count * SIZE];
    for (int row = 0; row < count; row++) {
      double phase = 2 * Math.PI * random.nextDouble();
      double frequency = 0.1 + 0.3 * random.nextDouble();
      for (int i = 0; i < SIZE; i++) {
        waves[row * SIZE + i] = (float) Math.sin(phase + frequency * i);
      }
    }
    return waves;
  }

  /** The root of the mean squared difference. */
  private static double error(float[] values, float[] expected) {
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      sum += Math.pow(values[i] - expected[i], 2);
    }
    return Math.sqrt(sum / values.length);
  }
}
