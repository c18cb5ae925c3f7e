package dev.clessidra.models.cli;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.clessidra.models.data.AtomicFile;
import dev.clessidra.models.data.DataSplit;
import dev.clessidra.models.data.Problems;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * What a run was started with: enough to resume it, and to know later what it was.
 *
 * @param version of Clessidra
 * @param model the kind that {@code train} was asked for
 * @param options the value of each option that decides about the result, by its name
 * @param data where the data is, as {@code --data} takes it, with absolute paths
 * @param description of the data, for a person
 * @param checksum of all images and labels
 */
record RunConfiguration(
    String version,
    String model,
    SequencedMap<String, String> options,
    String data,
    String description,
    String checksum) {
  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

  /** A new run's, with the data as it can be named from any folder. */
  static RunConfiguration of(
      String model, SequencedMap<String, String> options, String data, DataSplit split) {
    return new RunConfiguration(
        Clessidra.Version.number(),
        model,
        new LinkedHashMap<>(options),
        data,
        split.description(),
        split.checksum());
  }

  /**
   * Reads a configuration.
   *
   * @throws CommandFailure if there is none or it cannot be read
   */
  static RunConfiguration read(Path file) {
    try {
      JsonObject json = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
      JsonObject data = json.getAsJsonObject("data");
      SequencedMap<String, String> options = new LinkedHashMap<>();
      json.getAsJsonObject("options")
          .asMap()
          .forEach((name, value) -> options.put(name, value.getAsString()));
      return new RunConfiguration(
          string(json, "version"),
          string(json, "model"),
          options,
          string(data, "source"),
          string(data, "description"),
          string(data, "checksum"));
    } catch (NoSuchFileException e) {
      throw new CommandFailure(
          "%s does not exist: expected the folder of a run, such as runs/deep-1; check the name"
              .formatted(file),
          e);
    } catch (IOException
        | JsonParseException
        | IllegalStateException
        | UnsupportedOperationException
        | NullPointerException e) {
      throw new CommandFailure(
          "%s cannot be read as a run's configuration (%s): restore it, or train again"
              .formatted(file, reason(e)),
          e);
    }
  }

  /** Without the name of the class that a cause's message starts with. */
  private static String reason(Exception e) {
    if (e instanceof IOException file) {
      return Problems.describe(file);
    }
    return e.getCause() == null ? e.getMessage() : e.getCause().getMessage();
  }

  private static String string(JsonObject object, String name) {
    JsonElement value = object.get(name);
    if (value == null) {
      throw new JsonParseException("there is no " + name);
    }
    return value.getAsString();
  }

  /** Writes the configuration as JSON. */
  void write(Path file) {
    JsonObject json = new JsonObject();
    json.addProperty("version", version);
    json.addProperty("model", model);
    JsonObject values = new JsonObject();
    options.forEach(values::addProperty);
    json.add("options", values);
    JsonObject where = new JsonObject();
    where.addProperty("source", data);
    where.addProperty("description", description);
    where.addProperty("checksum", checksum);
    json.add("data", where);
    write(file, json);
  }

  /** Writes JSON for people and programs to read. */
  static void write(Path file, JsonObject json) {
    byte[] bytes = text(json).getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(file, out -> out.write(bytes));
  }

  /** JSON for people and programs to read, with a line's end. */
  static String text(JsonObject json) {
    return GSON.toJson(json) + "\n";
  }
}
