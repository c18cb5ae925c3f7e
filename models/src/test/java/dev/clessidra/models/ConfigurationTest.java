package dev.clessidra.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.engine.initializers.Initializer;
import dev.clessidra.engine.io.Checkpoint;
import dev.clessidra.engine.io.ModelFileException;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.training.Batch;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.BiFunction;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigurationTest {
  private static final Map<String, BiFunction<Path, Device, Model>> LOADERS =
      Map.of(
          Autoencoder.KIND,
          Autoencoder::load,
          Vae.KIND,
          Vae::load,
          UNet.KIND,
          UNet::load,
          Classifier.KIND,
          Classifier::load);

  private static Device device;
  @TempDir private Path folder;

  @BeforeAll
  static void open() {
    device = Device.open("cpu");
  }

  @AfterAll
  static void close() {
    device.close();
  }

  private static Model model(String kind) {
    return switch (kind) {
      case Autoencoder.KIND -> Autoencoder.builder(6).encoder(4, 2).build(device);
      case Vae.KIND -> Vae.builder().image(4, 4, 1).hidden(3).latent(2).build(device);
      case UNet.KIND -> UNet.builder(1, 2).depth(1).width(2).build(device);
      default -> Classifier.builder(6, 3).build(device);
    };
  }

  @ParameterizedTest
  @CsvSource({
    "autoencoder, inputs, 0",
    "autoencoder, inputs, -5",
    "autoencoder, inputs, 9999999",
    "autoencoder, inputs, 999999999",
    "autoencoder, widths, ''",
    "autoencoder, widths, '4,2,2'",
    "autoencoder, masking_noise, NaN",
    "autoencoder, sparsity, 'topk:9,9'",
    "autoencoder, sparsity, 'kl:2,1'",
    "autoencoder, output_activation, tanh",
    "autoencoder, tied, maybe",
    "autoencoder, tied, true",
    "vae, height, 0",
    "vae, height, 2000000000",
    "vae, width, 5",
    "vae, convolutions, '2000000000'",
    "vae, beta, -1",
    "vae, binarization, dynamically",
    "unet, channels, 0",
    "unet, depth, 13",
    "unet, depth, 12",
    "unet, width, 2000000000",
    "unet, class_weights, '1'",
    "unet, input_gamma, 0",
    "classifier, classes, 1",
    "classifier, inputs, 2000000000",
    "classifier, dropout, 1",
  })
  void damagedMetadataAreRefusedInTheFilesName(String kind, String key, String value) {
    Path file = folder.resolve("model.safetensors");
    try (Model model = model(kind)) {
      SequencedMap<String, String> metadata = model.metadata();
      assertThat(metadata).containsKey(key);
      metadata.put(key, value);
      Checkpoint.of(model.parameters()).save(file, metadata);
    }
    long requests = device.memory().requests();
    assertThatThrownBy(() -> LOADERS.get(kind).apply(file, device).close())
        .isInstanceOf(ModelFileException.class)
        .hasMessageStartingWith(file + ": ")
        .hasMessageNotContaining("\n");
    if (!value.equals("true")) {
      assertThat(device.memory().requests()).as("nothing is allocated").isEqualTo(requests);
    }
  }

  @Test
  void parametersThatAreNoNumbersAreRefused() {
    Path file = folder.resolve("model.safetensors");
    try (Model model = model(Classifier.KIND)) {
      model.parameters().get("softmax.bias").copyFrom(new float[] {0, Float.NaN, 0});
      model.save(file);
    }
    assertThatThrownBy(() -> Classifier.load(file, device))
        .isInstanceOf(ModelFileException.class)
        .hasMessage(
            file
                + ": its tensor 'softmax.bias' holds NaN: its training has diverged, or it is"
                + " damaged; train again");
  }

  @Test
  void anEncoderAndDecoderIsOfEitherKind() {
    Path file = folder.resolve("model.safetensors");
    for (String kind : new String[] {Autoencoder.KIND, Vae.KIND}) {
      try (Model model = model(kind)) {
        model.save(file);
      }
      try (EncoderDecoder loaded = EncoderDecoder.load(file, device)) {
        assertThat(loaded.kind()).isEqualTo(kind);
      }
    }
    try (Model model = model(UNet.KIND)) {
      model.save(file);
    }
    assertThatThrownBy(() -> EncoderDecoder.load(file, device))
        .isInstanceOf(ModelFileException.class)
        .hasMessage(
            file
                + ": holds a model of kind unet, expected a model of kind autoencoder or vae: give"
                + " the file of such a model");
  }

  /** A model of which only the metadata are asked for. */
  private static final class Stub implements Model {
    private final String key;
    private final Parameters parameters =
        Parameters.builder(device).add("w", Shape.of(3), Initializer.zeros()).build(1);

    Stub(String key) {
      this.key = key;
    }

    @Override
    public String kind() {
      return "stub";
    }

    @Override
    public Parameters parameters() {
      return parameters;
    }

    @Override
    public SequencedMap<String, String> configuration() {
      return new LinkedHashMap<>(Map.of(key, "3"));
    }

    @Override
    public Tensor loss(Tape tape, Batch batch, TrainingState state) {
      throw new UnsupportedOperationException("is not trained");
    }
  }

  @Test
  void aConfigurationDoesNotTakeNamesThatAreUsed() {
    Path file = folder.resolve("model.safetensors");
    try (Model model = new Stub("inputs")) {
      assertThat(model.metadata())
          .containsExactly(Map.entry("model", "stub"), Map.entry("inputs", "3"));
    }
    for (String taken : List.of("model", "training", "clessidra.seed")) {
      try (Model model = new Stub(taken)) {
        assertThatThrownBy(() -> model.save(file))
            .isInstanceOf(IllegalStateException.class)
            .hasMessage(
                "stub: its configuration has an entry '%s', a name that Clessidra uses itself:"
                    + " rename it",
                taken);
        assertThat(file).doesNotExist();
      }
    }
  }

  @Test
  void blocksOfSamplesGiveWhatTheOneCallWould() {
    float[] samples = new float[2 * 2345];
    for (int i = 0; i < samples.length; i++) {
      samples[i] = i;
    }
    try (Model model = new Stub("inputs")) {
      float[] sums = Inference.inBlocks(model, samples, 2, 1, Tape::sumRows);
      assertThat(sums).hasSize(2345);
      for (int i = 0; i < sums.length; i++) {
        assertThat(sums[i]).isEqualTo(4 * i + 1);
      }
      assertThatThrownBy(() -> Inference.inBlocks(model, samples, 2, 2, Tape::sumRows))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "stub: the function gave [1000] for 1000 samples, expected 2 numbers of each");
      assertThatThrownBy(() -> Inference.inBlocks(model, samples, 3, 1, Tape::sumRows))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("stub: expected a multiple of 3 numbers, got 4690");
    }
  }
}
