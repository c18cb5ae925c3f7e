package dev.clessidra.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.clessidra.engine.io.ModelFileException;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.analysis.PrincipalComponents;
import dev.clessidra.models.analysis.SparsityStatistics;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.training.DeviceData;
import dev.clessidra.models.training.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AutoencoderTest {
  private static Device device;

  @BeforeAll
  static void open() {
    device = Device.open("cpu");
  }

  @AfterAll
  static void close() {
    device.close();
  }

  @Test
  void trainingBeatsPrincipalComponentsOfTheSameCodeSize() {
    ImageData train = Digits.train(5000);
    ImageData test = Digits.test(500);
    double linear = PrincipalComponents.fit(train, 8).squaredError(test);
    try (Autoencoder model = Autoencoder.builder(784).encoder(128, 8).build(device)) {
      double untrained = model.squaredError(test);
      Trainer.of(model).data(train).epochs(12).batch(64).learningRate(2e-3).run();
      assertThat(model.squaredError(test)).isLessThan(linear).isLessThan(untrained / 2);
    }
  }

  @Test
  void tiedWeightsAreStoredOnce() {
    try (Autoencoder tied = Autoencoder.builder(784).encoder(64, 8).tied(true).build(device);
        Autoencoder untied = Autoencoder.builder(784).encoder(64, 8).build(device)) {
      assertThat(tied.parameters().byName().keySet())
          .containsExactlyInAnyOrder(
              "encoder.0.weight",
              "encoder.0.bias",
              "encoder.1.weight",
              "encoder.1.bias",
              "decoder.0.bias",
              "decoder.1.bias");
      assertThat(untied.parameters().count() - tied.parameters().count())
          .isEqualTo(784 * 64 + 64 * 8);
      double before = tied.squaredError(Digits.test(200));
      Trainer.of(tied).data(Digits.train(2000)).epochs(4).batch(64).run();
      assertThat(tied.squaredError(Digits.test(200))).isLessThan(before / 2);
    }
  }

  @Test
  void squaredErrorIsSummedOverPixelsAndAveragedOverImages() {
    ImageData test = Digits.test(37);
    try (Autoencoder model = Autoencoder.builder(784).encoder(4).build(device)) {
      float[] output = model.reconstruct(test);
      float[] input = test.floats();
      double sum = 0;
      for (int i = 0; i < input.length; i++) {
        sum += Math.pow((double) output[i] - input[i], 2);
      }
      assertThat(model.squaredError(test)).isCloseTo(sum / 37, within(1e-9));
      assertThat(model.decode(model.encode(test))).isEqualTo(output);
    }
  }

  @Test
  void imagesOfAnotherSizeAreRefused() {
    ImageData small = ImageData.of(7, 14, 1, new byte[8 * 98]); // as many numbers as an image has
    try (Autoencoder model = Autoencoder.builder(784).encoder(10).build(device)) {
      assertThatThrownBy(() -> model.encode(small))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "autoencoder: the images have 98 numbers (7x14, 1 channels): the model takes 784");
    }
  }

  @Test
  void crossEntropyIsOfNumbersFromZeroToOne() {
    float[] samples = {0, 0.5f, 1, 0.25f, -2, 0, 1, 3.5f};
    Autoencoder.Builder settings = Autoencoder.builder(4).encoder(2);
    try (DeviceData data = DeviceData.of(device, samples, 4);
        DeviceData whole = DeviceData.of(device, new float[] {0, 1, 0.5f, 1}, 4);
        Autoencoder model = settings.build(device);
        Autoencoder fresh = settings.build(device);
        Autoencoder squared =
            Autoencoder.builder(4)
                .encoder(2)
                .outputActivation(Activation.IDENTITY)
                .reconstruction(Reconstruction.SQUARED_ERROR)
                .build(device)) {
      assertThatThrownBy(() -> Trainer.of(model).data(data).steps(1).batch(2).run())
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "training: the samples have numbers from -2.0 to 3.5, cross-entropy expects them in"
                  + " [0, 1]: scale them, or use Reconstruction.SQUARED_ERROR");
      assertThat(model.encode(samples)).isEqualTo(fresh.encode(samples));
      Trainer.of(model).data(whole).steps(1).batch(2).run();
      assertThatThrownBy(() -> Trainer.of(model).data(data).steps(1).batch(2).run())
          .hasMessageContaining("from -2.0 to 3.5");
      Trainer.of(squared).data(data).steps(1).batch(2).run();
    }
  }

  @Test
  void topKKeepsExactlyKActiveUnits() {
    try (Autoencoder model =
        Autoencoder.builder(784).encoder(100).sparsity(Sparsity.topK(7, 9)).build(device)) {
      Trainer.of(model).data(Digits.train(1000)).epochs(2).batch(50).run();
      float[] codes = model.encode(Digits.test(100));
      assertThat(SparsityStatistics.of(codes, 100).meanActive()).isEqualTo(9);
    }
  }

  @Test
  void anL1PenaltyMakesCodesSmaller() {
    assertThat(meanAbsoluteCode(Sparsity.l1(1), Activation.RELU))
        .isLessThan(0.5 * meanAbsoluteCode(Sparsity.none(), Activation.RELU));
  }

  @Test
  void aKullbackLeiblerPenaltyPullsTheMeanActivationToRho() {
    double free = meanAbsoluteCode(Sparsity.none(), Activation.SIGMOID);
    double pulled = meanAbsoluteCode(Sparsity.kullbackLeibler(0.05f, 3), Activation.SIGMOID);
    assertThat(pulled).isBetween(0.02, 0.12).isLessThan(free / 2);
  }

  private static double meanAbsoluteCode(Sparsity sparsity, Activation activation) {
    try (Autoencoder model =
        Autoencoder.builder(784)
            .encoder(64)
            .codeActivation(activation)
            .sparsity(sparsity)
            .build(device)) {
      Trainer.of(model).data(Digits.train(2000)).epochs(5).batch(50).run();
      float[] codes = model.encode(Digits.test(200));
      double sum = 0;
      for (float code : codes) {
        sum += Math.abs(code);
      }
      return sum / codes.length;
    }
  }

  @Test
  void aLoadedModelIsTheSavedOne(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("model.safetensors");
    try (Autoencoder model =
        Autoencoder.builder(784)
            .encoder(20, 5)
            .activation(Activation.leakyRelu(0.1f))
            .codeActivation(Activation.SIGMOID)
            .sparsity(Sparsity.kullbackLeibler(0.1f, 0.5f))
            .maskingNoise(0.1f)
            .tied(true)
            .build(device)) {
      Trainer.of(model).data(Digits.train(500)).epochs(1).batch(50).run();
      model.save(file);
      try (Autoencoder loaded = Autoencoder.load(file, device)) {
        assertThat(loaded.configuration()).isEqualTo(model.configuration());
        assertThat(loaded.reconstruct(Digits.test(10)))
            .isEqualTo(model.reconstruct(Digits.test(10)));
        Path again = folder.resolve("again.safetensors");
        loaded.save(again);
        assertThat(again).hasSameBinaryContentAs(file);
      }
    }
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
    assertThatThrownBy(() -> Autoencoder.load(file, device))
        .isInstanceOf(ModelFileException.class)
        .hasMessageContaining(file.toString())
        .message()
        .doesNotContain("\n");
  }

  @Test
  void aFileOfAnotherModelIsRefused(@TempDir Path folder) {
    Path file = folder.resolve("classifier.safetensors");
    try (Classifier classifier = Classifier.builder(784, 10).build(device)) {
      classifier.save(file);
    }
    assertThatThrownBy(() -> Autoencoder.load(file, device))
        .isInstanceOf(ModelFileException.class)
        .hasMessage(
            file
                + ": holds a model of kind classifier, expected a model of kind autoencoder: give"
                + " the file of such a model");
  }

  @Test
  void manyThreadsMayEncodeAtOnce() throws Exception {
    try (Autoencoder model = Autoencoder.builder(784).encoder(64, 8).build(device);
        ExecutorService threads = Executors.newFixedThreadPool(4)) {
      float[] expected = model.encode(Digits.test(50));
      Callable<float[]> encode = () -> model.encode(Digits.test(50));
      long live = device.memory().liveBuffers();
      for (Future<float[]> codes : threads.invokeAll(Collections.nCopies(40, encode))) {
        assertThat(codes.get()).isEqualTo(expected);
      }
      assertThat(device.memory().liveBuffers()).isEqualTo(live);
    }
  }

  @Test
  void mistakesAreNamed() {
    assertThatThrownBy(() -> Autoencoder.builder(0)).hasMessageContaining("at least 1, got 0");
    assertThatThrownBy(() -> Autoencoder.builder(4).sparsity(null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("sparsity");
    assertThatThrownBy(() -> Autoencoder.builder(4).encoder(List.of()))
        .hasMessageContaining("at least one width");
    assertThatThrownBy(
            () -> Autoencoder.builder(4).encoder(8).sparsity(Sparsity.topK(9, 9)).build(device))
        .hasMessageContaining("keeps more than the 8 units");
    assertThatThrownBy(
            () -> Autoencoder.builder(4).sparsity(Sparsity.kullbackLeibler(0.1f, 1)).build(device))
        .hasMessageContaining("set the code's activation to sigmoid");
    assertThatThrownBy(() -> Autoencoder.builder(4).outputActivation(Activation.TANH).build(device))
        .hasMessageContaining("cross-entropy needs a sigmoid output");
    try (Autoencoder model = Autoencoder.builder(4).encoder(2).build(device)) {
      assertThatThrownBy(() -> model.encode(new float[7]))
          .hasMessage("autoencoder: expected a multiple of 4 numbers, got 7");
    }
  }
}
