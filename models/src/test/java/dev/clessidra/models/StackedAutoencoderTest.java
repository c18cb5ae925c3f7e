package dev.clessidra.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.training.DeviceData;
import dev.clessidra.models.training.Trainer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class StackedAutoencoderTest {
  private static Device device;

  @BeforeAll
  static void open() {
    device = Device.open("cpu");
  }

  @AfterAll
  static void close() {
    device.close();
  }

  private static StackedAutoencoder.LayerTraining epochs(double count) {
    return (layer, trainer) -> trainer.epochs(count).batch(50);
  }

  @Test
  void theCodesClassifyAndFineTuningImprovesThem() {
    ImageData train = Digits.train(3000);
    ImageData test = Digits.test(500);
    long live = device.memory().liveBuffers();
    try (DeviceData data = DeviceData.of(device, train);
        StackedAutoencoder stack =
            StackedAutoencoder.builder(784).encoder(128, 64).maskingNoise(0.2f).build(device)) {
      assertThat(stack.pretrain(data, epochs(4))).hasSize(2);
      float[] testCodes = stack.encode(test.floats());
      double onCodes;
      try (DeviceData codes = stack.codes(data);
          Classifier probe = Classifier.builder(64, 10).build(device)) {
        assertThat(codes.size()).isEqualTo(64);
        Trainer.of(probe).data(codes).epochs(10).batch(50).learningRate(3e-3).run();
        onCodes = probe.errorRate(testCodes, test.labels());
      }
      try (Classifier classifier = stack.classifier(Classifier.builder(784, 10).dropout(0.2f))) {
        Trainer.of(classifier).data(data).epochs(12).batch(50).run();
        assertThat(onCodes).isLessThan(0.25);
        assertThat(classifier.errorRate(test)).isLessThan(onCodes).isLessThan(0.12);
      }
    }
    assertThat(device.memory().liveBuffers()).isEqualTo(live);
  }

  @Test
  void unrollingAStackRestoresWhatItsLayersRestore() {
    try (DeviceData data = DeviceData.of(device, Digits.train(1000));
        StackedAutoencoder stack =
            StackedAutoencoder.builder(784)
                .encoder(40, 20)
                .activation(Activation.TANH)
                .codeActivation(Activation.IDENTITY)
                .build(device)) {
      stack.pretrain(data, epochs(2));
      float[] x = Digits.test(20).floats();
      float[] code = stack.encode(x);
      float[] restored = stack.layers().getFirst().decode(stack.layers().getLast().decode(code));
      try (Autoencoder deep = stack.unroll()) {
        assertThat(deep.encode(x)).isEqualTo(code);
        assertThat(deep.reconstruct(x)).isEqualTo(restored);
        deep.prepare(data); // must not overwrite what was trained
        assertThat(deep.reconstruct(x)).isEqualTo(restored);
      }
      assertThatThrownBy(() -> stack.classifier(Classifier.builder(784, 10)))
          .hasMessageContaining("needs the same activation in all layers");
    }
  }

  @Test
  void aStoppedPretrainingGoesOnWhereItWas() {
    try (DeviceData data = DeviceData.of(device, Digits.train(500));
        StackedAutoencoder whole = StackedAutoencoder.builder(784).encoder(30, 10).build(device);
        StackedAutoencoder parts = StackedAutoencoder.builder(784).encoder(30, 10).build(device)) {
      whole.pretrain(data, epochs(1));
      parts.pretrain(
          data, (layer, trainer) -> trainer.epochs(1).batch(50).stopWhen(() -> layer == 1));
      assertThat(parts.layers()).hasSize(1);
      assertThatThrownBy(parts::unroll).hasMessageContaining("1 of 2 layers are trained");
      parts.pretrain(data, epochs(1));
      float[] x = Digits.test(5).floats();
      assertThat(parts.encode(x)).isEqualTo(whole.encode(x));
      try (Autoencoder other = Autoencoder.builder(784).encoder(7).build(device)) {
        assertThatThrownBy(() -> parts.add(other)).hasMessageContaining("does not fit");
      }
    }
  }

  @Test
  void aBuiltStackDoesNotChangeWithItsBuilder() {
    StackedAutoencoder.Builder builder = StackedAutoencoder.builder(784).encoder(30, 8);
    try (StackedAutoencoder stack = builder.build(device)) {
      builder.encoder(5).tied(true);
      assertThat(stack.codeSize()).isEqualTo(8);
    }
  }

  @Test
  void mistakesAreNamed() {
    assertThatThrownBy(() -> StackedAutoencoder.builder(0))
        .hasMessage("stacked autoencoder: inputs must be at least 1, got 0");
    assertThatThrownBy(() -> StackedAutoencoder.builder(4).maskingNoise(Float.NaN))
        .hasMessage("stacked autoencoder: masking noise must be in [0, 1), got NaN");
    assertThatThrownBy(() -> StackedAutoencoder.builder(4).build(null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("device");
  }

  @Test
  void aLayerWhoseTrainingFailsIsNotAdded() {
    try (DeviceData data = DeviceData.of(device, Digits.train(500));
        StackedAutoencoder whole = StackedAutoencoder.builder(784).encoder(30, 10).build(device);
        StackedAutoencoder parts = StackedAutoencoder.builder(784).encoder(30, 10).build(device)) {
      whole.pretrain(data, epochs(1));
      long live = device.memory().liveBuffers();
      assertThatThrownBy(() -> parts.pretrain(data, (layer, trainer) -> null))
          .isInstanceOf(NullPointerException.class)
          .hasMessage(
              "stacked autoencoder: LayerTraining.prepare returned null: expected the trainer");
      StackedAutoencoder.LayerTraining failing =
          (layer, trainer) ->
              trainer.stopWhen(() -> {
                throw new IllegalStateException("power loss");
              });
      assertThatThrownBy(() -> parts.pretrain(data, failing)).hasMessage("power loss");
      assertThat(parts.layers()).isEmpty();
      assertThat(device.memory().liveBuffers()).isEqualTo(live);
      parts.pretrain(data, epochs(1));
      float[] x = Digits.test(5).floats();
      assertThat(parts.encode(x)).isEqualTo(whole.encode(x));
    }
  }
}
