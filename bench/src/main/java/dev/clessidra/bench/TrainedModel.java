package dev.clessidra.bench;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.Binarization;
import dev.clessidra.models.UNet;
import dev.clessidra.models.Vae;
import dev.clessidra.models.data.Mnist;
import dev.clessidra.models.segmentation.DeviceSegmentationData;
import dev.clessidra.models.segmentation.SyntheticCells;
import dev.clessidra.models.training.DeviceData;

/** The models whose training steps are timed, on real digits and synthetic cells. */
public enum TrainedModel {
  /** The autoencoder 784-1000-500-250-30. */
  UNTIED(256, "untied") {
    @Override
    TrainingStep on(Device device) {
      return deepAutoencoder(device, false);
    }
  },
  /** The same with tied weights. */
  TIED(256, "tied") {
    @Override
    TrainingStep on(Device device) {
      return deepAutoencoder(device, true);
    }
  },
  /** 32 and 64 filters of 4 x 4 with stride 2, 256 hidden units, 32 latent, and the mirror. */
  CONVOLUTIONAL_VAE(128, "conv VAE") {
    @Override
    TrainingStep on(Device device) {
      Vae.Builder builder = Vae.builder().convolutions(32, 64).hidden(256).latent(32);
      return variational(device, builder.activation(Activation.RELU));
    }
  },
  /** 784-400-20 and back. */
  DENSE_VAE(128, "dense VAE") {
    @Override
    TrainingStep on(Device device) {
      Vae.Builder builder = Vae.builder().hidden(400).latent(20);
      return variational(device, builder.activation(Activation.RELU));
    }
  },
  /** 784-200-200-50 and back, in small batches of binarized digits (Burda et al. 2015). */
  BURDA_VAE(20, "VAE, batch 20") {
    @Override
    TrainingStep on(Device device) {
      Vae.Builder builder = Vae.builder().hidden(200, 200).latent(50);
      return variational(
          device, builder.activation(Activation.TANH).binarization(Binarization.DYNAMIC));
    }
  },
  /** 256 x 256 pixels, base width 16, four poolings, two classes. */
  U_NET(2, "U-Net") {
    @Override
    TrainingStep on(Device device) {
      UNet model = UNet.builder(1, 2).width(16).depth(4).seed(1).build(device);
      return new TrainingStep(
          model,
          DeviceSegmentationData.builder(new SyntheticCells(256, 256, 1, 0.1).draw(4, 1))
              .build(model),
          batch(),
          0);
    }
  };

  private final int batch;
  private final String label;

  TrainedModel(int batch, String label) {
    this.batch = batch;
    this.label = label;
  }

  /** The samples in a step. */
  int batch() {
    return batch;
  }

  abstract TrainingStep on(Device device);

  TrainingStep deepAutoencoder(Device device, boolean tied) {
    Autoencoder model =
        Autoencoder.builder(784).encoder(1000, 500, 250, 30).tied(tied).seed(1).build(device);
    return TrainingStep.of(model, Mnist.sample().train(), batch);
  }

  TrainingStep variational(Device device, Vae.Builder builder) {
    Vae model = builder.image(28, 28, 1).seed(1).build(device);
    return new TrainingStep(model, DeviceData.of(device, Mnist.sample().train()), batch, 0);
  }

  @Override
  public String toString() {
    return label;
  }
}
