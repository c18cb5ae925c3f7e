package dev.clessidra.models.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
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
        Arrays.stream(arguments.split(" "))
            .map(word -> word.replace("DATA", data).replace("DIR", folder.toString()))
            .map(word -> word.equals("EMPTY") ? "" : word)
            .toArray(String[]::new));
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
        "train autoencoder --epochs 1e300 --data DATA | --epochs is 1.0E300, expected at most",
        "train deep --pretrain --pretrain-epochs 1e10 --data DATA | --pretrain-epochs is 1.0E10,"
            + " expected at most 1000000000",
        "train vae --steps 9223372036854775807 --data DATA | --steps is 9223372036854775807,"
            + " expected at most 1000000000",
        "train autoencoder --steps 5 --epochs 5 --data DATA | --epochs does nothing beside"
            + " --steps: leave one of them out",
        "train autoencoder --learning-rate -0.1 --data DATA | the learning rate must be above 0",
        "train autoencoder --average 1 --data DATA | the average's decay must be in [0, 1)",
        "train autoencoder --widths 0 --data DATA | each at least 1",
        "train autoencoder --widths 8,x --data DATA | 'x' is not an int",
        "train autoencoder --widths 8 --widths 4 --data DATA | option '--widths' should be"
            + " specified only once, as with 8,4",
        "train autoencoder --widths 4,64 --data DATA | a code of 64 numbers is not smaller than an"
            + " image of 64",
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
        "train sparse --probe-epochs 3 --data DATA | --probe-epochs does nothing without --probe:",
        "train sparse --probe-augment 1 --data DATA | --probe-augment does nothing without",
        "train deep --pretrain-epochs 3 --data DATA | --pretrain-epochs does nothing without"
            + " --pretrain:",
        "train stacked --no-classifier --classifier-epochs 3 --data DATA | --classifier-epochs does"
            + " nothing with --no-classifier:",
        "train stacked --no-classifier --dropout 0.1 --data DATA | --dropout does nothing with",
        "train stacked --data DIR/train --widths 4 | has no labels, the classifier needs them; use"
            + " --no-classifier",
        "train stacked --dropout 2 --widths 4 --data DATA | dropout must be in [0, 1)",
        "train stacked --pretrain-epochs 0 --widths 4 --data DATA | epochs must be above 0",
        "train sparse --probe --units 30 --data DIR/train | has no labels, --probe needs them",
        "train vae --latent 0 --data DATA | the latent size must be at least 1, got 0",
        "train vae --hidden 0 --data DATA | widths must be at least 1",
        "train vae --samples 0 --data DATA | samples must be at least 1",
        "train vae --beta -1 --data DATA | beta must be at least 0",
        "train vae --warmup 2 --data DATA | --warmup must be in [0, 1], got 2",
        "train vae --likelihood poisson --data DATA | likelihood 'poisson' is unknown; expected",
        "train vae --likelihood gaussian --data DATA | use binarization none",
        "train vae --binarization often --data DATA | often",
        "train vae --convolutions 4,4,4,4 --data DATA | images of 8 x 8 cannot be halved 4 times",
        "sample DIR/nothing | --out",
        "sample DIR/nothing --count 0 --out x.png | --count is 0, expected 1 to",
        "interpolate DIR/nothing --from 1 --out x.png | expected either --to IMAGE or --axis K",
        "interpolate DIR/nothing --from 1 --to 2 --axis 3 --out x.png | either --to IMAGE or"
            + " --axis",
        "interpolate DIR/nothing --from 1 --axis 3 --spherical --out x.png | leave one out",
        "interpolate DIR/nothing --from 1 --to 2 --steps 1 --out x.png | --steps is 1, expected 2",
        "interpolate DIR/nothing --from 1 --axis 0 --range 0 --out x.png | --range is 0.0,"
            + " expected",
        "interpolate DIR/nothing --from 1 --to 2 --range 2 --out x.png | --range does nothing"
            + " without --axis:",
        "reconstruct DIR/nothing | expected --out FILE or --show",
        "encode DIR/nothing | --out",
        "encode DIR/nothing --out x.npy --part half | half",
        "evaluate | MODEL",
        "evaluate EMPTY | MODEL is empty, expected the name of a file or folder",
        "segment DIR EMPTY --out x | IMAGES is empty",
        "train autoencoder --data DATA --out EMPTY | --out is empty, expected FOLDER",
        "train autoencoder --data EMPTY | --data is empty, expected DATA",
        "train autoencoder --data mnist: | 'mnist:' names no folder: expected mnist:DIR",
        "encode DIR --out EMPTY | --out is empty, expected FILE",
        "interpolate DIR --from EMPTY --axis 0 --out x.png | --from is empty, expected IMAGE",
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
        "sample DIR/nothing --out x.png | does not exist",
        "interpolate DIR/nothing --from 0 --to 1 --out x.png | does not exist",
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
  void whatAVariationalAutoencoderCannotDoIsSaidInOneLine() throws IOException {
    Path run = train("vae --hidden 4 --latent 2 --steps 1");
    Invocation.writeImages(folder.resolve("large"), 20, 12, 1);
    Path notes = Files.writeString(folder.resolve("notes.png"), "no picture");
    String walk = "interpolate %s --out DIR/x.png --from 0 ".formatted(run);

    assertRefused(run(walk + "--to 40"), ExitCode.FAILURE, "no test image 40, expected 0 to 39");
    assertRefused(run(walk + "--axis 2"), ExitCode.USAGE, "--axis is 2, expected 0 to 1");
    assertRefused(run(walk + "--to " + notes), ExitCode.FAILURE, "notes.png is not a picture");
    assertRefused(
        run(walk + "--to DIR/no.png"), ExitCode.FAILURE, "does not exist: expected a PNG");
    assertRefused(run(walk + "--to 1 --data DIR/large"), ExitCode.FAILURE, "takes images of 8x8");
    assertRefused(run("sample %s --out DIR".formatted(run)), ExitCode.FAILURE, "is a folder");
    assertRefused(run("evaluate %s --pca --data DATA".formatted(run)), ExitCode.USAGE, "is a vae");
    assertRefused(
        run("evaluate %s --likelihood-samples 0 --data DATA".formatted(run)),
        ExitCode.USAGE,
        "--likelihood-samples is 0, expected at least 1");
    Path model = run.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(model);
    Files.write(model, Arrays.copyOf(bytes, bytes.length - 100));
    assertRefused(
        run("sample %s --out DIR/x.png".formatted(run)), ExitCode.FAILURE, "model.safetensors");
  }

  @Test
  void aPlainAutoencoderHasNoPriorToDrawFrom() {
    Path run = train("vae --hidden 4 --latent 2 --steps 1 --plain");

    assertRefused(
        run("sample %s/plain.safetensors --out DIR/x.png".formatted(run)),
        ExitCode.FAILURE,
        "plain.safetensors is a plain autoencoder, whose codes have no prior to draw from");
    assertThat(folder.resolve("x.png")).doesNotExist();
  }

  @Test
  void aModelThatIsNotVariationalHasNothingToDrawFrom() {
    Path run = train("autoencoder --widths 4 --steps 1");

    for (String command : new String[] {"sample RUN", "interpolate RUN --from 0 --to 1"}) {
      assertRefused(
          run(command.replace("RUN", run.toString()) + " --out DIR/x.png"),
          ExitCode.FAILURE,
          "holds a model of kind autoencoder, expected a model of kind vae");
    }
    assertRefused(
        run("evaluate %s --likelihood-samples 5 --data DATA".formatted(run)),
        ExitCode.USAGE,
        "--likelihood-samples is for a vae");
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
  void imagesOfAnotherShapeAreRefusedByAVae() {
    Path run = train("vae --hidden 4 --latent 2 --steps 1");
    Path wide = folder.resolve("wide");
    Invocation.writeImages(wide, 20, 4, 16, 1); // as many values as 8x8

    for (String command :
        new String[] {"evaluate RUN", "reconstruct RUN --show", "encode RUN --out DIR/x.npy"}) {
      assertRefused(
          run(command.replace("RUN", run.toString()) + " --data " + wide),
          ExitCode.FAILURE,
          "the images are 4x16, the model takes images of 8x8");
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
  void aDamagedLineOfTheMetricsIsNamed() throws IOException {
    Path run = folder.resolve("run");
    run("train autoencoder --widths 4 --epochs 3 --stop-after-steps 1 --data DATA --out " + run);
    Path metrics = run.resolve("metrics.jsonl");
    String sound = Files.readString(metrics);
    long lines = sound.lines().count();

    for (String damaged :
        new String[] {"{\"stage\":", "", "{}", "[1]", "{\"stage\":\"a\",\"step\":1}"}) {
      Files.writeString(metrics, sound + damaged + "\n");
      assertRefused(
          run("train autoencoder --resume " + run),
          ExitCode.FAILURE,
          "%s, line %d is not a report of a training".formatted(metrics, lines + 1),
          "delete that line");
    }
    Files.writeString(metrics, sound);
    assertThat(run("train autoencoder --resume " + run).err()).isEmpty();
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
  void aPictureIsNotNamedAsAnotherKindOfFile() {
    Path run = train("vae --hidden 4 --latent 2 --steps 1");

    for (String command :
        new String[] {"reconstruct RUN", "sample RUN", "interpolate RUN --from 0 --to 1"}) {
      assertRefused(
          run(command.replace("RUN", run.toString()) + " --out DIR/a.jpg"),
          ExitCode.FAILURE,
          "a.jpg would be a PNG file, expected a name that ends in .png: give --out another name");
    }
    assertThat(folder.resolve("a.jpg")).doesNotExist();
  }

  @Test
  void codesAreNotNamedAsAnotherKindOfFile() throws IOException {
    Path run = train("stacked --widths 4 --steps 1 --pretrain-epochs 0.1 --classifier-epochs 0.1");
    Path classifier = run.resolve("classifier.safetensors");
    byte[] bytes = Files.readAllBytes(classifier);

    for (String file : new String[] {classifier.toString(), run + "/metrics.jsonl", "DIR/codes"}) {
      assertRefused(
          run("encode %s --out %s".formatted(run, file)),
          ExitCode.FAILURE,
          "would be a NumPy file, expected a name that ends in .npy: give --out another name");
    }
    assertThat(classifier).hasBinaryContent(bytes);
    assertThat(folder.resolve("codes")).doesNotExist();
  }

  @Test
  void whatACommandReadsIsNotReplaced() throws IOException {
    Path run = train("vae --hidden 4 --latent 2 --steps 1");
    Path model = run.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(model);
    Path picture = Files.writeString(folder.resolve("a.png"), "a picture");
    Path link = Files.createSymbolicLink(folder.resolve("link"), model);

    for (String command :
        new String[] {
          "encode RUN --out RUN/model.safetensors",
          "encode RUN/model.safetensors --out RUN/../run/model.safetensors",
          "encode RUN --out " + link,
          "encode RUN --out RUN/config.json",
          "reconstruct RUN --out RUN/model.safetensors",
          "sample RUN --out RUN/model.safetensors",
          "interpolate RUN --from 0 --to 1 --out RUN/model.safetensors",
          "interpolate RUN --from 0 --to DIR/a.png --out DIR/a.png",
          "interpolate RUN --data DIR --from 0 --to 1 --out DIR/a.png",
          "encode RUN --data DIR --out DIR/a.png",
          "encode RUN --data idx:DIR/a.png --out DIR/a.png",
          "reconstruct RUN --data DIR/a.png --out DIR/a.png"
        }) {
      assertRefused(
          run(command.replace("RUN", run.toString())),
          ExitCode.FAILURE,
          "would be replaced, but this command reads it: give --out another name");
    }
    assertThat(model).hasBinaryContent(bytes);
    assertThat(picture).hasContent("a picture");
  }

  @Test
  void imagesWithoutClassesAreRefusedWhereThoseAreNeeded() {
    Path run = train("stacked --widths 4 --steps 1 --pretrain-epochs 0.1 --classifier-epochs 0.1");

    assertRefused(
        run("evaluate %s/model.safetensors --probe --data DIR/train".formatted(run)),
        ExitCode.USAGE,
        "has no labels, --probe needs them; leave it out");
    assertRefused(
        run("evaluate %s/classifier.safetensors --data DIR/train".formatted(run)),
        ExitCode.USAGE,
        "has no labels, the error of a classifier needs them");
  }

  @Test
  void anOutputThatCannotBeWrittenIsAFailure() throws Exception {
    Invocation refused =
        Invocation.of(
            Invocation.process(":", List.of(), "--version").redirectOutput(new File("/dev/full")));

    assertRefused(refused, ExitCode.FAILURE, "the standard output was not written whole");
  }

  @Test
  void theOptionsThatTakeTheDevicesMemoryAreNamed() {
    System.setProperty("clessidra.memory.limit", "16M");
    try {
      assertRefused(
          run("train vae --hidden 4 --latent 2 --steps 1 --samples 100000 --data DATA"),
          ExitCode.FAILURE,
          "Out of device memory",
          "; what takes memory here: --samples, --batch, --hidden, --convolutions");
    } finally {
      System.clearProperty("clessidra.memory.limit");
    }
  }

  @Test
  void whatCannotBeLookedAtIsNotCalledAbsent() throws IOException {
    Path loop = folder.resolve("loop");
    Files.createSymbolicLink(loop, loop);
    Path run = Files.createDirectory(folder.resolve("looped"));
    Files.createSymbolicLink(run.resolve("model.safetensors"), loop);

    for (String command :
        new String[] {
          "evaluate " + loop,
          "evaluate " + run,
          "segment %s %s --out DIR/masks".formatted(folder.resolve("train"), loop),
          "train autoencoder --data " + loop,
          "train unet --data " + loop
        }) {
      assertRefused(run(command), ExitCode.FAILURE, "cannot be looked at");
    }
  }

  @Test
  void whatMayNotBeUsedIsNotCalledAbsent() throws IOException {
    Path closed = Files.createDirectory(folder.resolve("closed"));
    Files.writeString(closed.resolve("model.safetensors"), "a model");
    Files.setPosixFilePermissions(closed, Set.of());
    try {
      assumeFalse(Files.isReadable(closed), "the superuser may use it all the same");

      for (String command :
          new String[] {
            "evaluate " + closed,
            "evaluate %s/model.safetensors".formatted(closed),
            "train autoencoder --data %s/picture.png".formatted(closed),
            "train autoencoder --steps 1 --data DATA --out %s/run".formatted(closed)
          }) {
        assertRefused(run(command), ExitCode.FAILURE, "permission denied for " + closed);
      }
    } finally {
      Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("rwx------"));
    }
  }

  @Test
  void aHeapThatIsTooSmallIsSaidInOneLine() throws Exception {
    Invocation refused =
        Invocation.of(
            Invocation.process(
                    ":",
                    List.of("-Xmx12m"),
                    "train",
                    "autoencoder",
                    "--steps",
                    "1",
                    "--out",
                    folder + "/run")
                .redirectOutput(ProcessBuilder.Redirect.DISCARD));

    assertRefused(refused, ExitCode.FAILURE, "out of memory", "CLESSIDRA_JAVA_OPTS=-Xmx");
  }

  @Test
  void theStackTraceIsShownWhenAskedFor() {
    Invocation refused = run("--stacktrace evaluate DIR/nothing");
    Invocation after = run("evaluate DIR/nothing --stacktrace");

    assertThat(refused.err()).startsWith("clessidra: ").contains("\tat dev.clessidra");
    assertThat(after.err()).contains("\tat dev.clessidra");
  }
}
