package dev.clessidra.bench.baselines;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The machine's Python. */
public final class Python {
  /** System property with the Python to run, {@code python3} unless set. */
  public static final String PROPERTY_NAME = "clessidra.python";

  private Python() {}

  /** Returns the program, by name or path. */
  public static String program() {
    return Stream.of(System.getProperty(PROPERTY_NAME, ""), System.getenv("CLESSIDRA_PYTHON"))
        .filter(name -> name != null && !name.isBlank())
        .findFirst()
        .orElse("python3");
  }

  /** Returns the folders that packages are imported from; none where there is no Python. */
  public static List<Path> packageFolders() {
    List<Path> folders = new ArrayList<>();
    try {
      Process process =
          new ProcessBuilder(program(), "-c", "import sys; print('\\n'.join(sys.path))")
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      try (var lines = process.inputReader(StandardCharsets.UTF_8)) {
        lines.lines().filter(line -> !line.isBlank()).map(Path::of).forEach(folders::add);
      }
    } catch (IOException | InvalidPathException e) {
      // there is no Python to ask
    }
    return folders;
  }
}
