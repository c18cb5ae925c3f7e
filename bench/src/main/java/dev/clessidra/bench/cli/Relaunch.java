package dev.clessidra.bench.cli;

import dev.clessidra.bench.baselines.Baseline;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** Starts the program again with environment variables that baselines have to find. */
final class Relaunch {
  private Relaunch() {}

  /**
   * Returns the exit code of the other process, or nothing if no variable is missing.
   *
   * @param program whose {@code main} is called again
   */
  static OptionalInt ifNeeded(Class<?> program, List<Baseline> baselines, List<String> arguments) {
    Map<String, String> missing = new HashMap<>();
    for (Baseline baseline : baselines) {
      baseline
          .environment()
          .forEach((name, value) -> {
            if (System.getenv(name) == null) {
              missing.put(name, value);
            }
          });
    }
    if (missing.isEmpty()) {
      return OptionalInt.empty();
    }
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), program.getName()));
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
    builder.environment().putAll(missing);
    return OptionalInt.of(run(builder));
  }

  /** Runs a process to its end; it does not outlive this one. */
  static int run(ProcessBuilder builder) {
    Thread end =
        new Thread(() -> ProcessHandle.current().children().forEach(ProcessHandle::destroy));
    Runtime.getRuntime().addShutdownHook(end);
    try {
      return builder.start().waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while the benchmarks ran", e);
    }
  }
}
