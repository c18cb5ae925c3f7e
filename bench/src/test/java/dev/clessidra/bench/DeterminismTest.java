package dev.clessidra.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceException;
import dev.clessidra.kernels.DeviceOptions;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.Binarization;
import dev.clessidra.models.LatentObjective;
import dev.clessidra.models.Likelihood;
import dev.clessidra.models.Model;
import dev.clessidra.models.Reconstruction;
import dev.clessidra.models.Sparsity;
import dev.clessidra.models.Vae;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.data.Mnist;
import dev.clessidra.models.training.OptimizerKind;
import dev.clessidra.models.training.Trainer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The same seed gives the same model file, with any number of threads and instruction set, and on
 * the emulated GPU.
 */
class DeterminismTest {
  // Widths that no vector divides, and enough work for several threads.
  enum Example {
    DEEP {
      @Override
      Autoencoder build(Device device, long seed) {
        return Autoencoder.builder(784)
            .encoder(37, 10)
            .activation(Activation.SOFTPLUS)
            .maskingNoise(0.2f)
            .seed(seed)
            .build(device);
      }

      @Override
      Trainer settings(Trainer trainer) {
        return trainer.optimizer(OptimizerKind.ADAMW).weightDecay(0.01).average(0.9);
      }
    },
    TIED_KULLBACK_LEIBLER {
      @Override
      Autoencoder build(Device device, long seed) {
        return Autoencoder.builder(784)
            .encoder(33)
            .tied(true)
            .codeActivation(Activation.SIGMOID)
            .sparsity(Sparsity.kullbackLeibler(0.1f, 0.5f))
            .seed(seed)
            .build(device);
      }

      @Override
      Trainer settings(Trainer trainer) {
        return trainer.optimizer(OptimizerKind.ADAM).maximumNorm(1);
      }
    },
    TOP_K {
      @Override
      Autoencoder build(Device device, long seed) {
        return Autoencoder.builder(784)
            .encoder(45)
            .outputActivation(Activation.IDENTITY)
            .reconstruction(Reconstruction.SQUARED_ERROR)
            .sparsity(Sparsity.topK(7, 7))
            .seed(seed)
            .build(device);
      }

      @Override
      Trainer settings(Trainer trainer) {
        return trainer.optimizer(OptimizerKind.SGD).learningRate(0.01);
      }
    };

    abstract Autoencoder build(Device device, long seed);

    abstract Trainer settings(Trainer trainer);
  }

  private static final ImageData DIGITS = Mnist.sample().train().subset(0, 300);
  private static final DeviceOptions EMULATED = DeviceOptions.defaults().withDevice("emulated");
  private static final Map<Example, byte[]> EXPECTED = new ConcurrentHashMap<>();

  @TempDir private Path folder;

  static Stream<Arguments> machines() {
    return Stream.of(Example.values())
        .flatMap(example ->
            Stream.of("portable", "avx2", "avx512")
                .flatMap(
                    set -> Stream.of(1, 2).map(threads -> Arguments.of(example, set, threads))));
  }

  @ParameterizedTest
  @MethodSource("machines")
  void threadsAndInstructionSetDoNotChangeAByte(
      Example example, String instructionSet, int threads) {
    assertThat(trainedFile(example, 7, cpu(instructionSet, threads))).isEqualTo(expected(example));
  }

  @ParameterizedTest
  @EnumSource(Example.class)
  void theEmulatedGpuDoesNotChangeAByte(Example example) {
    assertThat(trainedFile(example, 7, EMULATED)).isEqualTo(expected(example));
  }

  @Test
  void theDeepAutoencoderIsTheSameAfter200StepsOnTheEmulatedGpu() {
    assertThat(deepFile(EMULATED, 200)).isEqualTo(deepFile(cpu("auto", 2), 200));
    assertThat(deepFile(EMULATED, 2)).isNotEqualTo(deepFile(EMULATED, 1));
  }

  static Stream<Vae.Builder> variationalAutoencoders() {
    return Stream.of(
        Vae.builder().hidden(37).latent(5).binarization(Binarization.DYNAMIC).warmup(50),
        Vae.builder()
            .convolutions(3, 5)
            .hidden(11)
            .latent(3)
            .activation(Activation.RELU)
            .likelihood(Likelihood.learnedGaussian())
            .objective(LatentObjective.IWAE)
            .samples(2));
  }

  @ParameterizedTest
  @MethodSource("variationalAutoencoders")
  void aVariationalAutoencoderIsTheSameAfter100StepsOnTheEmulatedGpu(Vae.Builder settings) {
    assertThat(variationalFile(settings, EMULATED, 100))
        .isEqualTo(variationalFile(settings, cpu("auto", 2), 100))
        .isNotEqualTo(variationalFile(settings, cpu("auto", 2), 99));
  }

  private byte[] variationalFile(Vae.Builder settings, DeviceOptions options, int steps) {
    try (Device device = open(options);
        Vae model = settings.build(device)) {
      Trainer.of(model).data(DIGITS).batch(8).steps(steps).seed(7).run();
      return file(model);
    }
  }

  @ParameterizedTest
  @EnumSource(Example.class)
  void anotherSeedGivesAnotherFile(Example example) {
    DeviceOptions cpu = cpu("auto", 2);
    assertThat(trainedFile(example, 8, cpu)).isNotEqualTo(trainedFile(example, 7, cpu));
  }

  private static DeviceOptions cpu(String instructionSet, int threads) {
    return DeviceOptions.defaults()
        .withDevice("cpu")
        .withInstructionSet(instructionSet)
        .withThreads(threads);
  }

  private byte[] expected(Example example) {
    return EXPECTED.computeIfAbsent(example, e -> trainedFile(e, 7, cpu("portable", 1)));
  }

  private byte[] trainedFile(Example example, long seed, DeviceOptions options) {
    try (Device device = open(options);
        Autoencoder model = example.build(device, seed)) {
      example.settings(Trainer.of(model).data(DIGITS).batch(64).steps(10).seed(seed)).run();
      return file(model);
    }
  }

  private byte[] deepFile(DeviceOptions options, int steps) {
    try (Device device = open(options);
        Autoencoder model =
            Autoencoder.builder(784).encoder(1000, 500, 250, 30).seed(7).build(device)) {
      Trainer.of(model).data(DIGITS).batch(16).steps(steps).average(0.999).seed(7).run();
      return file(model);
    }
  }

  private byte[] file(Model model) {
    Path file = folder.resolve("model.safetensors");
    model.save(file);
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Device open(DeviceOptions options) {
    try {
      return Device.open(options);
    } catch (DeviceException e) {
      if (e.getMessage().contains("not supported by this machine")) {
        return abort(e.getMessage());
      }
      throw e;
    }
  }
}
