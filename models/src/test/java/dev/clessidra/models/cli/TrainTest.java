package dev.clessidra.models.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.clessidra.models.report.MetricsWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TrainTest {
  @TempDir private Path folder;
  private String data;

  @BeforeEach
  void writeData() {
    data = Invocation.data(folder);
  }

  private Invocation run(String arguments) {
    return Invocation.of(
        folder.resolve("runs"), Invocation.join(arguments.split(" "), "--data", data));
  }

  private Path run(String model, int number) {
    return folder.resolve("runs").resolve(model + "-" + number);
  }

  private static JsonObject json(Path file) throws IOException {
    return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
  }

  @Test
  void anAutoencoderIsTrainedIntoARunFolder() throws IOException {
    Invocation trained = run("train autoencoder --widths 16,4 --epochs 40 --batch 32");

    assertThat(trained.err()).isEmpty();
    assertThat(trained.code()).isZero();
    Path run = run("autoencoder", 1);
    assertThat(run)
        .isDirectoryContaining("glob:**/config.json")
        .isDirectoryContaining("glob:**/metrics.csv")
        .isDirectoryContaining("glob:**/metrics.jsonl")
        .isDirectoryContaining("glob:**/model.safetensors")
        .isDirectoryContaining("glob:**/report.html")
        .isDirectoryContaining("glob:**/result.json")
        .isDirectoryNotContaining("glob:**/checkpoint.safetensors");
    assertThat(trained.out())
        .contains("Autoencoder 64-16-4")
        .contains("Test squared error")
        .contains("with 4 components, the same measure")
        .contains(run.resolve("report.html").toString())
        .contains("./clessidra reconstruct ");
    // A code of the four classes: far below the error of the mean image.
    assertThat(json(run.resolve("result.json")).get("test_squared_error").getAsDouble())
        .isBetween(0.05, 4.0);
    assertThat(MetricsWriter.readCsv(run.resolve("metrics.csv")).get("step"))
        .endsWith(200)
        .isSorted();
  }

  @Test
  void theConfigurationHoldsAllSettings() throws IOException {
    run("train autoencoder --widths 4 --steps 2 --seed 9 --tied --noise 0.25 --no-report");

    JsonObject config = json(run("autoencoder", 1).resolve("config.json"));
    JsonObject options = config.getAsJsonObject("options");
    assertThat(config.get("model").getAsString()).isEqualTo("autoencoder");
    assertThat(options.get("--widths").getAsString()).isEqualTo("4");
    assertThat(options.get("--steps").getAsString()).isEqualTo("2");
    assertThat(options.get("--seed").getAsString()).isEqualTo("9");
    assertThat(options.get("--tied").getAsString()).isEqualTo("true");
    assertThat(options.get("--noise").getAsString()).isEqualTo("0.25");
    assertThat(options.get("--learning-rate").getAsString()).isEqualTo("0.001");
    assertThat(options.has("--no-report")).isFalse();
    assertThat(config.getAsJsonObject("data").get("source").getAsString())
        .contains(folder.resolve("train").toString());
    assertThat(run("autoencoder", 1).resolve("report.html")).doesNotExist();
  }

  @Test
  void aStepTakesNoMoreImagesThanThereAre() throws IOException {
    Invocation trained = run("train autoencoder --widths 4 --epochs 3 --no-report");

    assertThat(trained.err()).isEmpty();
    assertThat(trained.out())
        .contains("autoencoder: 3 steps of 160 images", "autoencoder: 3.0 epochs in");
    assertThat(options(run("autoencoder", 1))).contains("\"--batch\": \"160\"");
  }

  @Test
  void aStepOfMoreImagesThanThereAreIsToldOf() {
    Invocation trained = run("train autoencoder --widths 4 --epochs 2 --batch 320 --no-report");

    assertThat(trained.code()).isZero();
    assertThat(trained.err())
        .startsWith(
            "clessidra: a step of 320 images takes some of the 160 training images more than once")
        .hasLineCount(1);
    assertThat(trained.out()).contains("autoencoder: 1 step of 320 images");
  }

  @Test
  void hintsNameTheProgramAsItWasCalled() {
    System.setProperty("clessidra.command", "/opt/my tools/clessidra");
    try {
      assertThat(run("train autoencoder --widths 4 --steps 1 --no-report").out())
          .contains("Try next    '/opt/my tools/clessidra' reconstruct ");
    } finally {
      System.clearProperty("clessidra.command");
    }
  }

  @Test
  void theNextRunGetsTheNextNumber() {
    run("train autoencoder --widths 4 --steps 1 --no-report");
    run("train autoencoder --widths 4 --steps 1 --no-report");

    assertThat(run("autoencoder", 2).resolve("model.safetensors")).exists();
  }

  @Test
  void aSparseAutoencoderReportsItsSparsityAndProbe() throws IOException {
    Invocation trained =
        run("train sparse --units 20 --sparsity topk:3 --steps 30 --batch 32 --probe");

    assertThat(trained.err()).isEmpty();
    JsonObject result = json(run("sparse", 1).resolve("result.json"));
    assertThat(result.getAsJsonObject("sparsity").get("mean_active_units").getAsDouble())
        .isBetween(2.0, 3.0);
    assertThat(result.get("probe_test_error_rate").getAsDouble()).isBetween(0.0, 1.0);
    assertThat(trained.out()).contains("Active units (L0)").contains("Softmax regression");
    assertThat(Files.readString(run("sparse", 1).resolve("report.html")))
        .contains("Active units of an image (L0), mean");
  }

  @ParameterizedTest
  @ValueSource(strings = {"l1:0.1", "kl:0.1,1"})
  void otherKindsOfSparsityNeedNoFurtherSetting(String kind) {
    Invocation trained = run("train sparse --units 8 --steps 3 --no-report --sparsity " + kind);

    assertThat(trained.err()).isEmpty();
    assertThat(trained.code()).isZero();
  }

  @Test
  void aCodeLargerThanTheImageIsNotComparedWithPrincipalComponents() {
    Invocation trained = run("train sparse --units 80 --steps 2 --batch 16");

    assertThat(trained.code()).isZero();
    assertThat(trained.out()).contains("a code of 80 numbers is not smaller");
  }

  @Test
  void aStackedAutoencoderTrainsLayersThenAClassifierThenAll() throws IOException {
    Invocation trained =
        run(
            "train stacked --widths 24,12 --pretrain-epochs 4 --classifier-epochs 10 --epochs 20"
                + " --batch 16 --average 0 --learning-rate 0.01");

    assertThat(trained.err()).isEmpty();
    assertThat(trained.out())
        .containsSubsequence(
            "layer 1 of 2:", "layer 2 of 2:", "softmax regression:", "fine-tuning:");
    Path run = run("stacked", 1);
    assertThat(run)
        .isDirectoryContaining("glob:**/layer-1.safetensors")
        .isDirectoryContaining("glob:**/layer-2.safetensors")
        .isDirectoryContaining("glob:**/model.safetensors")
        .isDirectoryContaining("glob:**/classifier.safetensors");
    // The bars can be told apart by anyone.
    assertThat(json(run.resolve("result.json")).get("test_error_rate").getAsDouble())
        .isLessThan(0.1);
    assertThat(Files.readString(run.resolve("report.html")))
        .contains("Confusion matrix")
        .contains("Before and after training all layers together");
  }

  @Test
  void aStackCanBeTrainedWithoutLabels() {
    Invocation trained =
        Invocation.of(
            folder.resolve("runs"),
            "train",
            "stacked",
            "--no-classifier",
            "--widths",
            "8,4",
            "--pretrain-epochs",
            "1",
            "--data",
            folder.resolve("train").toString());

    assertThat(trained.err()).isEmpty();
    assertThat(run("stacked", 1).resolve("model.safetensors")).exists();
    assertThat(run("stacked", 1).resolve("classifier.safetensors")).doesNotExist();
  }

  @Test
  void aDeepAutoencoderStartsFromPretrainedLayers() throws IOException {
    Invocation trained =
        run(
            "train deep --widths 16,8,4 --pretrain --pretrain-epochs 3 --epochs 6 --batch 16 --tied"
                + " --average 0");

    assertThat(trained.err()).isEmpty();
    assertThat(trained.out()).contains("before the layers were trained together");
    JsonObject result = json(run("deep", 1).resolve("result.json"));
    assertThat(result.get("test_squared_error").getAsDouble())
        .isLessThan(result.get("pretrained_test_squared_error").getAsDouble());
    assertThat(Files.readString(run("deep", 1).resolve("report.html")))
        .contains("Before and after training all layers together");
  }

  @Test
  void tyingCanBeChosenEitherWay() throws IOException {
    run("train sparse --units 8 --sparsity topk:2 --steps 1 --no-report --tied");
    run("train sparse --units 8 --sparsity topk:2 --steps 1 --no-report --no-tied");

    assertThat(options(run("sparse", 1))).contains("\"--tied\": \"true\"");
    assertThat(options(run("sparse", 2))).contains("\"--tied\": \"false\"");
    assertThat(Files.size(run("sparse", 2).resolve("model.safetensors")))
        .isGreaterThan(Files.size(run("sparse", 1).resolve("model.safetensors")));
  }

  private static String options(Path run) throws IOException {
    return Files.readString(run.resolve("config.json"));
  }

  @Test
  void theSameSeedGivesTheSameFileWithAnyNumberOfThreads() throws IOException {
    run("train autoencoder --widths 16,4 --steps 20 --batch 32 --no-report --threads 1 --seed 3");
    run("train autoencoder --widths 16,4 --steps 20 --batch 32 --no-report --threads 2 --seed 3");
    run("train autoencoder --widths 16,4 --steps 20 --batch 32 --no-report --threads 2 --seed 4");

    byte[] first = Files.readAllBytes(run("autoencoder", 1).resolve("model.safetensors"));
    assertThat(run("autoencoder", 2).resolve("model.safetensors")).hasBinaryContent(first);
    assertThat(Files.readAllBytes(run("autoencoder", 3).resolve("model.safetensors")))
        .isNotEqualTo(first);
  }

  @Test
  void inAPipeThereAreLinesWithoutControlCharacters() {
    Invocation trained = run("train autoencoder --widths 4 --epochs 5 --show");

    assertThat(trained.out().replace(System.lineSeparator(), "")).matches("\\P{Cntrl}*");
    assertThat(trained.out()).contains("above: test images").contains("█");
  }

  @Test
  void onATerminalABarIsDrawnOver() {
    Environment terminal =
        new Environment(
            () -> true,
            () -> 80,
            StandardCharsets.UTF_8,
            folder.resolve("runs"),
            new Interruption());
    Invocation trained =
        Invocation.of(
            terminal,
            "train",
            "autoencoder",
            "--widths",
            "32,4",
            "--epochs",
            "300",
            "--data",
            data);

    assertThat(trained.code()).isZero();
    assertThat(trained.out())
        .contains("\r\u001b[Kautoencoder [----------------]  0 %")
        .contains("38;5;");
    assertThat(trained.out().lines().filter(line -> line.contains("] ")))
        .allSatisfy(line ->
            assertThat(line.replace("\u001b[K", "").split("\r"))
                .allMatch(part -> part.length() < 80));
  }

  @Test
  void aTrainingThatDivergesSaysSo() {
    Invocation trained =
        run("train autoencoder --widths 8 --epochs 20 --learning-rate 1e30 --optimizer sgd");

    assertThat(trained.code()).isEqualTo(ExitCode.FAILURE);
    assertThat(trained.err())
        .startsWith("clessidra: the training diverged")
        .endsWith("the norm of the gradients (--learning-rate, --clip-norm)\n")
        .hasLineCount(1);
  }

  @Test
  void aVariationalAutoencoderReportsItsBoundBesideAPlainAutoencoder() throws IOException {
    Invocation trained = run("train vae --hidden 16 --latent 3 --epochs 20 --batch 32 --plain");

    assertThat(trained.err()).isEmpty();
    assertThat(trained.out())
        .contains("Variational autoencoder 64-16-3, bernoulli, elbo")
        .contains("./clessidra sample ")
        .contains("plain.safetensors");
    JsonObject result = json(run("vae", 1).resolve("result.json"));
    assertThat(result.get("test_elbo").getAsDouble())
        .isEqualTo(
            result.get("test_reconstruction").getAsDouble()
                - result.get("test_divergence").getAsDouble())
        .isBetween(-44.0, -15.0);
    assertThat(result.get("active_units").getAsInt()).isBetween(1, 3);
    assertThat(result.get("plain_test_squared_error").getAsDouble()).isPositive();
    assertThat(run("vae", 1).resolve("report.html"))
        .content()
        .contains("Samples", "Walks", "Along the latent axes", "Codes of test images", "Plain");
    assertThat(MetricsWriter.readCsv(run("vae", 1).resolve("metrics.csv")))
        .containsKeys("test_elbo", "test_reconstruction", "test_divergence");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--latent 2 --hidden 8",
        "--latent 1 --convolutions 4,4 --hidden 8 --activation relu",
        "--latent 3 --hidden 8 --binarization none --likelihood gaussian --objective iwae --samples"
            + " 3",
        "--latent 2 --hidden 8 --binarization static --beta 2 --warmup 0.5 --augment 0.5"
      })
  void everyKindOfVariationalAutoencoderTrains(String options) throws IOException {
    Invocation trained = run("train vae --steps 20 --batch 32 " + options);

    assertThat(trained.err()).isEmpty();
    assertThat(json(run("vae", 1).resolve("result.json")).get("test_elbo").getAsDouble())
        .isFinite();
    assertThat(run("vae", 1).resolve("report.html"))
        .content()
        .contains(
            options.contains("latent 2") ? "first number of the code" : "Along the latent axes")
        .contains("A row of 12 images", "Codes of test images", "<dt>--steps</dt>")
        .doesNotContain("\": a row", "<dt>--epochs</dt>");
  }
}
