package dev.clessidra.bench.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Where the project is, and which commit. */
final class Source {
  /** Set by the launcher; the current folder otherwise. */
  private static final String HOME_PROPERTY_NAME = "clessidra.home";

  private Source() {}

  static Path home() {
    return Path.of(System.getProperty(HOME_PROPERTY_NAME, ""));
  }

  /** The history of runs that is kept with the source. */
  static Path history() {
    return home().resolve(Path.of("bench", "results", "history.jsonl"));
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
