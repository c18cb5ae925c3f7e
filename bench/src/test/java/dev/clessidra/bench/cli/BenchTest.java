package dev.clessidra.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clessidra.bench.baselines.Baseline;
import dev.clessidra.bench.baselines.Baselines;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.measure.StubLibrary;
import dev.clessidra.bench.measure.Timing;
import dev.clessidra.bench.report.Run;
import dev.clessidra.bench.report.RunFile;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BenchTest {
  @TempDir private Path folder;

  private record Outcome(int code, String out, String err) {}

  /** A baseline that gives zeros. */
  private static final class Zeros implements Baseline {
    @Override
    public String name() {
      return "zeros";
    }

    @Override
    public Library open(Device device, int threads) {
      assertThat(threads).isEqualTo(1);
      return new StubLibrary(name(), (work, _) -> new float[work.resultSize()]);
    }
  }

  /** A checkout whose launcher starts this build. */
  private Path checkout(String program) throws IOException {
    Path launcher = Files.createDirectory(folder.resolve("before")).resolve("clessidra");
    Files.writeString(launcher, "#!/bin/sh\nshift\n" + program + "\n");
    assertThat(launcher.toFile().setExecutable(true)).isTrue();
    return launcher.getParent();
  }

  @ParameterizedTest
  @ValueSource(strings = {"cpu", "emulated"})
  void anotherBuildTakesTurns(String device) throws IOException {
    String program =
        "exec '%s' --enable-native-access=ALL-UNNAMED -Dclessidra.cuda.driver=emulated -cp '%s' %s \"$@\""
            .formatted(
                Path.of(System.getProperty("java.home"), "bin", "java"),
                System.getProperty("java.class.path"),
                Bench.class.getName());
    String name = "build:" + checkout(program);
    Path json = folder.resolve("run.json");

    Outcome outcome =
        run(
            "gemm",
            "--shape",
            "5x4x3",
            "--device",
            device,
            "--trial",
            "--vs",
            name,
            "--json",
            json.toString());

    assertThat(outcome.code()).as(outcome.err()).isZero();
    Run run = RunFile.read(json.toString(), folder);
    assertThat(run.absent()).isEmpty();
    assertThat(run.results())
        .hasSize(1)
        .allSatisfy(result -> {
          Timing other = result.timing(name).orElseThrow();
          assertThat(other.ratio().median()).isPositive();
          assertThat(other.error()).isZero();
        });
  }

  @Test
  void aBuildThatKnowsNoWorkerIsAbsent() throws IOException {
    String name = "build:" + checkout("exit 2");

    Outcome outcome = run("gemm", "--shape", "5x4x3", "--trial", "--vs", name);

    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.out())
        .contains(
            name
                + " is absent: its process has ended with code 2; it has to know the option"
                + " --worker");
  }

  @Test
  void aBuildThatEndsIsAnErrorAndThisOneIsTimed() throws IOException {
    String name = "build:" + checkout("echo ready 1; read command; echo done; exit 3");

    Outcome outcome = run("gemm", "--shape", "5x4x3", "--trial", "--vs", name);

    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.out())
        .contains("gemm 5x4x3 NN")
        .contains(name + ": wrong result: 0 values, expected 20");
  }

  @Test
  void aFolderWithoutALauncherIsNoBuild() {
    Outcome outcome = run("gemm", "--vs", "build:" + folder);

    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err()).contains("expected the folder of a checkout");
  }

  @AfterEach
  void forgetThreads() {
    System.clearProperty(DeviceOptions.THREADS_PROPERTY_NAME);
  }

  private static Outcome run(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code =
        Bench.commandLine(new Baselines(List.of(new Zeros())), arguments)
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(err, true))
            .execute(arguments);
    return new Outcome(code, out.toString(), err.toString());
  }

  @Test
  void aWorkIsMeasuredAndKept() throws IOException {
    Path json = folder.resolve("run.json");
    Path picture = folder.resolve("roofline.png");
    Outcome outcome =
        run(
            "conv2d",
            "--shape",
            "2x8x8x3,4x3x3",
            "--direction",
            "forward,data,filter",
            "--trial",
            "--vs",
            "onednn",
            "--json",
            json.toString(),
            "--roofline",
            picture.toString());

    assertThat(outcome.code()).isZero();
    assertThat(outcome.out())
        .startsWith("cpu: ")
        .contains("onednn is absent: not built in; this builds it in: mvn")
        .containsPattern("conv2d 2x8x8x3,4x3x3 stride 1 padding 1 forward .* GFLOP/s +[0-9]+ %")
        .contains("padding 1 data ")
        .contains("padding 1 filter ");
    assertThat(picture).isNotEmptyFile();

    Path other = folder.resolve("other.json");
    Files.writeString(other, Files.readString(json).replace("1 forward", "1 other"));
    Outcome compared = run("compare", json.toString(), other.toString());
    assertThat(compared.code()).isZero();
    assertThat(compared.out())
        .containsPattern("padding 1 data +share of the limit")
        .contains("of 2 figures changed")
        .contains("only before: conv2d 2x8x8x3,4x3x3 stride 1 padding 1 forward")
        .contains("only after: conv2d 2x8x8x3,4x3x3 stride 1 padding 1 other");
  }

  @Test
  void whatCannotBeWrittenIsToldBeforeAnythingIsMeasured() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    for (String option : new String[] {"--json", "--roofline"}) {
      Outcome outcome =
          run("gemm", "--shape", "4x5x6", "--trial", option, file.resolve("x").toString());
      assertThat(outcome.code()).isEqualTo(1);
      assertThat(outcome.out()).isEmpty();
      assertThat(outcome.err())
          .startsWith("clessidra: " + file.resolve("x") + " cannot be written: no file can be made")
          .hasLineCount(1);
      assertThat(run("gemm", "--trial", option, folder.toString()).err()).contains("is a folder");
    }
  }

  @Test
  void oneModelCanBeMeasuredAlone() {
    Outcome outcome = run("training", "--model", "dense-vae", "--trial");

    assertThat(outcome.code()).isZero();
    assertThat(outcome.err()).isEqualToIgnoringNewLines("1 of 1: training dense VAE, batch 128");
    assertThat(outcome.out())
        .containsPattern("training dense VAE, batch 128 .* samples/s, [0-9.]+ GFLOP/s +[0-9]+ %");
  }

  @Test
  void aWrongBaselineIsAnErrorAndTheExitCodeIsOne() {
    Outcome outcome = run("gemm", "--shape", "4x5x6", "--trial", "--threads", "1", "--vs", "zeros");

    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.out())
        .contains("zeros: 1")
        .contains("error: gemm 4x5x6 NN, zeros: wrong result: it differs by 1.0 from what is right")
        .doesNotContain("to zeros");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "gemm --shape 8x9|--shape is '8x9': expected MxNxK with numbers of 1 to 16777216, such as"
            + " 1024x1024x1024",
        "gemm --shape 0x1x1|--shape is '0x1x1': expected MxNxK",
        "gemm --shape 16000000x16000000x1|has operands of 953674 GiB together: expected at most 8,"
            + " choose a smaller --shape",
        "gemm --transpose c|--transpose is 'c': expected a, b or ab",
        "gemm --stride 2|--stride is not for gemm: expected --shape, --transpose",
        "conv2d --shape 1x2x2x1,1x5x5 --padding 0|Window spans a height of 5 pixels",
        "conv2d --algorithm fft|--algorithm is 'fft': expected direct or winograd",
        "conv2d --algorithm winograd --stride 2|has taps of 3 x 3, stride 2 x 2, dilation 1 x 1:"
            + " expected 3 x 3, stride 1 and dilation 1",
        "conv2d --shape 1x4x4x1,1x3x3 --stride 0|Window is 3 x 3, stride 0 x 0",
        "conv2d --direction up|--direction is 'up': expected one or more of forward, data, filter",
        "bias-activation --activation cube|cube",
        "training --model u-nets|--model is 'u-nets': expected one or more of deep-autoencoder,",
        "latency --model small-batch-vae|expected one or more of deep-autoencoder,"
            + " sparse-autoencoder, convolutional-vae, dense-vae, u-net,",
        "gemm --model u-net|--model is not for gemm",
        "adam --shape 3|--shape is not for adam: expected none of these options",
        "gem|there is no work 'gem': expected one that --list shows, such as gemm or conv2d",
        "gemm gemm --shape 4x5x6|gemm 4x5x6 NN is asked for more than once: expected each work"
            + " once",
        "conv2d --direction data,forward,data|stride 1 padding 1 data is asked for more than once",
        "training --model u-net,u-net|training U-Net, batch 2 is asked for more than once",
        "''|nothing to time: expected a work, or --suite",
        "gemm --suite kernels|--suite kernels and the work gemm: expected one of them",
        "--suite kernels --shape 3|--shape is not for --suite",
        "--suite none|Suite 'none' is unknown: expected one of [kernels, fixed-size-kernels,"
            + " models]",
        "max-pool --roofline x.png|--roofline is for works whose operations and bytes are counted:"
            + " expected products, convolutions or answers to one image among them",
        "training --model dense-vae --roofline x.png|--roofline is for works whose",
        "gemm --slice 0|Length of a turn is 0 ms: expected at least 1",
        "gemm --rounds 0|Number of rounds is 0: expected at least 1",
        "gemm --trial --record|--record and --trial: the times of a trial mean nothing, expected"
            + " one of them",
        "gemm --threads -1|Number of threads is -1: expected 1 to 1024",
        "gemm --vs mkl|Baseline 'mkl' is unknown: expected libtorch, onednn, openblas, zeros or"
            + " build:FOLDER; see",
      })
  void badInputGetsOneLine(String line, String message) {
    Outcome outcome = run(line.isEmpty() ? new String[0] : line.split(" ", -1));

    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.out()).isEmpty();
    assertThat(outcome.err())
        .startsWith("clessidra: ")
        .contains(message)
        .endsWith("; see clessidra bench --help" + System.lineSeparator())
        .hasLineCount(1);
  }

  @Test
  void aDeviceOrRunThatIsNotThereIsOneLine() {
    assertThat(run("gemm", "--device", "cuda:x").err())
        .startsWith("clessidra: Device 'cuda:x' is unknown")
        .hasLineCount(1);
    Outcome outcome = run("compare", "a", "b");
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.err()).startsWith("clessidra: a is no file").hasLineCount(1);
  }

  @Test
  void allWorksAreListed() {
    assertThat(run("--list").out())
        .containsPattern("conv2d +NxHxWxC,KxRxS +8x64x64x64,64x3x3")
        .containsPattern("training +--model +deep-autoencoder,.*,u-net")
        .containsPattern("latency +--model .*,sparse-autoencoder,.*,dense-vae,")
        .containsPattern("max-pool-backward +4x128x128x32")
        .contains("cold-start", "kernels", "models", "zeros", "not built in");
  }

  @Test
  void worksOfGivenSizesAreMeasuredTogether() {
    List<String> arguments =
        new ArrayList<>(
            Arrays.asList(
                "conv-transpose2d", "--shape", "1x3x3x2,4x2x2", "--direction", "data", "--trial"));
    assertThat(run(arguments.toArray(String[]::new)).out())
        .contains("conv-transpose2d 1x3x3x2,4x2x2 stride 2 padding 0 data");
    for (String[] work :
        new String[][] {
          {"concat", "1x2x2x3,2"}, {"bias-activation", "3x5"}, {"kl", "3x4"}, {"sample", "5000"}
        }) {
      Outcome outcome = run(work[0], "--shape", work[1], "--trial");
      assertThat(outcome.code()).isZero();
      assertThat(outcome.out()).contains(work[0] + " " + work[1]).contains("GB/s");
    }
  }

  @Test
  void anAlgorithmIsNamedWhereItIsNotTheUsualOne() {
    for (String algorithm : new String[] {"direct", "winograd"}) {
      Outcome outcome =
          run("conv2d", "--shape", "1x8x8x8,8x3x3", "--algorithm", algorithm, "--trial");
      assertThat(outcome.code()).isZero();
      String label = "conv2d 1x8x8x8,8x3x3 stride 1 padding 1 forward";
      assertThat(outcome.out()).contains(algorithm.equals("direct") ? label + " direct" : label);
      assertThat(outcome.out()).doesNotContain("winograd");
    }
  }

  @Test
  void theStartOfAProcessIsMeasured() {
    Outcome outcome = run("cold-start", "--trial");

    assertThat(outcome.code()).isZero();
    assertThat(outcome.out()).containsPattern("cold-start deep autoencoder +[0-9.]+ m?s");
  }
}
