package dev.clessidra.bench.baselines;

import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.SelfTimed;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Device;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Another build of Clessidra, in a process of its own: what a change does is told by turns with the
 * build from before it.
 *
 * <p>The process is that build's {@code clessidra bench} with the same arguments and {@value
 * #WORKER}; it builds itself first if it has to. It reads a command a line from its input, and
 * answers each with a line:
 *
 * <ul>
 *   <li>at the start it says {@code ready VERSION};
 *   <li>to {@code prepare NUMBER LABEL}, a tab and {@code FILE}, {@code done}, with the result's
 *       floats in the file;
 *   <li>to {@code run NUMBER TIMES}, {@code done SECONDS};
 *   <li>to {@code close NUMBER}, {@code done};
 *   <li>to anything that goes wrong, {@code error MESSAGE}.
 * </ul>
 */
public final class OtherBuild implements Baseline {
  /** What the names begin with; the folder of a checkout follows. */
  public static final String PREFIX = "build:";

  /** The option of {@code clessidra bench} that makes it answer another one. */
  public static final String WORKER = "--worker";

  /** The order of the bytes of results. */
  public static final ByteOrder BYTE_ORDER = ByteOrder.LITTLE_ENDIAN;

  private final String name;
  private final Path launcher;
  private final List<String> arguments;

  /**
   * Takes a name such as {@code build:../before}.
   *
   * @param arguments of {@code clessidra bench}
   * @throws IllegalArgumentException if there is no launcher
   */
  public OtherBuild(String name, List<String> arguments) {
    this.name = name;
    this.arguments = List.copyOf(arguments);
    launcher = Path.of(name.substring(PREFIX.length())).resolve("clessidra").toAbsolutePath();
    if (!Files.isExecutable(launcher)) {
      throw new IllegalArgumentException(
          "%s: there is no %s; expected the folder of a checkout".formatted(name, launcher));
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Library open(Device device, int threads) throws AbsentException {
    List<String> command = new ArrayList<>(List.of(launcher.toString(), "bench", WORKER));
    command.addAll(arguments);
    Worker worker;
    try {
      worker = new Worker(name, command);
    } catch (IOException e) {
      throw new AbsentException("%s cannot be started".formatted(launcher), e);
    }
    try {
      worker.version = worker.read("ready");
    } catch (IllegalStateException e) {
      worker.close();
      throw new AbsentException(e.getMessage() + "; it has to know the option " + WORKER);
    }
    return worker;
  }

  private static final class Worker implements Library {
    private final String name;
    private final Process process;
    private final Writer commands;
    private final BufferedReader answers;
    private String version;
    private int prepared;

    Worker(String name, List<String> command) throws IOException {
      this.name = name;
      process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
      commands = process.outputWriter(StandardCharsets.UTF_8);
      answers = process.inputReader(StandardCharsets.UTF_8);
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public String version() {
      return version;
    }

    @Override
    public Optional<Implementation> prepare(Work work, Inputs inputs) {
      int number = prepared++;
      try {
        Path file = Files.createTempFile("clessidra-result", ".floats");
        try {
          ask("prepare %d %s\t%s".formatted(number, work.label(), file));
          ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(BYTE_ORDER);
          float[] result = new float[bytes.capacity() / Float.BYTES];
          bytes.asFloatBuffer().get(result);
          return Optional.of(new Prepared(number, result));
        } finally {
          Files.delete(file);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /**
     * Sends a command and returns what the answer says beside {@code done}.
     *
     * @throws IllegalStateException if something is wrong, or the process has ended
     */
    private String ask(String command) {
      try {
        commands.write(command + "\n");
        commands.flush();
      } catch (IOException e) {
        // The process has ended, as the answer tells.
      }
      return read("done");
    }

    private String read(String expected) {
      String line;
      try {
        line = answers.readLine();
      } catch (IOException e) {
        throw new IllegalStateException("its answer cannot be read", e);
      }
      if (line == null) {
        throw new IllegalStateException(
            "its process has ended with code %d".formatted(process.onExit().join().exitValue()));
      }
      if (!line.startsWith(expected)) {
        throw new IllegalStateException(line.replaceFirst("^error ", ""));
      }
      return line.substring(expected.length()).strip();
    }

    /** The process ends with its input. */
    @Override
    public void close() {
      try {
        commands.close();
      } catch (IOException e) {
        // It has ended already.
      }
      process.onExit().join();
    }

    private final class Prepared implements SelfTimed {
      private final int number;
      private final float[] result;

      Prepared(int number, float[] result) {
        this.number = number;
        this.result = result;
      }

      @Override
      public float[] result() {
        return result;
      }

      @Override
      public void run() {
        seconds(1);
      }

      @Override
      public double seconds(int runs) {
        return Double.parseDouble(ask("run %d %d".formatted(number, runs)));
      }

      @Override
      public void close() {
        try {
          ask("close " + number);
        } catch (IllegalStateException _) {
          // It has ended, or says again what was wrong.
        }
      }
    }
  }
}
