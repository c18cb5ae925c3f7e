package dev.clessidra.bench.baselines.pytorch;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Python;
import dev.clessidra.bench.baselines.Tuning;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The process that runs the script {@code models.py}, which says what can be asked of it. */
final class PytorchProcess implements AutoCloseable {
  private static final String SCRIPT = "models.py";

  private final Path folder;
  private final Process process;
  private final Writer commands;
  private final BufferedReader answers;

  private PytorchProcess(Path folder, Process process) {
    this.folder = folder;
    this.process = process;
    commands = process.outputWriter(StandardCharsets.UTF_8);
    answers = process.inputReader(StandardCharsets.UTF_8);
  }

  /**
   * Starts the process.
   *
   * @throws AbsentException if there is no Python
   */
  static PytorchProcess start(List<String> options) throws AbsentException {
    try {
      Path folder = Files.createTempDirectory("clessidra-pytorch");
      try (InputStream script = PytorchProcess.class.getResourceAsStream(SCRIPT)) {
        Files.copy(script, folder.resolve(SCRIPT));
      }
      List<String> command =
          new ArrayList<>(List.of(Python.program(), folder.resolve(SCRIPT).toString()));
      command.addAll(options);
      ProcessBuilder builder =
          new ProcessBuilder(command).redirectError(folder.resolve("errors").toFile());
      Tuning.ENVIRONMENT.forEach(builder.environment()::putIfAbsent);
      Process process;
      try {
        process = builder.start();
      } catch (IOException e) {
        delete(folder);
        throw new AbsentException(
            "Python was not found: install it, or name it in " + Python.PROPERTY_NAME, e);
      }
      return new PytorchProcess(folder, process);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A file for arrays, which is deleted with the process. */
  Path file(String name) {
    return folder.resolve(name);
  }

  /**
   * Sends a command and returns the answer to it.
   *
   * @throws IllegalStateException if the script says that something is wrong, and then goes on; or
   *     if the process has ended, whenever that was, with the reason
   */
  JsonObject ask(String command) {
    try {
      commands.write(command + "\n");
      commands.flush();
    } catch (IOException e) {
      // The process has ended; why is what it said last.
    }
    return read();
  }

  /** Returns the next answer. */
  JsonObject read() {
    String line;
    try {
      line = answers.readLine();
      if (line == null) {
        throw new IllegalStateException("PyTorch's process ended: " + lastError());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    try {
      JsonObject answer = JsonParser.parseString(line).getAsJsonObject();
      if (answer.has("error")) {
        throw new IllegalStateException(answer.get("error").getAsString());
      }
      return answer;
    } catch (JsonParseException | IllegalStateException e) {
      throw new IllegalStateException(
          e instanceof IllegalStateException ? e.getMessage() : "PyTorch's answer: " + line, e);
    }
  }

  private String lastError() throws IOException {
    process.onExit().join();
    try (Stream<String> lines = Files.lines(folder.resolve("errors"))) {
      return lines
          .filter(line -> !line.isBlank())
          .reduce((_, last) -> last)
          .orElse("exit code %d, and it said nothing".formatted(process.exitValue()));
    }
  }

  @Override
  public void close() {
    process.destroy();
    process.onExit().join();
    try {
      delete(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }
}
