package dev.clessidra.models;

import dev.clessidra.engine.io.Checkpoint;
import dev.clessidra.engine.io.ModelFile;
import dev.clessidra.engine.io.ModelFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Reads back the {@link Model#metadata metadata} of a model file. */
final class Configuration {
  private final Path path;
  private final Map<String, String> metadata;

  private Configuration(Path path, Map<String, String> metadata) {
    this.path = path;
    this.metadata = metadata;
  }

  /** Opens the file and checks that it holds a model of this kind. */
  static Configuration read(Path path, String kind) {
    try (ModelFile file = ModelFile.open(path)) {
      String found = file.metadata().get(Model.KIND);
      if (!kind.equals(found)) {
        throw new ModelFileException(
            "%s: holds %s, expected a model of kind %s: give the file of such a model"
                .formatted(
                    path, found == null ? "no Clessidra model" : "a model of kind " + found, kind));
      }
      return new Configuration(path, file.metadata());
    }
  }

  /** The kind of model in a file; empty where it holds none of Clessidra's. */
  static String kind(Path path) {
    try (ModelFile file = ModelFile.open(path)) {
      return file.metadata().getOrDefault(Model.KIND, "");
    }
  }

  /** An entry, read by {@code parser}. */
  <T> T get(String key, Function<String, T> parser) {
    String value = metadata.get(key);
    if (value == null) {
      throw new ModelFileException(
          "%s: has no entry '%s' in its metadata: it is damaged or of another version"
              .formatted(path, key));
    }
    try {
      return parser.apply(value);
    } catch (IllegalArgumentException e) {
      throw new ModelFileException(
          "%s: the entry '%s' = '%s' of its metadata cannot be read: %s"
              .formatted(path, key, value, e.getMessage()),
          e);
    }
  }

  /** Reads the parameters into a model, which is closed when that fails. */
  <M extends Model> M load(M model) {
    try {
      Checkpoint.of(model.parameters()).load(path);
      return model;
    } catch (RuntimeException e) {
      model.close();
      throw e;
    }
  }

  static String join(List<? extends Number> numbers) {
    return numbers.stream().map(String::valueOf).collect(Collectors.joining(","));
  }

  static List<Integer> integers(String text) {
    return list(text, Integer::valueOf);
  }

  static List<Float> floats(String text) {
    return list(text, Float::valueOf);
  }

  private static <T> List<T> list(String text, Function<String, T> parser) {
    return text.isEmpty()
        ? List.of()
        : Arrays.stream(text.split(",", -1)).map(String::trim).map(parser).toList();
  }
}
