package dev.clessidra.models.examples;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.analysis.PrincipalComponents;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.data.Mnist;
import dev.clessidra.models.training.Trainer;

/** A deep autoencoder with 30 numbers in its code, beside 30 principal components. */
final class DeepExample {
  private DeepExample() {}

  public static void main(String[] arguments) {
    Dataset digits = Mnist.sample();
    try (Device device = Device.open("auto");
        Autoencoder model =
            Autoencoder.builder(784)
                .encoder(500, 250, 30)
                .activation(Activation.TANH)
                .tied(true)
                .build(device)) {
      Trainer.of(model).data(digits).learningRate(2e-3).average(0.99).epochs(3).run();
      PrincipalComponents components = PrincipalComponents.fit(digits.train(), 30);
      System.out.printf(
          "squared error of a test digit: %.1f, of its principal components %.1f%n",
          model.squaredError(digits.test()), components.squaredError(digits.test()));
    }
  }
}
