package dev.clessidra.bench.baselines.pytorch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatNoException;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Arithmetic;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.baselines.Python;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.MatrixProduct;
import dev.clessidra.bench.work.ModelLatency;
import dev.clessidra.bench.work.SelfTimed;
import dev.clessidra.bench.work.TrainedModel;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class PytorchTest {
  private static final String VERSIONS = "{\"version\": \"2.99\", \"cuda\": null, \"cudnn\": null}";
  private static Device processor;

  private final String before = System.getProperty(Python.PROPERTY_NAME, "");
  @TempDir Path folder;

  @BeforeAll
  static void openDevice() {
    processor = Device.open("cpu");
  }

  @AfterAll
  static void closeDevice() {
    processor.close();
  }

  @AfterEach
  void restore() {
    System.setProperty(Python.PROPERTY_NAME, before);
  }

  /** Makes a shell script the machine's Python. */
  private void python(String script) throws IOException {
    Path file = folder.resolve("python");
    Files.writeString(file, "#!/bin/sh\n" + script);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
    System.setProperty(Python.PROPERTY_NAME, file.toString());
  }

  private static Library open() throws AbsentException {
    return PytorchBaseline.eager().open(processor, 1);
  }

  @Test
  void theScriptIsAskedForLossesAndTimes() throws IOException, AbsentException {
    python(
        """
        echo '%s'
        while read -r command number rest; do
          case $command in
            prepare) echo '{"result": [3, 2, 1.5]}' ;;
            run) echo "{\\"seconds\\": $rest.25}" ;;
            close) echo '{}' ;;
          esac
        done
        """
            .formatted(VERSIONS));
    TrainedModel model = TrainedModel.DENSE_VAE;
    Inputs inputs = model.inputs();
    MatrixProduct product = new MatrixProduct(1, 1, 1, false, false);
    try (Library library = open();
        Implementation training = library.prepare(model, inputs).orElseThrow()) {
      training.run();

      assertThat(((SelfTimed) training).seconds(3)).isEqualTo(3.25);
      assertThat(((SelfTimed) training).isEndToEnd()).isFalse();
      assertThat(library.name()).isEqualTo("pytorch");
      assertThat(library.version()).isEqualTo("2.99");
      assertThat(training.result()).containsExactly(3, 2, 1.5f);
      assertThat(library.prepare(product, product.inputs())).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource
  void theScriptIsAskedForAnswers(ModelLatency latency) throws IOException, AbsentException {
    Path asked = folder.resolve("asked");
    python(
        """
        echo '%s'
        read -r command number work kind file
        head -n 1 "$file" >'%s'
        echo "{\\"result\\": [$number, 0.5]}"
        read -r command number rest
        echo "{\\"seconds\\": $rest.25}"
        read -r command
        echo "{}"
        """
            .formatted(VERSIONS, asked));
    Inputs inputs = latency.inputs();
    try (Library library = open();
        Implementation answer = library.prepare(latency, inputs).orElseThrow()) {
      assertThat(answer.result()).containsExactly(0, 0.5f);
      assertThat(((SelfTimed) answer).seconds(3)).isEqualTo(3.25);
      assertThat(((SelfTimed) answer).isEndToEnd()).isTrue();
    }
    assertThat(asked)
        .content()
        .contains(
            "{\"name\":\"image\",\"type\":\"float32\",\"shape\":[1,%d]}"
                .formatted(inputs.floats(ModelLatency.IMAGE).length));
  }

  @Test
  void itsProcessIsTunedAsTheOtherLibrariesAre() throws IOException, AbsentException {
    python(
        """
        echo "{\\"version\\": \\"$GOMP_SPINCOUNT $MALLOC_ARENA_MAX\\", \\"cuda\\": null}"
        read -r line
        """);
    try (Library library = open()) {
      assertThat(library.version()).isEqualTo("10000 1");
    }
  }

  @Test
  void withoutPythonItIsAbsent() {
    System.setProperty(Python.PROPERTY_NAME, folder.resolve("nothing").toString());

    assertThatExceptionOfType(AbsentException.class)
        .isThrownBy(PytorchTest::open)
        .withMessageStartingWith(
            "Python was not found: install it, or name it in clessidra.python:");
  }

  @Test
  void withoutPytorchItIsAbsent() throws IOException {
    python(
        """
        echo 'Traceback' >&2
        echo "ModuleNotFoundError: No module named 'torch'" >&2
        exit 1
        """);

    assertThatExceptionOfType(AbsentException.class)
        .isThrownBy(PytorchTest::open)
        .withMessage("PyTorch's process ended: ModuleNotFoundError: No module named 'torch'");
  }

  @Test
  void whatTheScriptFindsWrongIsSaid() throws IOException, AbsentException {
    python(
        """
        echo '%s'
        read -r line
        echo '{"error": "ValueError: it is wrong"}'
        """
            .formatted(VERSIONS));
    TrainedModel model = TrainedModel.DENSE_VAE;
    Inputs inputs = model.inputs();
    try (Library library = open()) {
      assertThatIllegalStateException()
          .isThrownBy(() -> library.prepare(model, inputs))
          .withMessage("ValueError: it is wrong");
    }
  }

  /**
   * The script itself, on a PyTorch that computes nothing, and whose memory is used up at first.
   */
  @Test
  void aModelThatFailsLeavesTheOthersToTheScript() throws IOException, AbsentException {
    assumeTrue(hasPython());
    Path torch = folder.resolve("torch");
    Files.createDirectories(torch.resolve("nn"));
    String anything =
        """
        from unittest.mock import MagicMock

        def __getattr__(name):
            return MagicMock()

        """;
    Files.writeString(torch.resolve("nn/functional.py"), anything);
    Files.writeString(
        torch.resolve("__init__.py"),
        anything
            + """
            __version__ = "2.99"
            version = MagicMock(cuda=None)
            backends = MagicMock()
            backends.cudnn.version.return_value = None
            frombuffer = MagicMock(side_effect=[MemoryError("it is used up")] + 1000 * [MagicMock()])
            """);
    python("PYTHONPATH='%s' exec python3 \"$@\"\n".formatted(folder));
    TrainedModel model = TrainedModel.DENSE_VAE;
    Inputs inputs = model.inputs();
    try (Library library = open()) {
      assertThatIllegalStateException()
          .isThrownBy(() -> library.prepare(model, inputs))
          .withMessage("MemoryError: it is used up");
      try (Implementation training = library.prepare(model, inputs).orElseThrow()) {
        assertThat(((SelfTimed) training).seconds(2)).isPositive();
      }
    }
  }

  private static boolean hasPython() {
    try {
      Process python = new ProcessBuilder("python3", "-c", "").start();
      return python.onExit().join().exitValue() == 0;
    } catch (IOException _) {
      return false;
    }
  }

  @Test
  void whyTheProcessEndedIsSaidAgainAndClosingAModelIsNoError()
      throws IOException, AbsentException {
    python(
        """
        echo '%s'
        read -r prepare
        echo '{"result": [1]}'
        read -r run
        echo 'CUDA error: it is lost' >&2
        exit 134
        """
            .formatted(VERSIONS));
    TrainedModel model = TrainedModel.DENSE_VAE;
    Inputs inputs = model.inputs();
    try (Library library = open()) {
      Implementation training = library.prepare(model, inputs).orElseThrow();
      assertThatIllegalStateException()
          .isThrownBy(training::run)
          .withMessage("PyTorch's process ended: CUDA error: it is lost");
      assertThatNoException().isThrownBy(training::close);
      assertThatIllegalStateException()
          .isThrownBy(() -> library.prepare(model, inputs))
          .withMessage("PyTorch's process ended: CUDA error: it is lost");
    }
  }

  @Test
  void aProcessThatEndedWithoutAWordHasAnExitCode() throws IOException, AbsentException {
    python("echo '%s'; read -r prepare; kill -9 $$".formatted(VERSIONS));
    TrainedModel model = TrainedModel.DENSE_VAE;
    Inputs inputs = model.inputs();
    try (Library library = open()) {
      assertThatIllegalStateException()
          .isThrownBy(() -> library.prepare(model, inputs))
          .withMessage("PyTorch's process ended: exit code 137, and it said nothing");
    }
  }

  @Test
  void onlyTheBaselineOfThatNameIsOfTf32() throws IOException, AbsentException {
    for (PytorchBaseline baseline :
        List.of(PytorchBaseline.compiled(), PytorchBaseline.compiledTf32())) {
      python("echo '%s'".formatted(VERSIONS));
      try (Library library = baseline.open(processor, 1)) {
        assertThat(library.arithmetic() == Arithmetic.TF32)
            .isEqualTo(library.name().equals("pytorch-compiled-tf32"));
      }
    }
  }

  @Test
  void theEmulatedGpuHasNoPytorch() {
    try (Device device = Device.open("emulated")) {
      assertThatExceptionOfType(AbsentException.class)
          .isThrownBy(() -> PytorchBaseline.compiled().open(device, 1))
          .withMessage("it runs on GPUs and CPUs, and the device is emulated");
    }
  }

  /** Where the machine's Python has PyTorch; a benchmark checks all models so. */
  @ParameterizedTest
  @EnumSource(names = {"DENSE_VAE", "SPARSE_AUTOENCODER"})
  void itsLossesAreOurs(TrainedModel model) {
    compare(model);
  }

  /** Where the machine's Python has PyTorch. */
  @ParameterizedTest
  @EnumSource
  void itsAnswersAreOurs(ModelLatency latency) {
    compare(latency);
  }

  private static void compare(Work work) {
    Library library;
    try {
      library = open();
    } catch (AbsentException e) {
      assumeTrue(false, e.getMessage());
      return;
    }
    Inputs inputs = work.inputs();
    try (library;
        Implementation ours = work.on(processor, inputs);
        Implementation theirs = library.prepare(work, inputs).orElseThrow()) {
      assertThat(work.error(inputs, theirs.result(), ours.result())).isLessThan(work.tolerance());
      theirs.run();
    }
  }
}
