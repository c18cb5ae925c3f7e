package dev.clessidra.bench.cli;

import dev.clessidra.kernels.Device;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Where the project is, which commit, and on what it runs. */
public final class Source {
  /** System property with the commit, where the sources are not those that were built. */
  public static final String COMMIT_PROPERTY_NAME = "clessidra.commit";

  /** Set by the launcher; the current folder otherwise. */
  private static final String HOME_PROPERTY_NAME = "clessidra.home";

  private static final String NOT_THE_RESULTS = ":(top,exclude)bench/results";
  private static final String UNKNOWN = "unknown";
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

  /**
   * The commit, with {@code -dirty} where files are changed; {@code unknown} without git. Recorded
   * runs are no change: each would make the next one's commit a dirty one.
   */
  public static String commit() {
    String told = System.getProperty(COMMIT_PROPERTY_NAME);
    if (told != null) {
      return told;
    }
    try {
      String commit = git("describe", "--always", "--abbrev=12", "--exclude=*");
      String changes =
          git("status", "--porcelain", "--untracked-files=no", "--", ":/", NOT_THE_RESULTS);
      return changes.isEmpty() ? commit : commit + "-dirty";
    } catch (IOException _) {
      return UNKNOWN;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return UNKNOWN;
    }
  }

  private static String git(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("git"));
    command.addAll(List.of(arguments));
    Process git =
        new ProcessBuilder(command)
            .directory(home().toAbsolutePath().toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    String output = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (git.waitFor() != 0) {
      throw new IOException("git ended with code %d".formatted(git.exitValue()));
    }
    return output.strip();
  }
}
