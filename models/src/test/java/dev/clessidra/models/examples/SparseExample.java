package dev.clessidra.models.examples;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.Reconstruction;
import dev.clessidra.models.Sparsity;
import dev.clessidra.models.analysis.SparsityStatistics;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.data.Mnist;
import dev.clessidra.models.training.Trainer;

/** A k-sparse autoencoder: 15 of 200 units may be active for a digit. */
final class SparseExample {
  private SparseExample() {}

  public static void main(String[] arguments) {
    Dataset digits = Mnist.sample();
    try (Device device = Device.open("auto");
        Autoencoder model =
            Autoencoder.builder(784)
                .encoder(200)
                .sparsity(Sparsity.topK(15, 15))
                .reconstruction(Reconstruction.SQUARED_ERROR)
                .outputActivation(Activation.IDENTITY)
                .tied(true)
                .build(device)) {
      Trainer.of(model).data(digits).learningRate(2e-3).epochs(2).run();
      float[] codes = model.encode(digits.test());
      SparsityStatistics statistics = SparsityStatistics.of(codes, model.codeSize());
      System.out.printf(
          "%.1f of %d units active for an image, %d for none; squared error %.1f%n",
          statistics.meanActive(),
          statistics.units(),
          statistics.deadUnits(),
          model.squaredError(digits.test()));
    }
  }
}
