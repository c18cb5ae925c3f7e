package dev.clessidra.bench.cli;

import dev.clessidra.bench.baselines.Clessidra;
import dev.clessidra.bench.baselines.OtherBuild;
import dev.clessidra.bench.measure.Effort;
import dev.clessidra.bench.measure.Turns;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Device;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Does and times works for another build, which says how in {@link OtherBuild}. */
final class Worker implements AutoCloseable {
  private final Device device;
  private final Effort effort;
  private final Map<String, Work> works = new HashMap<>();
  private final Map<String, Turns> prepared = new HashMap<>();

  Worker(Device device, List<Work> works, Effort effort) {
    this.device = device;
    this.effort = effort;
    works.forEach(work -> this.works.put(work.label(), work));
  }

  /** Answers until there are no more commands. */
  void serve(BufferedReader commands, PrintWriter answers) throws IOException {
    answers.println("ready " + new Clessidra(device).version());
    answers.flush();
    String command;
    while ((command = commands.readLine()) != null) {
      String answer;
      try {
        answer = "done " + answer(command);
      } catch (RuntimeException | LinkageError | IOException e) {
        answer = "error " + String.valueOf(e.getMessage()).replaceAll("\\s*\\R\\s*", " ");
      }
      answers.println(answer);
      answers.flush();
    }
  }

  private String answer(String command) throws IOException {
    String[] words = command.split(" ", 3);
    return switch (words[0]) {
      case "prepare" -> {
        String[] labelAndFile = words[2].split("\t", 2);
        prepare(words[1], labelAndFile[0], Path.of(labelAndFile[1]));
        yield "";
      }
      case "run" -> Double.toString(prepared.get(words[1]).seconds(Integer.parseInt(words[2])));
      case "close" -> {
        prepared.remove(words[1]).close();
        yield "";
      }
      default -> throw new IllegalArgumentException("unknown command: " + command);
    };
  }

  private void prepare(String number, String label, Path file) throws IOException {
    Work work = works.get(label);
    if (work == null) {
      throw new IllegalArgumentException("this build has no " + label);
    }
    Turns turns =
        Turns.prepare(device, new Clessidra(device), work, work.inputs(), Optional.empty(), effort)
            .orElseThrow();
    prepared.put(number, turns);
    float[] result = turns.result();
    ByteBuffer bytes =
        ByteBuffer.allocate(result.length * Float.BYTES).order(OtherBuild.BYTE_ORDER);
    bytes.asFloatBuffer().put(result);
    Files.write(file, bytes.array());
  }

  @Override
  public void close() {
    prepared.values().forEach(Turns::close);
  }
}
