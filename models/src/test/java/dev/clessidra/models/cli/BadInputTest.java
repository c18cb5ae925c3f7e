package dev.clessidra.models.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BadInputTest {
  @TempDir private Path folder;
  private String data;

  @BeforeEach
  void writeData() {
    data = Invocation.data(folder);
  }

  private Invocation run(String arguments) {
    return Invocation.of(
        folder.resolve("runs"),
        arguments.replace("DATA", data).replace("DIR", folder.toString()).split(" "));
  }

  private Path train(String arguments) {
    Path run = folder.resolve("run");
    Invocation trained = run("train " + arguments + " --no-report --data DATA --out " + run);
    assertThat(trained.err()).isEmpty();
    return run;
  }

  private static void assertRefused(Invocation refused, int code, String... parts) {
    assertThat(refused.err()).startsWith("clessidra: ").hasLineCount(1).contains(parts);
    assertThat(refused.err()).doesNotContain("Exception", "\tat ");
    assertThat(refused.code()).isEqualTo(code);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "frobnicate | frobnicate",
        "train autoencoder --epoch 3 --data DATA | did you mean --epochs",
        "train autoencoder --epochs many --data DATA | many",
        "train autoencoder --epochs -1 --data DATA | epochs must be above 0",
        "train autoencoder --steps 0 --data DATA | steps must be at least 1",
        "train autoencoder --batch 0 --data DATA | the batch must be at least 1",
        "train autoencoder --learning-rate -0.1 --data DATA | the learning rate must be above 0",
        "train autoencoder --average 1 --data DATA | the average's decay must be in [0, 1)",
        "train autoencoder --widths 0 --data DATA | each at least 1",
        "train autoencoder --widths 8,x --data DATA | 'x' is not an int",
        "train autoencoder --noise 1.5 --data DATA | masking noise must be in [0, 1)",
        "train autoencoder --activation swish --data DATA | activation 'swish' is unknown;"
            + " expected",
        "train autoencoder --loss hinge --data DATA | expected cross-entropy or squared-error",
        "train autoencoder --optimizer lion --data DATA | lion",
        "train autoencoder --threads 0 --data DATA | --threads is 0, expected 1 to",
        "train sparse --units 10 --sparsity topk:25 --data DATA | keeps more than the 10 units",
        "train autoencoder --augment -1 --data DATA | --augment must be in [0, 4.0], got -1",
        "train sparse --units -5 --data DATA | each at least 1",
        "train sparse --sparsity l1:-1 --data DATA | lambda must be at least 0",
        "train sparse --sparsity l2:1 --data DATA | expected none, l1:LAMBDA",
        "train sparse --probe-epochs 0 --probe --data DATA | epochs must be above 0",
        "train stacked --data DIR/train --widths 4 | has no labels, the classifier needs them; use"
            + " --no-classifier",
        "train stacked --dropout 2 --widths 4 --data DATA | dropout must be in [0, 1)",
        "train stacked --pretrain-epochs 0 --widths 4 --data DATA | epochs must be above 0",
        "train sparse --probe --units 30 --data DIR/train | has no labels, --probe needs them",
        "reconstruct DIR/nothing | expected --out FILE or --show",
        "encode DIR/nothing | --out",
        "encode DIR/nothing --out x.npy --part half | half",
        "evaluate | MODEL",
      })
  void aCommandThatCannotBeUnderstoodIsRefusedInOneLine(String arguments, String part) {
    assertRefused(run(arguments), ExitCode.USAGE, part, "--help");
    assertThat(folder.resolve("runs")).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "train autoencoder --data DIR/nothing | is not a file or folder here",
        "train autoencoder --data mnist:DIR/nothing | is not a folder",
        "train autoencoder --data DIR/train-labels | train-labels",
        "train autoencoder --device cuda:0 --data DATA | CUDA driver",
        "train autoencoder --device tpu --data DATA | expected auto, cpu, cuda:0 or emulated",
        "train autoencoder --out DIR/train --data DATA | is a file, expected a new or empty folder",
        "train autoencoder --out DIR --data DATA | is not empty, expected a new or empty folder",
        "train autoencoder --steps 1 --out DIR/train/run --data DATA | cannot be created",
        "train autoencoder --resume DIR/nothing | config.json does not exist",
        "evaluate DIR/nothing | does not exist: expected a run folder or a model file",
        "evaluate DIR | holds no model.safetensors",
        "evaluate DIR/train | train",
        "encode DIR/nothing --out x.npy | does not exist",
        "reconstruct DIR/nothing --show | does not exist",
      })
  void whatCannotBeDoneIsSaidInOneLine(String arguments, String part) {
    assertRefused(run(arguments), ExitCode.FAILURE, part);
  }

  @Test
  void aTruncatedModelIsRefused() throws IOException {
    Path model = train("autoencoder --widths 4 --steps 1").resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(model);
    Path truncated = folder.resolve("truncated.safetensors");
    Files.write(truncated, Arrays.copyOf(bytes, bytes.length - 100));
    Path headless = folder.resolve("headless.safetensors");
    Files.write(headless, Arrays.copyOf(bytes, 5));

    assertRefused(
        run("evaluate %s --data DATA".formatted(truncated)),
        ExitCode.FAILURE,
        "truncated.safetensors");
    assertRefused(
        run("evaluate %s --data DATA".formatted(headless)),
        ExitCode.FAILURE,
        "headless.safetensors");
    assertThat(run("evaluate %s --data DATA".formatted(model)).code()).isZero();
  }

  @Test
  void aModelOfAnotherKindIsRefused() {
    Path classifier =
        train("stacked --widths 4 --steps 1 --pretrain-epochs 0.1 --classifier-epochs 0.1")
            .resolve("classifier.safetensors");

    assertRefused(
        run("encode %s --out %s --data DATA".formatted(classifier, folder.resolve("x.npy"))),
        ExitCode.FAILURE,
        "holds a model of kind classifier, expected a model of kind autoencoder");
    assertRefused(
        run("evaluate %s --pca --data DATA".formatted(classifier)),
        ExitCode.USAGE,
        "is a classifier");
  }

  @Test
  void imagesOfAnotherSizeAreRefused() {
    Path run = train("autoencoder --widths 4 --steps 1");
    Invocation.writeImages(folder.resolve("large"), 20, 12, 1);

    for (String command :
        new String[] {"evaluate RUN", "reconstruct RUN --show", "encode RUN --out DIR/x.npy"}) {
      assertRefused(
          run(command.replace("RUN", run.toString()) + " --data DIR/large"),
          ExitCode.FAILURE,
          "the images are 12x12 with 144 values, the model takes 64 values");
    }
  }

  @Test
  void aRunThatIsNotFinishedSaysHowToGoOn() {
    Path run = folder.resolve("run");
    run("train autoencoder --widths 4 --epochs 3 --stop-after-steps 1 --data DATA --out " + run);

    assertRefused(
        run("evaluate " + run),
        ExitCode.FAILURE,
        "has not finished: go on with ./clessidra train autoencoder --resume");
  }

  @Test
  void aDamagedConfigurationIsRefused() throws IOException {
    Path run = folder.resolve("run");
    run("train autoencoder --widths 4 --epochs 3 --stop-after-steps 1 --data DATA --out " + run);
    Files.writeString(run.resolve("config.json"), "{\"model\": ");

    assertRefused(
        run("train autoencoder --resume " + run),
        ExitCode.FAILURE,
        "cannot be read as a run's configuration");
  }

  @Test
  void aFolderCannotBeAFile() {
    Path run = train("autoencoder --widths 4 --steps 1");

    assertRefused(
        run("reconstruct %s --out %s".formatted(run, folder)), ExitCode.FAILURE, "is a folder");
    assertRefused(
        run("encode %s --out %s".formatted(run, folder)), ExitCode.FAILURE, "is a folder");
  }

  @Test
  void theStackTraceIsShownWhenAskedFor() {
    Invocation refused = run("--stacktrace evaluate DIR/nothing");
    Invocation after = run("evaluate DIR/nothing --stacktrace");

    assertThat(refused.err()).startsWith("clessidra: ").contains("\tat dev.clessidra");
    assertThat(after.err()).contains("\tat dev.clessidra");
  }
}
