package dev.clessidra.bench.report;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.gson.JsonPrimitive;
import com.google.gson.JsonSerializer;
import dev.clessidra.bench.measure.Result;
import dev.clessidra.bench.measure.Timing;
import dev.clessidra.models.data.AtomicFile;
import dev.clessidra.models.data.DataException;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** Writes and reads runs: a JSON file each, or a line of a history. */
public final class RunFile {
  private static final MathContext DIGITS = new MathContext(6);
  private static final String LAST = "last";

  private static final Gson LINE = builder().create();
  private static final Gson PRETTY = builder().setPrettyPrinting().create();

  private RunFile() {}

  private static GsonBuilder builder() {
    JsonSerializer<Double> rounded =
        (value, _, _) -> {
          BigDecimal exact = new BigDecimal(value);
          boolean isCount = value == Math.rint(value);
          return new JsonPrimitive(isCount ? exact : exact.round(DIGITS).stripTrailingZeros());
        };
    return new GsonBuilder()
        .disableHtmlEscaping()
        .registerTypeAdapter(double.class, rounded)
        .registerTypeAdapter(Double.class, rounded);
  }

  /** Writes a run as a file of its own. Figures have six digits, counts all theirs. */
  public static void write(Path file, Run run) {
    byte[] text = (PRETTY.toJson(run) + "\n").getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(file, out -> out.write(text));
  }

  /** Appends a run to a history as one line. */
  public static void append(Path history, Run run) {
    try {
      Files.createDirectories(history.toAbsolutePath().getParent());
      Files.writeString(
          history, LINE.toJson(run) + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new DataException("%s cannot be written: %s".formatted(history, e.getMessage()), e);
    }
  }

  /**
   * Reads a run.
   *
   * @param name a JSON file; or of the history {@code last}, {@code last-1} (the one before) and so
   *     on, or the beginning of a commit, of which the latest run is meant
   * @param history the file with a line a run
   * @throws DataException if there is no such run
   */
  public static Run read(String name, Path history) {
    if (Files.isRegularFile(Path.of(name))) {
      return parse(name, text(Path.of(name)));
    }
    List<String> lines =
        Files.isRegularFile(history) ? text(history).stripTrailing().lines().toList() : List.of();
    if (name.matches(LAST + "(-[0-9]{1,6})?")) {
      int back = name.equals(LAST) ? 0 : Integer.parseInt(name.substring(LAST.length() + 1));
      if (back < lines.size()) {
        return parse(history, lines, lines.size() - 1 - back);
      }
    } else {
      for (int i = lines.size() - 1; i >= 0; i--) {
        Run run = parse(history, lines, i);
        if (run.commit().startsWith(name)) {
          return run;
        }
      }
    }
    throw new DataException(
        ("%s is no file, and none of the %d runs in %s: expected a file that --json wrote, %s,"
                + " %s-1, ..., or the commit of a run that --record added")
            .formatted(name, lines.size(), history, LAST, LAST));
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw noRun(file.toString(), "it is no text in UTF-8", e);
    } catch (IOException e) {
      throw new DataException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }

  private static Run parse(Path history, List<String> lines, int index) {
    return parse("%s, line %d,".formatted(history, index + 1), lines.get(index));
  }

  private static Run parse(String name, String json) {
    try {
      Run run = LINE.fromJson(json, Run.class);
      require("run", run);
      requireAll(run);
      return run;
    } catch (JsonParseException e) {
      // What is wrong comes first; the rest is a link into Gson's manual.
      Throwable problem = e.getCause() == null ? e : e.getCause();
      throw noRun(name, problem.getMessage().lines().findFirst().orElse(""), e);
    }
  }

  private static DataException noRun(String name, String problem, Exception cause) {
    return new DataException(
        "%s holds no run of the benchmarks: %s; expected what --json or --record wrote"
            .formatted(name, problem),
        cause);
  }

  /** Checks that nothing is missing but what may be. */
  private static void requireAll(Run run) {
    require("commit", run.commit());
    require("date", run.date());
    require("device", run.device());
    require("versions", run.versions());
    require("absent", run.absent());
    require("peak", run.peak());
    require("bandwidth", run.bandwidth());
    require("smallestLaunch", run.smallestLaunch());
    require("results", run.results());
    for (Result result : run.results()) {
      require("result", result);
      require("work", result.work());
      require("group", result.group());
      require("timings", result.timings());
      require("failures", result.failures());
      for (Timing timing : result.timings()) {
        require("timing", timing);
        require("library", timing.library());
        require("seconds", timing.seconds());
      }
    }
  }

  private static void require(String name, Object value) {
    if (value == null) {
      throw new JsonParseException("it has no " + name);
    }
  }
}
