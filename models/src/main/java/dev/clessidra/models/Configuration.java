package dev.clessidra.models;

import dev.clessidra.engine.Parameter;
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

/**
 * Reads a model back from its file: first the entries of its {@link Model#configuration}, then the
 * parameters.
 *
 * <pre>{@code
 * Configuration configuration = Configuration.read(path, KIND);
 * int inputs = configuration.get("inputs", Integer::valueOf);
 * Parameters parameters = configuration.load(() -> parameters(device, inputs));
 * }</pre>
 *
 * <p>What is missing or does not fit is a {@link ModelFileException} of one line that names the
 * file and what is wrong with it. Immutable, and safe for use by several threads.
 */
public final class Configuration {
  private final Path path;
  private final Map<String, String> metadata;
  private final Map<String, ModelFile.Entry> tensors;

  private Configuration(ModelFile file) {
    this.path = file.path();
    this.metadata = file.metadata();
    this.tensors = file.entries();
  }

  /**
   * Reads the metadata of a file that {@link Model#save} wrote.
   *
   * @param kinds of which the model has to be one
   * @throws ModelFileException when the file cannot be read or holds no such model
   */
  public static Configuration read(Path path, String... kinds) {
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

  /** The kind of the model, one of those asked for. */
  public String kind() {
    return metadata.get(Model.KIND);
  }

  /**
   * An entry, read by {@code parser}.
   *
   * @param parser refuses a text with an {@link IllegalArgumentException}, as {@link
   *     Integer#valueOf(String)}, {@link #flag} and {@link #integers} do
   * @throws ModelFileException when there is no such entry, or it was refused
   */
  public <T> T get(String key, Function<String, T> parser) {
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

  /**
   * What the entries describe together, such as a builder with all of them set.
   *
   * @throws ModelFileException when the description is refused, by an {@link
   *     IllegalArgumentException} or an {@link ArithmeticException}
   */
  public <T> T build(Supplier<T> description) {
    try {
      return description.get();
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new ModelFileException(
          "%s: its metadata describe no model, it is damaged or of another version: %s"
              .formatted(path, e.getMessage()),
          e);
    }
  }

  /**
   * Reads the parameters from the file. Nothing is allocated before the file is known to hold
   * tensors of these names and shapes, since damaged metadata may ask for any amount.
   *
   * @param description names and shapes the parameters as the model did when it was built; their
   *     initial values do not matter
   * @return parameters that the caller closes
   * @throws ModelFileException when the description is refused as by {@link #build}, or the file
   *     does not hold these parameters, or one that is no finite number
   */
  public Parameters load(Supplier<Parameters.Builder> description) {
    Parameters.Builder builder = build(description);
    builder.shapes().forEach(this::requireTensor);
    Parameters parameters = builder.build(1);
    try {
      Checkpoint.of(parameters).load(path);
      parameters.forEach(this::requireFinite);
      return parameters;
    } catch (RuntimeException e) {
      parameters.close();
      throw e;
    }
  }

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

  private void requireFinite(Parameter parameter) {
    for (float value : parameter.copyToArray()) {
      if (!Float.isFinite(value)) {
        throw new ModelFileException(
            "%s: its tensor '%s' holds %s: its training has diverged, or it is damaged; train again"
                .formatted(path, parameter.name(), value));
      }
    }
  }

  /**
   * Reads {@code true} or {@code false}.
   *
   * @throws IllegalArgumentException for anything else
   */
  public static boolean flag(String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException("expected true or false");
    };
  }

  /** Writes numbers as {@link #integers} and {@link #floats} read them, such as {@code 256,32}. */
  public static String join(List<? extends Number> numbers) {
    return numbers.stream().map(String::valueOf).collect(Collectors.joining(","));
  }

  /**
   * Reads integers with commas between them; none of an empty text.
   *
   * @throws IllegalArgumentException when one of them is no integer
   */
  public static List<Integer> integers(String text) {
    return list(text, Integer::valueOf);
  }

  /**
   * Reads floats with commas between them; none of an empty text.
   *
   * @throws IllegalArgumentException when one of them is no number
   */
  public static List<Float> floats(String text) {
    return list(text, Float::valueOf);
  }

  private static <T> List<T> list(String text, Function<String, T> parser) {
    return text.isEmpty()
        ? List.of()
        : Arrays.stream(text.split(",", -1)).map(String::trim).map(parser).toList();
  }
}
