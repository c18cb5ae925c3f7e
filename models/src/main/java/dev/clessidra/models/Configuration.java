package dev.clessidra.models;

import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.io.Checkpoint;
import dev.clessidra.engine.io.ModelFile;
import dev.clessidra.engine.io.ModelFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Reads back the {@link Model#metadata metadata} of a model file. */
final class Configuration {
  private final Path path;
  private final Map<String, String> metadata;
  private final Map<String, ModelFile.Entry> tensors;

  private Configuration(ModelFile file) {
    this.path = file.path();
    this.metadata = file.metadata();
    this.tensors = file.entries();
  }

  /** Opens the file and checks that it holds a model of one of these kinds. */
  static Configuration read(Path path, String... kinds) {
    try (ModelFile file = ModelFile.open(path)) {
      String found = file.metadata().get(Model.KIND);
      if (!List.of(kinds).contains(Objects.requireNonNullElse(found, ""))) {
        throw new ModelFileException(
            "%s: holds %s, expected a model of kind %s: give the file of such a model"
                .formatted(
                    path,
                    found == null ? "no Clessidra model" : "a model of kind " + found,
                    String.join(" or ", kinds)));
      }
      return new Configuration(file);
    }
  }

  /** The kind of the model. */
  String kind() {
    return metadata.get(Model.KIND);
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

  /** What the entries describe together, such as a builder with all of them set. */
  <T> T described(Supplier<T> description) {
    try {
      return description.get();
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new ModelFileException(
          "%s: its metadata describe no model, it is damaged or of another version: %s"
              .formatted(path, e.getMessage()),
          e);
    }
  }

  /** Reads the parameters that a description asks for; the caller closes them. */
  Parameters load(Supplier<Parameters.Builder> description) {
    Parameters.Builder builder = described(description);
    builder.shapes().forEach(this::requireTensor);
    Parameters parameters = builder.build(1);
    try {
      Checkpoint.of(parameters).load(path);
      return parameters;
    } catch (RuntimeException e) {
      parameters.close();
      throw e;
    }
  }

  /** Before any memory is allocated, of which damaged metadata may ask for any amount. */
  private void requireTensor(String name, Shape shape) {
    ModelFile.Entry tensor = tensors.get(name);
    List<Long> expected = Arrays.stream(shape.dimensions()).mapToObj(Long::valueOf).toList();
    if (tensor == null || !tensor.dimensions().equals(expected)) {
      throw new ModelFileException(
          "%s: %s, its metadata describe one of %s: it is damaged"
              .formatted(
                  path,
                  tensor == null
                      ? "has no tensor '%s'".formatted(name)
                      : "its tensor '%s' is %s".formatted(name, tensor.dimensions()),
                  shape));
    }
  }

  static boolean flag(String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException("expected true or false");
    };
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
