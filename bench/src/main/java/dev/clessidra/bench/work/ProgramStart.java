package dev.clessidra.bench.work;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * A new virtual machine that runs a program which prints one line of numbers, from its start to its
 * end. It has the options of Clessidra's launcher, the settings of this process, and a cache of
 * classes, which is made beforehand.
 */
public final class ProgramStart implements Implementation {
  private final Path folder;
  private final List<String> command;
  private String line = "";

  /**
   * Runs the program once, for the cache.
   *
   * @param program whose {@code main} is called
   * @param folder with what it loads; deleted when this is closed
   */
  public ProgramStart(Class<?> program, Path folder, String... arguments) {
    this.folder = folder;
    Path cache = folder.resolve("classes.aot");
    try {
      // Java tells of the process that it makes the cache in.
      start(
          command(program, List.of("-XX:AOTCacheOutput=" + cache), arguments),
          ProcessBuilder.Redirect.DISCARD);
    } catch (IllegalStateException e) {
      // There is no cache for classes in folders; if it was the program that failed, so it will.
    }
    List<String> options =
        Files.isRegularFile(cache) ? List.of("-XX:AOTCache=" + cache) : List.of();
    command = command(program, options, arguments);
  }

  private static List<String> command(Class<?> program, List<String> options, String... arguments) {
    List<String> words = new ArrayList<>();
    words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    words.addAll(
        List.of(
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED",
            // Java warns of its cache where the result is expected.
            "-Xlog:disable"));
    words.addAll(options);
    System.getProperties()
        .forEach((name, value) -> {
          if (name.toString().startsWith("clessidra.")) {
            words.add("-D%s=%s".formatted(name, value));
          }
        });
    words.addAll(List.of("-cp", System.getProperty("java.class.path"), program.getName()));
    words.addAll(List.of(arguments));
    return words;
  }

  /**
   * Waits for the line, and for the process to end.
   *
   * @throws IllegalStateException if there is no line, or the process fails after it
   */
  static String start(List<String> command, ProcessBuilder.Redirect errors) {
    try {
      Process process = new ProcessBuilder(command).redirectError(errors).start();
      try (BufferedReader output = process.inputReader()) {
        String line = output.readLine();
        int code = process.waitFor();
        if (line == null || code != 0) {
          throw new IllegalStateException(
              "the process ended with code %d and %s result"
                  .formatted(code, line == null ? "no" : "a"));
        }
        return line;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while a process ran", e);
    }
  }

  @Override
  public void run() {
    line = start(command, ProcessBuilder.Redirect.INHERIT);
  }

  @Override
  public float[] result() {
    run();
    String[] numbers = line.strip().split(" ", -1);
    float[] values = new float[numbers.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = Float.parseFloat(numbers[i]);
    }
    return values;
  }

  @Override
  public void close() {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
