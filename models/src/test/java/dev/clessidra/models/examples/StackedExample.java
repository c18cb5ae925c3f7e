package dev.clessidra.models.examples;

import dev.clessidra.kernels.Device;
import dev.clessidra.models.Classifier;
import dev.clessidra.models.StackedAutoencoder;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.data.Mnist;
import dev.clessidra.models.training.DeviceData;
import dev.clessidra.models.training.Trainer;

/** A denoising stack, trained layer by layer, then fine-tuned as a classifier of digits. */
final class StackedExample {
  private StackedExample() {}

  public static void main(String[] arguments) {
    Dataset digits = Mnist.sample();
    try (Device device = Device.open("auto");
        DeviceData data = DeviceData.of(device, digits.train());
        StackedAutoencoder stack =
            StackedAutoencoder.builder(784).encoder(256, 64).maskingNoise(0.25f).build(device)) {
      stack.pretrain(data, (layer, trainer) -> trainer.epochs(2).batch(64));
      try (Classifier classifier = stack.classifier(Classifier.builder(784, 10).dropout(0.2f))) {
        Trainer.of(classifier).data(data).epochs(3).batch(64).run();
        System.out.printf(
            "%.1f %% of the test digits wrong%n", 100 * classifier.errorRate(digits.test()));
      }
    }
  }
}
