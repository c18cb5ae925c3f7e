package dev.clessidra.models.report;

import dev.clessidra.models.data.DataException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

/**
 * Writes the metrics of a run, a line at a time, to a file that others may read meanwhile. A file
 * that is there already is continued, as when a run is resumed; a last line that a crash cut short
 * is dropped.
 *
 * <p>A row maps names of columns to numbers, truth values or text. Numbers are written as {@code
 * Float.toString} and {@code Double.toString} do, so that nothing is lost. Not thread-safe.
 */
public final class MetricsWriter implements AutoCloseable {
  private final Path file;
  private final List<String> columns;
  private final Format format;
  private final FileChannel channel;

  private enum Format {
    /** {@code nan}, {@code inf} and {@code -inf}, which NumPy, pandas and R read. */
    CSV {
      @Override
      String line(List<String> columns, Map<String, ?> row) {
        StringJoiner line = new StringJoiner(",", "", "\n");
        for (String column : columns) {
          Object value = row.get(column);
          line.add(value == null ? "" : csv(value));
        }
        return line.toString();
      }
    },

    /** JSON has no numbers that are not finite: they are null. */
    JSON {
      @Override
      String line(List<String> columns, Map<String, ?> row) {
        StringJoiner line = new StringJoiner(",", "{", "}\n");
        for (String column : columns) {
          if (row.containsKey(column)) {
            line.add(quoted(column) + ":" + json(row.get(column)));
          }
        }
        return line.toString();
      }
    };

    abstract String line(List<String> columns, Map<String, ?> row);
  }

