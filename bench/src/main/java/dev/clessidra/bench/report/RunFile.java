package dev.clessidra.bench.report;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.gson.JsonPrimitive;
import com.google.gson.JsonSerializer;
import dev.clessidra.models.data.AtomicFile;
import dev.clessidra.models.data.DataException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.MathContext;
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
        (value, _, _) ->
            new JsonPrimitive(new BigDecimal(value).round(DIGITS).stripTrailingZeros());
    return new GsonBuilder()
        .disableHtmlEscaping()
        .registerTypeAdapter(double.class, rounded)
        .registerTypeAdapter(Double.class, rounded);
  }

  /** Writes a run as a file of its own. Figures have six digits. */
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
        Files.isRegularFile(history)
            ? text(history).lines().filter(line -> !line.isBlank()).toList()
            : List.of();
    if (name.matches(LAST + "(-[0-9]{1,6})?")) {
      int back = name.equals(LAST) ? 0 : Integer.parseInt(name.substring(LAST.length() + 1));
      if (back < lines.size()) {
        return parse(history.toString(), lines.get(lines.size() - 1 - back));
      }
    } else {
      for (String line : lines.reversed()) {
        Run run = parse(history.toString(), line);
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
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Run parse(String name, String json) {
    try {
      Run run = LINE.fromJson(json, Run.class);
      if (run != null && run.commit() != null && run.results() != null && run.peak() != null) {
        return run;
      }
    } catch (JsonParseException e) {
      throw new DataException(
          "%s holds no run of the benchmarks: %s".formatted(name, e.getMessage()), e);
    }
    throw new DataException("%s holds no run of the benchmarks".formatted(name));
  }
}
