package dev.clessidra.models.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import picocli.CommandLine;

/**
 * What a command line did.
 *
 * @param code its exit code
 * @param out what it wrote
 * @param err what it complained about
 */
record Invocation(int code, String out, String err) {
  static final int SIDE = 8;
  static final int CLASSES = 4;

  /**
   * Runs a command line in this process, as in a pipe; run folders without a name go to a folder.
   */
  static Invocation of(Path runs, String... arguments) {
    return of(
        new Environment(() -> false, () -> 80, StandardCharsets.UTF_8, runs, new Interruption()),
        arguments);
  }

  static Invocation of(Environment environment, String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine commandLine =
        Clessidra.commandLine(environment, arguments)
            .setOut(new PrintWriter(out))
            .setErr(new PrintWriter(err));
    int code = commandLine.execute(arguments);
    commandLine.getOut().flush();
    commandLine.getErr().flush();
    return new Invocation(code, out.toString(), err.toString());
  }

  /**
   * A command line in a process of its own, whose errors are in its output unless that is changed.
   *
   * @param shell what to do in the process before
   * @param javaOptions for the virtual machine
   */
  static ProcessBuilder process(String shell, List<String> javaOptions, String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(
                // A parent in the background may have SIGINT ignored, which a JVM would inherit.
                "env",
                "--default-signal=INT",
                "sh",
                "-c",
                shell + "; exec \"$@\"",
                "sh",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-Duser.home=" + System.getProperty("user.home"),
                "--enable-native-access=ALL-UNNAMED",
                "-Dclessidra.native.library=" + System.getProperty("clessidra.native.library", ""),
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path"))));
    command.addAll(javaOptions);
    command.add("dev.clessidra.models.cli.Clessidra");
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().remove("JAVA_TOOL_OPTIONS"); // of which Java tells among the errors
    return builder;
  }

  /** Runs a command line in a {@link #process}. */
  static Invocation of(ProcessBuilder builder) throws IOException, InterruptedException {
    Process process = builder.redirectErrorStream(false).start();
    try {
      String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Invocation(process.waitFor(), "", err);
    } finally {
      process.destroyForcibly();
    }
  }

  /** The arguments {@code first}, then {@code more}. */
  static String[] join(String[] first, String... more) {
    String[] all = java.util.Arrays.copyOf(first, first.length + more.length);
    System.arraycopy(more, 0, all, first.length, more.length);
    return all;
  }

  /** Writes 160 training and 40 test images of 8 x 8 in four classes, and names them as data. */
  static String data(Path folder) {
    writeImages(folder.resolve("train"), 160, SIDE, 1);
    writeLabels(folder.resolve("train-labels"), 160);
    writeImages(folder.resolve("test"), 40, SIDE, 2);
    writeLabels(folder.resolve("test-labels"), 40);
    return "idx:%s,%s,%s,%s"
        .formatted(
            folder.resolve("train"),
            folder.resolve("train-labels"),
            folder.resolve("test"),
            folder.resolve("test-labels"));
  }

  /** Images of a bright bar whose place is the class, with noise. */
  static void writeImages(Path file, int count, int side, long seed) {
    writeImages(file, count, side, side, seed);
  }

  static void writeImages(Path file, int count, int height, int width, long seed) {
    Random random = new Random(seed);
    ByteBuffer bytes = ByteBuffer.allocate(16 + count * height * width);
    bytes.putInt(0x00000803).putInt(count).putInt(height).putInt(width);
    for (int image = 0; image < count; image++) {
      for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
          boolean bar = y * CLASSES / height == image % CLASSES;
          bytes.put((byte) (bar ? 200 + random.nextInt(56) : random.nextInt(40)));
        }
      }
    }
    write(file, bytes.array());
  }

  static void writeLabels(Path file, int count) {
    ByteBuffer bytes = ByteBuffer.allocate(8 + count);
    bytes.putInt(0x00000801).putInt(count);
    for (int image = 0; image < count; image++) {
      bytes.put((byte) (image % CLASSES));
    }
    write(file, bytes.array());
  }

  private static void write(Path file, byte[] bytes) {
    try {
      Files.write(file, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
