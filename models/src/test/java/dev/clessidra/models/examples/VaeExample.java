package dev.clessidra.models.examples;

import dev.clessidra.kernels.Device;
import dev.clessidra.models.CodeInterpolation;
import dev.clessidra.models.Vae;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.data.Mnist;
import dev.clessidra.models.report.ImageGrid;
import dev.clessidra.models.training.Trainer;
import java.nio.file.Path;

/** A variational autoencoder: its bound, new digits, and the way from one digit to another. */
final class VaeExample {
  private VaeExample() {}

  /** Takes the folder for the model and a picture. */
  public static void main(String[] arguments) {
    Path folder = Path.of(arguments[0]);
    Dataset digits = Mnist.sample();
    ImageData test = digits.test();
    try (Device device = Device.open("auto");
        Vae vae = Vae.builder().image(28, 28, 1).hidden(200).latent(20).build(device)) {
      Trainer.of(vae).data(digits).batch(100).learningRate(3e-3).epochs(2).run();
      Vae.Elbo bound = vae.elbo(test, 1);
      System.out.printf(
          "test ELBO %.1f nats: %.1f of the reconstruction, %.1f of the divergence%n",
          bound.total(), bound.logLikelihood(), bound.divergence());
      float[] from = vae.encode(test.subset(0, 1));
      float[] to = vae.encode(test.subset(1, 2));
      ImageGrid.builder("", 28, 28, 1)
          .row("new digits", vae.sample(12, 1))
          .row("a walk", vae.interpolate(from, to, 12, CodeInterpolation.SPHERICAL))
          .build()
          .writePng(folder.resolve("digits.png"));
      vae.save(folder.resolve("vae.safetensors"));
    }
  }
}
