package dev.clessidra.bench.cli;

import dev.clessidra.kernels.Device;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** Where the project is, which commit, and on what it runs. */
final class Source {
  /** Set by the launcher; the current folder otherwise. */
  private static final String HOME_PROPERTY_NAME = "clessidra.home";

  private static final Path PROCESSORS = Path.of("/proc/cpuinfo");

  private Source() {}

  static Path home() {
    return Path.of(System.getProperty(HOME_PROPERTY_NAME, ""));
  }

  /** The history of runs that is kept with the source. */
  static Path history() {
    return home().resolve(Path.of("bench", "results", "history.jsonl"));
  }

  /** The device and the processor, for example {@code cpu: 2 threads, avx2; AMD EPYC}. */
  static String machine(Device device) {
    return processor()
        .map(name -> device.description() + "; " + name)
        .orElseGet(device::description);
  }

  private static Optional<String> processor() {
    try (Stream<String> lines = Files.lines(PROCESSORS)) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst();
    } catch (IOException | UncheckedIOException _) {
      return Optional.empty();
    }
  }

  /** The commit, with {@code -dirty} where files are changed; {@code unknown} without git. */
  static String commit() {
    try {
      Process git =
          new ProcessBuilder("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
              .directory(home().toAbsolutePath().toFile())
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String output = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return git.waitFor() == 0 ? output.strip() : "unknown";
    } catch (IOException _) {
      return "unknown";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "unknown";
    }
  }
}
