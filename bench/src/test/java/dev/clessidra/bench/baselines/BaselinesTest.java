package dev.clessidra.bench.baselines;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.clessidra.kernels.Device;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

public class BaselinesTest {
  private static final Baseline ABSENT =
      new Baseline() {
        @Override
        public String name() {
          return "some";
        }

        @Override
        public Library open(Device device, int threads) throws AbsentException {
          throw new AbsentException(
              "its library cannot be loaded", new UnsatisfiedLinkError("no file\nnor folder"));
        }
      };

  /** As a service provider has it, with a constructor that everybody may call. */
  public static final class Present implements Baseline {
    @Override
    public String name() {
      return "present";
    }

    @Override
    public Library open(Device device, int threads) throws AbsentException {
      throw new AbsentException("never opened");
    }
  }

  @Test
  void whatIsNotBuiltInSaysHowItIs() {
    Baselines baselines = new Baselines(List.of(ABSENT));

    assertThat(baselines.names()).containsExactly("libtorch", "onednn", "openblas", "some");
    assertThatExceptionOfType(AbsentException.class)
        .isThrownBy(() -> baselines.get("onednn"))
        .withMessage(
            "not built in; this builds it in: mvn -B -Dmaven.test.skip=true -Pbaselines -pl bench"
                + " -am package");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> baselines.get("none"))
        .withMessage(
            "Baseline 'none' is unknown: expected libtorch, onednn, openblas, some or"
                + " build:FOLDER.");
  }

  @Test
  void theReasonOfALoaderIsOneLine() throws AbsentException {
    Baseline baseline = new Baselines(List.of(ABSENT)).get("some");
    try (Device device = Device.open("cpu")) {
      assertThatExceptionOfType(AbsentException.class)
          .isThrownBy(() -> baseline.open(device, 1))
          .withMessage("its library cannot be loaded: no file");
    }
  }

  @Test
  void aNameThatAnotherBuildLeftBehindIsNoBaseline(@TempDir Path folder) throws IOException {
    Path services = Files.createDirectories(folder.resolve("META-INF/services"));
    Files.writeString(
        services.resolve(Baseline.class.getName()),
        "gone.First\n" + Present.class.getName() + "\n");
    try (URLClassLoader loader =
        new URLClassLoader(
            new URL[] {folder.toUri().toURL()}, BaselinesTest.class.getClassLoader())) {
      assertThat(Baselines.provided(loader))
          .noneMatch(baseline -> baseline.getClass().getName().startsWith("gone."))
          .anyMatch(Present.class::isInstance);
    }
  }
}