  private MetricsWriter(Path file, List<String> columns, Format format) {
    this.file = file;
    this.columns = List.copyOf(columns);
    this.format = format;
    try {
      Path folder = file.toAbsolutePath().getParent();
      if (!Files.isDirectory(folder)) {
        Files.createDirectories(folder);
      }
      channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /**
   * Opens or continues a CSV file whose first line names the columns.
   *
   * @throws DataException if it cannot be written, or is there with other columns
   */
  public static MetricsWriter csv(Path file, List<String> columns) {
    MetricsWriter writer = new MetricsWriter(file, columns, Format.CSV);
    try {
      String header = header(columns);
      String there = writer.dropCutLine();
      if (there.isEmpty()) {
        writer.write(header);
      } else if (!there.startsWith(header)) {
        throw new DataException(
            "%s has the columns %s: expected %s; use another folder for this run"
                .formatted(file, there.lines().findFirst().orElse(""), header.strip()));
      }
      return writer;
    } catch (IOException | DataException e) {
      writer.close();
      throw e instanceof DataException told ? told : writer.failure(e);
    }
  }

  /**
   * Opens or continues a file of JSON lines, one object a row, its keys in the order of {@code
   * columns}.
   *
   * @throws DataException if it cannot be written
   */
  public static MetricsWriter jsonLines(Path file, List<String> columns) {
    MetricsWriter writer = new MetricsWriter(file, columns, Format.JSON);
    try {
      writer.dropCutLine();
      return writer;
    } catch (IOException e) {
      writer.close();
      throw writer.failure(e);
    }
  }

  /**
   * Writes a row, which is in the file when this returns.
   *
   * @param row values by column; a column may be missing: empty in CSV, left out in JSON
   * @throws IllegalArgumentException if a name is not among the columns
   * @throws DataException if it cannot be written
   */
  public void append(Map<String, ?> row) {
    for (String name : row.keySet()) {
      if (!columns.contains(name)) {
        throw new IllegalArgumentException(
            "metric %s is not a column: expected one of %s".formatted(name, columns));
      }
    }
    try {
      write(format.line(columns, row));
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /**
   * Reads a CSV file written by this class; what is empty or no number is NaN.
   *
   * @return the values of each column, in the file's order
   * @throws DataException if it cannot be read or a line has too few or too many values
   */
  public static Map<String, double[]> readCsv(Path file) {
    List<String> lines;
    try {
      lines = Files.readAllLines(file);
    } catch (NoSuchFileException e) {
      throw new DataException(file + " does not exist: expected the metrics of a run", e);
    } catch (IOException e) {
      throw new DataException(
          "%s cannot be read as metrics: expected CSV in UTF-8; it may be damaged".formatted(file),
          e);
    }
    Map<String, double[]> values = new LinkedHashMap<>();
    if (lines.isEmpty()) {
      return values;
    }
    List<String> names = split(lines.getFirst());
    double[][] columns = new double[names.size()][lines.size() - 1];
    for (int row = 1; row < lines.size(); row++) {
      List<String> cells = split(lines.get(row));
      if (cells.size() != names.size()) {
        throw new DataException(
            "line %s of %s has %s values: expected %s; remove the line"
                .formatted(row + 1, file, cells.size(), names.size()));
      }
      for (int column = 0; column < columns.length; column++) {
        columns[column][row - 1] = parse(cells.get(column));
      }
    }
    for (int column = 0; column < columns.length; column++) {
      values.put(names.get(column), columns[column]);
    }
    return values;
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /** Cuts off what follows the last end of line, goes to the end, and returns what is there. */
  private String dropCutLine() throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    int length = bytes.length;
    while (length > 0 && bytes[length - 1] != '\n') {
      length--;
    }
    channel.truncate(length);
    channel.position(length);
    return new String(bytes, 0, length, StandardCharsets.UTF_8);
  }

  private void write(String line) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8));
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private DataException failure(Exception e) {
    String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    return new DataException(
        "%s cannot be written: %s; choose another folder or make room"
            .formatted(file, reason.lines().findFirst().orElse("")),
        e);
  }

  private static String header(List<String> columns) {
    StringJoiner header = new StringJoiner(",", "", "\n");
    columns.forEach(column -> header.add(csv(column)));
    return header.toString();
  }

  private static String csv(Object value) {
    if (value instanceof Number number && !Double.isFinite(number.doubleValue())) {
      double odd = number.doubleValue();
      return Double.isNaN(odd) ? "nan" : odd > 0 ? "inf" : "-inf";
    }
    String text = value.toString();
    boolean plain = text.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
    // A line is a row: a text of several lines becomes one.
    return plain ? text : '"' + text.replace("\"", "\"\"").replaceAll("\\R", " ") + '"';
  }

  private static String json(Object value) {
    return switch (value) {
      case null -> "null";
      case Number number when !Double.isFinite(number.doubleValue()) -> "null";
      case Number number -> number.toString();
      case Boolean truth -> truth.toString();
      default -> quoted(value.toString());
    };
  }

  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        quoted.append('\\').append(c);
      } else if (c < 0x20 || Character.isSurrogate(c)) {
        quoted.append("\\u").append(HexFormat.of().toHexDigits(c));
      } else {
        quoted.append(c);
      }
    }
    return quoted.append('"').toString();
  }

  /** The cells of a line; quotes protect commas. */
  private static List<String> split(String line) {
    List<String> cells = new ArrayList<>();
    StringBuilder cell = new StringBuilder();
    boolean inQuotes = false;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (c == '"') {
        if (inQuotes && i + 1 < line.length() && line.charAt(i + 1) == '"') {
          cell.append('"');
          i++;
        } else {
          inQuotes = !inQuotes;
        }
      } else if (c == ',' && !inQuotes) {
        cells.add(cell.toString());
        cell.setLength(0);
      } else {
        cell.append(c);
      }
    }
    cells.add(cell.toString());
    return cells;
  }

  private static double parse(String cell) {
    return switch (cell) {
      case "inf" -> Double.POSITIVE_INFINITY;
      case "-inf" -> Double.NEGATIVE_INFINITY;
      default -> {
        try {
          yield Double.parseDouble(cell);
        } catch (NumberFormatException e) {
          yield Double.NaN;
        }
      }
    };
  }
}
