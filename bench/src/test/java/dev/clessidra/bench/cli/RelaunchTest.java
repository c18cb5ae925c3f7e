package dev.clessidra.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

class RelaunchTest {
  /** Waits for a process that tells its number. */
  static final class Parent {
    private Parent() {}

    public static void main(String[] arguments) {
      Relaunch.run(new ProcessBuilder("sh", "-c", "echo $$; exec sleep 60").inheritIO());
    }
  }

  @Test
  void whatWasRelaunchedEndsWithTheProcess()
      throws IOException, InterruptedException, ExecutionException, TimeoutException {
    Process parent =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Parent.class.getName())
            .start();
    try (BufferedReader output = parent.inputReader()) {
      ProcessHandle child = ProcessHandle.of(Long.parseLong(output.readLine())).orElseThrow();
      parent.destroy();
      try {
        assertThat(child.onExit().get(20, TimeUnit.SECONDS).isAlive()).isFalse();
      } finally {
        child.destroyForcibly();
      }
    } finally {
      parent.destroyForcibly();
    }
  }
}
