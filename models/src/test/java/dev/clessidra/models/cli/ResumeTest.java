package dev.clessidra.models.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ResumeTest {
  @TempDir private Path folder;
  private Path whole;
  private Path stopped;
  private String data;

  @BeforeEach
  void writeData() {
    data = Invocation.data(folder);
    whole = folder.resolve("whole");
    stopped = folder.resolve("stopped");
  }

  private Invocation run(String arguments) {
    return Invocation.of(folder.resolve("runs"), arguments.split(" "));
  }

  private static List<Path> models(Path run) throws IOException {
    try (Stream<Path> files = Files.list(run)) {
      return files
          .map(Path::getFileName)
          .filter(file -> file.toString().endsWith(".safetensors"))
          .sorted()
          .toList();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "autoencoder | --widths 16,4 --epochs 4 --noise 0.2 --average 0.9 | 7",
        "sparse | --units 20 --sparsity topk:3 --epochs 2 --probe --probe-epochs 2 | 6",
        "stacked | --widths 12,8 --epochs 2 --pretrain-epochs 1 --classifier-epochs 1 | 3",
        "deep | --widths 12,4 --epochs 2 --pretrain --pretrain-epochs 1 --optimizer sgd --clip-norm"
            + " 1 | 4",
        "vae | --hidden 12 --latent 3 --epochs 4 --plain --binarization static --warmup 0.5 | 7",
        "vae | --convolutions 3 --hidden 8 --latent 3 --epochs 4 --objective iwae --samples 2 | 7",
      })
  void aRunThatIsStoppedAgainAndAgainEndsWithTheSameBytes(String model, String options, int steps)
      throws IOException {
    String settings =
        "train %s %s --batch 32 --seed 5 --data %s".formatted(model, options.strip(), data);
    assertThat(run(settings + " --out " + whole).code()).isZero();

    Invocation part = run(settings + " --out " + stopped + " --stop-after-steps " + steps);
    int stops = 0;
    while (part.code() == ExitCode.INTERRUPTED) {
      stops++;
      assertThat(stops).isLessThan(50);
      assertThat(part.out())
          .contains("Go on with:")
          .contains("./clessidra train %s --resume %s".formatted(model, stopped));
      assertThat(stopped.resolve("checkpoint.safetensors")).exists();
      part =
          run(
              "train %s --resume %s --threads 1 --stop-after-steps %d"
                  .formatted(model, stopped, steps));
    }

    assertThat(part.err()).isEmpty();
    assertThat(part.code()).isZero();
    assertThat(stops).isGreaterThan(1);
    assertThat(models(stopped)).isEqualTo(models(whole)).hasSizeGreaterThan(0);
    for (Path file : models(whole)) {
      assertThat(stopped.resolve(file)).hasSameBinaryContentAs(whole.resolve(file));
    }
    assertThat(stopped.resolve("report.html")).exists();
  }

  @Test
  void aRunWhoseProcessDiedStartsItsStageAgain() throws IOException {
    String settings = "train autoencoder --widths 4 --epochs 4 --batch 32 --data " + data;
    run(settings + " --out " + whole);
    run(settings + " --stop-after-steps 9 --out " + stopped);
    Files.delete(stopped.resolve("checkpoint.safetensors"));

    Invocation resumed = run("train autoencoder --resume " + stopped);

    assertThat(resumed.code()).isZero();
    assertThat(stopped.resolve("model.safetensors"))
        .hasSameBinaryContentAs(whole.resolve("model.safetensors"));
    assertThat(steps(stopped)).isEqualTo(steps(whole));
  }

  private static List<String> steps(Path run) throws IOException {
    return Files.readAllLines(run.resolve("metrics.csv")).stream()
        .map(line -> line.split(",", -1)[1])
        .toList();
  }

  @Test
  void aRunWhoseProcessIsKilledGoesOnFromItsLastCheckpoint() throws Exception {
    String settings = "train autoencoder --widths 64,8 --steps 8000 --no-report --data " + data;
    assertThat(run(settings + " --out " + whole).code()).isZero();
    Process process = start(settings + " --checkpoint-every PT0.1S --out " + stopped);
    try {
      long start = System.nanoTime();
      while (!Files.exists(stopped.resolve("checkpoint.safetensors"))) {
        assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(60));
        Thread.sleep(10);
      }
      Invocation second = run("train autoencoder --resume " + stopped);
      assertThat(second.code()).isEqualTo(ExitCode.FAILURE);
      assertThat(second.err())
          .startsWith(
              "clessidra: another process is training into the run folder %s: wait until"
                  .formatted(stopped))
          .hasLineCount(1);
    } finally {
      process.destroyForcibly().waitFor(); // SIGKILL
    }
    assertThat(stopped.resolve(".lock")).exists();
    assertThat(stopped.resolve("model.safetensors")).doesNotExist();
    Path unfinished = Files.createFile(stopped.resolve(".checkpoint.safetensors.1-2.tmp"));

    Invocation resumed = run("train autoencoder --no-report --resume " + stopped);

    assertThat(resumed.err()).isEmpty();
    assertThat(resumed.out()).contains("autoencoder: goes on after step ");
    assertThat(stopped.resolve("model.safetensors"))
        .hasSameBinaryContentAs(whole.resolve("model.safetensors"));
    assertThat(stopped.resolve("checkpoint.safetensors")).doesNotExist();
    assertThat(stopped.resolve(".lock")).doesNotExist();
    assertThat(unfinished).doesNotExist();
    assertThat(steps(stopped)).containsSubsequence(steps(whole)).doesNotHaveDuplicates();
  }

  @Test
  void aFolderThatIsBeingTrainedIntoIsNotTakenForANewRun() throws IOException {
    String settings = "train autoencoder --widths 4 --steps 2 --data " + data;
    Path empty = Files.createDirectory(folder.resolve("empty"));
    try (RunLock _ = RunLock.of(new RunFolder(empty))) {
      Invocation second = run(settings + " --out " + empty);
      assertThat(second.code()).isEqualTo(ExitCode.FAILURE);
      assertThat(second.err()).contains("another process is training into").hasLineCount(1);
      assertThat(empty.resolve("config.json")).doesNotExist();
    }
    Files.createFile(empty.resolve(".lock")); // as after a crash
    assertThat(run(settings + " --out " + empty).err()).isEmpty();
    assertThat(run(settings + " --out " + empty).err()).contains("is not empty");
  }

  @Test
  void aCheckpointOfAStageThatIsFinishedIsPassedOver() throws IOException {
    String settings =
        "train deep --widths 12,4 --epochs 2 --pretrain --pretrain-epochs 1 --batch 32 --data "
            + data;
    run(settings + " --out " + whole);
    run(settings + " --stop-after-steps 3 --out " + stopped);
    // As if the process had died between writing the stage's file and deleting the checkpoint.
    Files.copy(whole.resolve("layer-1.safetensors"), stopped.resolve("layer-1.safetensors"));

    Invocation resumed = run("train deep --resume " + stopped);

    assertThat(resumed.err()).isEmpty();
    assertThat(stopped.resolve("model.safetensors"))
        .hasSameBinaryContentAs(whole.resolve("model.safetensors"));
  }

  @Test
  void otherSettingsAreRefused() {
    run(
        "train autoencoder --widths 4 --epochs 4 --stop-after-steps 2 --data "
            + data
            + " --out "
            + stopped);

    Invocation resumed = run("train autoencoder --epochs 9 --resume " + stopped);

    assertThat(resumed.code()).isEqualTo(ExitCode.USAGE);
    assertThat(resumed.err())
        .startsWith("clessidra: --epochs cannot be given with --resume")
        .hasLineCount(1);
  }

  @Test
  void otherDataIsRefused() {
    run(
        "train autoencoder --widths 4 --epochs 4 --stop-after-steps 2 --data "
            + data
            + " --out "
            + stopped);
    Invocation.writeImages(folder.resolve("train"), 160, Invocation.SIDE, 99);

    Invocation resumed = run("train autoencoder --resume " + stopped);

    assertThat(resumed.code()).isEqualTo(ExitCode.FAILURE);
    assertThat(resumed.err()).contains("is not what the run").hasLineCount(1);
  }

  @Test
  void dataThatHasMovedCanBeNamedAgain() throws IOException {
    run(
        "train autoencoder --widths 4 --epochs 4 --stop-after-steps 2 --data "
            + data
            + " --out "
            + stopped);
    Path moved = Files.createDirectory(folder.resolve("moved"));
    String again = Invocation.data(moved);
    Files.delete(folder.resolve("train"));

    Invocation resumed = run("train autoencoder --resume " + stopped + " --data " + again);

    assertThat(resumed.err()).isEmpty();
    assertThat(resumed.code()).isZero();
  }

  @Test
  void aFinishedRunIsNotResumed() {
    run("train autoencoder --widths 4 --steps 2 --no-report --data " + data + " --out " + whole);

    Invocation resumed = run("train autoencoder --resume " + whole);

    assertThat(resumed.code()).isEqualTo(ExitCode.FAILURE);
    assertThat(resumed.err()).contains("is finished: nothing to resume");
  }

  @Test
  void aRunOfAnotherModelIsNotResumed() {
    run(
        "train autoencoder --widths 4 --epochs 4 --stop-after-steps 2 --data "
            + data
            + " --out "
            + stopped);

    Invocation resumed = run("train deep --resume " + stopped);

    assertThat(resumed.code()).isEqualTo(ExitCode.USAGE);
    assertThat(resumed.err()).contains("use train autoencoder --resume");
  }

  /** Runs a command line in a process of its own. */
  private static Process start(String arguments) throws IOException {
    return Invocation.process(":", List.of(), arguments.split(" ")).start();
  }

  @Test
  void controlCSavesACheckpointAndSaysHowToGoOn() throws Exception {
    // The steps are bounded, so that a training that nobody can stop ends by itself.
    Process process =
        start("train autoencoder --steps 400000 --data %s --out %s".formatted(data, stopped));
    String last = "";
    try (BufferedReader out = process.inputReader()) {
      StringBuilder all = new StringBuilder();
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        all.append(line).append('\n');
        if (line.startsWith("autoencoder:")) {
          new ProcessBuilder("kill", "-INT", String.valueOf(process.pid())).start().waitFor();
        }
      }
      last = all.toString();
      assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    } finally {
      process.destroyForcibly();
    }

    assertThat(last).contains("Go on with:").contains("--resume " + stopped);
    assertThat(process.exitValue()).isEqualTo(ExitCode.INTERRUPTED);
    assertThat(stopped.resolve("checkpoint.safetensors")).exists();
  }

  @Test
  void controlCSaysWhyNoCheckpointWasSaved() throws Exception {
    Process process =
        start(
            "train autoencoder --widths 4 --steps 400000 --data %s --out %s"
                .formatted(data, stopped));
    List<String> lines = new ArrayList<>();
    try (BufferedReader out = process.inputReader()) {
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        lines.add(line);
        if (line.startsWith("autoencoder:")) {
          Files.move(stopped, folder.resolve("elsewhere"));
          new ProcessBuilder("kill", "-INT", String.valueOf(process.pid())).start().waitFor();
        }
      }
      assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    } finally {
      process.destroyForcibly();
    }

    assertThat(lines.getLast())
        .startsWith("clessidra: %s/checkpoint.safetensors: cannot be written: ".formatted(stopped))
        .contains("there is no such folder")
        .endsWith("; nothing of the run is left: train again");
    assertThat(process.exitValue()).isEqualTo(ExitCode.INTERRUPTED);
  }

  /** Trains in a process that can write no file of more bytes. */
  private Invocation limited(int bytes, String arguments) throws Exception {
    return Invocation.of(
        Invocation.process(
            "ulimit -f " + bytes / 512,
            List.of("-XX:-UsePerfData"),
            "train autoencoder --data %s --out %s --no-report %s"
                .formatted(data, stopped, arguments)
                .split(" ")));
  }

  @Test
  void aModelThatCannotBeWrittenLeavesARunThatGoesOn() throws Exception {
    Invocation trained = limited(4096, "--widths 64,8 --steps 4");

    assertThat(trained.code()).isEqualTo(ExitCode.FAILURE);
    assertThat(trained.err())
        .startsWith("clessidra: %s/model.safetensors: cannot be written: ".formatted(stopped))
        .contains("; choose another place or make room, then start the stage again, of which")
        .contains("nothing is saved, with: ./clessidra train autoencoder --resume " + stopped)
        .hasLineCount(1);
    assertThat(run("train autoencoder --no-report --resume " + stopped).code()).isZero();
  }

  @Test
  void metricsThatCannotBeWrittenLeaveACheckpoint() throws Exception {
    Invocation trained = limited(16384, "--widths 1 --steps 400");

    assertThat(trained.code()).isEqualTo(ExitCode.FAILURE);
    assertThat(trained.err())
        .startsWith("clessidra: %s/metrics.".formatted(stopped))
        .contains("then go on from the last checkpoint with: ./clessidra train autoencoder")
        .hasLineCount(1);
    Invocation resumed = run("train autoencoder --no-report --resume " + stopped);
    assertThat(resumed.err()).isEmpty();
    assertThat(resumed.out()).contains("autoencoder: goes on after step ");
  }

  @Test
  void whatIsWrongWithACheckpointIsSaidWithWhatToDo() throws IOException {
    run(
        "train autoencoder --widths 4 --steps 20 --stop-after-steps 2 --data %s --out %s"
            .formatted(data, stopped));
    Path config = stopped.resolve("config.json");
    String settings = Files.readString(config);
    Files.writeString(config, settings.replace("\"--steps\": \"20\"", "\"--steps\": \"30\""));

    Invocation changed = run("train autoencoder --resume " + stopped);

    assertThat(changed.code()).isEqualTo(ExitCode.FAILURE);
    assertThat(changed.err())
        .contains("was trained with 'steps 20', this training has 'steps 30'")
        .contains("; restore it, or delete it and start the stage again with: ./clessidra train")
        .hasLineCount(1);

    Files.writeString(config, settings);
    Path checkpoint = stopped.resolve("checkpoint.safetensors");
    byte[] bytes = Files.readAllBytes(checkpoint);
    Files.write(checkpoint, Arrays.copyOf(bytes, bytes.length - 100));

    Invocation truncated = run("train autoencoder --resume " + stopped);

    assertThat(truncated.code()).isEqualTo(ExitCode.FAILURE);
    assertThat(truncated.err())
        .contains("truncated: ")
        .contains("; restore it, or delete it and start the stage again with: ./clessidra train")
        .hasLineCount(1);
    Files.delete(checkpoint);
    assertThat(run("train autoencoder --resume " + stopped).err()).isEmpty();
  }
}
