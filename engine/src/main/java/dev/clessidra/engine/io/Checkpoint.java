package dev.clessidra.engine.io;

import dev.clessidra.engine.Parameter;
import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.engine.optimizers.Optimizer;
import dev.clessidra.engine.optimizers.ParameterAverage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;

/**
 * Saves and loads a model, and all that is needed to resume its training to the same bits as an
 * unbroken run, as one safetensors file. The parameters are there under their names; the rest is
 * optional:
 *
 * <ul>
 *   <li>{@code average.NAME}: the average of each parameter;
 *   <li>{@code optimizer.NAME}: the optimizer's vectors;
 *   <li>{@code training.step} (I64), {@code training.beta_powers} (F64) and {@code training.values}
 *       (F32: learning rate, gradient scale, gradient norm);
 *   <li>the metadata {@code clessidra.format} and {@code clessidra.seed}.
 * </ul>
 *
 * <pre>{@code
 * Checkpoint.of(parameters).training(adam).save(path, Map.of("model", "autoencoder"));
 * Map<String, String> metadata = Checkpoint.of(parameters).training(adam).load(path);
 * }</pre>
 *
 * <p>Immutable, but uses the parameters; not safe for use by several threads.
 */
public final class Checkpoint {
  /** The metadata that holds the version of this layout. */
  public static final String FORMAT_KEY = "clessidra.format";

  /** The metadata that holds the global seed of the training. */
  public static final String SEED_KEY = "clessidra.seed";

  private static final String FORMAT = "1";
  private static final String RESERVED = "clessidra.";
  private static final String AVERAGE = "average.";
  private static final String OPTIMIZER = "optimizer.";
  private static final String TRAINING = "training.";
  private static final String STEP = TRAINING + "step";
  private static final String BETA_POWERS = TRAINING + "beta_powers";
  private static final String VALUES = TRAINING + "values";

  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Parameters parameters;
  private final Optimizer optimizer;
  private final ParameterAverage average;

  private Checkpoint(Parameters parameters, Optimizer optimizer, ParameterAverage average) {
    this.parameters = parameters;
    this.optimizer = optimizer;
    this.average = average;
  }

  /** Of parameters alone: enough to use a model. */
  public static Checkpoint of(Parameters parameters) {
    for (String name : parameters.byName().keySet()) {
      if (isExtra(name)) {
        throw new IllegalArgumentException(
            "checkpoint: a parameter cannot be named \""
                + name
                + "\": average., optimizer. and training. are reserved");
      }
    }
    return new Checkpoint(parameters, null, null);
  }

  /**
   * With what training needs to resume: the optimizer and its training state.
   *
   * @throws IllegalArgumentException when it optimises other parameters
   */
  public Checkpoint training(Optimizer trainedBy) {
    if (trainedBy.parameters() != parameters) {
      throw new IllegalArgumentException("checkpoint: the optimizer has other parameters");
    }
    return new Checkpoint(parameters, trainedBy, average);
  }

  /**
   * With the average of the parameters.
   *
   * @throws IllegalArgumentException when it averages other parameters
   */
  public Checkpoint average(ParameterAverage averagedBy) {
    if (averagedBy.parameters() != parameters) {
      throw new IllegalArgumentException("checkpoint: the average has other parameters");
    }
    return new Checkpoint(parameters, optimizer, averagedBy);
  }

  /**
   * Writes the file, complete or not at all; the same state gives the same bytes.
   *
   * @param metadata strings of the application; keys must not start with {@code clessidra.}
   * @throws ModelFileException when it cannot be written
   */
  public void save(Path path, Map<String, String> metadata) {
    ModelFileWriter writer = new ModelFileWriter();
    metadata.forEach((key, value) -> {
      if (key.startsWith(RESERVED)) {
        throw new IllegalArgumentException(
            "checkpoint: metadata \"" + key + "\": keys with " + RESERVED + " are reserved");
      }
      writer.metadata(key, value);
    });
    writer.metadata(FORMAT_KEY, FORMAT);
    try (Arena arena = Arena.ofConfined()) {
      if (optimizer != null) {
        writer.metadata(SEED_KEY, Long.toString(optimizer.state().seed()));
        addState(writer, optimizer.state().read(), arena);
      }
      tensors().forEach(writer::add);
      writer.write(path);
    }
  }

  /**
   * Loads the file; nothing is changed unless all of it fits. Parts of the file that this
   * checkpoint does not have (the optimizer's, the average) are passed over.
   *
   * @return the file's metadata
   * @throws ModelFileException when the file cannot be read or does not fit
   */
  public Map<String, String> load(Path path) {
    try (ModelFile file = ModelFile.open(path)) {
      SequencedMap<String, Tensor> tensors = tensors();
      check(file, tensors);
      TrainingState.Snapshot snapshot = optimizer == null ? null : readState(file);
      try (Arena arena = Arena.ofConfined()) {
        long largest = tensors.values().stream().mapToLong(Tensor::byteSize).max().orElse(0);
        MemorySegment host = arena.allocate(largest, Long.BYTES);
        tensors.forEach((name, tensor) -> {
          MemorySegment bytes = host.asSlice(0, tensor.byteSize());
          file.read(name, bytes);
          tensor.copyFrom(bytes);
        });
      }
      if (snapshot != null) {
        optimizer.state().write(snapshot);
      }
      parameters.forgetGradients();
      return file.metadata();
    }
  }

  private SequencedMap<String, Tensor> tensors() {
    SequencedMap<String, Tensor> tensors = new TreeMap<>();
    for (Parameter parameter : parameters) {
      tensors.put(parameter.name(), parameter);
      if (average != null) {
        tensors.put(AVERAGE + parameter.name(), average.of(parameter));
      }
    }
    if (optimizer != null) {
      tensors.putAll(optimizer.stateTensors());
    }
    return tensors;
  }

  private void check(ModelFile file, Map<String, Tensor> tensors) {
    Path path = file.path();
    String format = file.metadata().get(FORMAT_KEY);
    if (!FORMAT.equals(format)) {
      throw new ModelFileException(
          path
              + ": not a Clessidra model: metadata "
              + FORMAT_KEY
              + " is "
              + (format == null ? "missing" : "\"" + format + "\"")
              + ", expected \""
              + FORMAT
              + "\"");
    }
    for (String name : file.entries().keySet()) {
      if (!isExtra(name) && !tensors.containsKey(name)) {
        throw new ModelFileException(
            path
                + ": is of another model: it has a tensor \""
                + name
                + "\"; this model has "
                + ModelFile.summary(parameters.byName().keySet()));
      }
    }
    if (optimizer != null && !file.entries().containsKey(STEP)) {
      throw new ModelFileException(
          path + ": holds no training state, so training cannot be resumed from it");
    }
    tensors.forEach((name, tensor) -> {
      ModelFile.Entry entry = file.entry(name);
      List<Long> dimensions =
          Arrays.stream(tensor.shape().dimensions()).mapToObj(Long::valueOf).toList();
      if (entry.type() != StoredType.F32 || !entry.dimensions().equals(dimensions)) {
        throw new ModelFileException(
            path
                + ": is of another model: tensor \""
                + name
                + "\" is "
                + entry.type()
                + " "
                + entry.dimensions()
                + ", expected F32 "
                + tensor.shape());
      }
    });
  }

  private static boolean isExtra(String name) {
    return name.startsWith(AVERAGE) || name.startsWith(OPTIMIZER) || name.startsWith(TRAINING);
  }

  private static void addState(
      ModelFileWriter writer, TrainingState.Snapshot snapshot, Arena arena) {
    MemorySegment powers = arena.allocate(DOUBLE, 2);
    powers.setAtIndex(DOUBLE, 0, snapshot.beta1Power());
    powers.setAtIndex(DOUBLE, 1, snapshot.beta2Power());
    MemorySegment values = arena.allocate(FLOAT, 3);
    values.setAtIndex(FLOAT, 0, snapshot.learningRate());
    values.setAtIndex(FLOAT, 1, snapshot.gradientScale());
    values.setAtIndex(FLOAT, 2, snapshot.gradientNorm());
    writer.add(STEP, StoredType.I64, List.of(), arena.allocateFrom(LONG, snapshot.step()));
    writer.add(BETA_POWERS, StoredType.F64, List.of(2L), powers);
    writer.add(VALUES, StoredType.F32, List.of(3L), values);
  }

  private TrainingState.Snapshot readState(ModelFile file) {
    String seed = Long.toString(optimizer.state().seed());
    if (!seed.equals(file.metadata().get(SEED_KEY))) {
      throw new ModelFileException(
          file.path()
              + ": was trained with seed "
              + file.metadata().get(SEED_KEY)
              + ", this run has seed "
              + seed
              + ": resume with the same");
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment step = readState(file, arena, STEP, StoredType.I64, List.of());
      MemorySegment powers = readState(file, arena, BETA_POWERS, StoredType.F64, List.of(2L));
      MemorySegment values = readState(file, arena, VALUES, StoredType.F32, List.of(3L));
      if (step.get(LONG, 0) < 0) {
        throw new ModelFileException(
            "%s: tensor \"%s\" is %d, expected 0 or more"
                .formatted(file.path(), STEP, step.get(LONG, 0)));
      }
      return new TrainingState.Snapshot(
          step.get(LONG, 0),
          powers.getAtIndex(DOUBLE, 0),
          powers.getAtIndex(DOUBLE, 1),
          values.getAtIndex(FLOAT, 0),
          values.getAtIndex(FLOAT, 1),
          values.getAtIndex(FLOAT, 2));
    }
  }

  private static MemorySegment readState(
      ModelFile file, Arena arena, String name, StoredType type, List<Long> dimensions) {
    ModelFile.Entry entry = file.entry(name);
    if (entry.type() != type || !entry.dimensions().equals(dimensions)) {
      throw new ModelFileException(
          file.path()
              + ": tensor \""
              + name
              + "\" is "
              + entry.type()
              + " "
              + entry.dimensions()
              + ", expected "
              + type
              + " "
              + dimensions);
    }
    MemorySegment bytes = arena.allocate(entry.byteSize(), Long.BYTES);
    file.read(name, bytes);
    return bytes;
  }
}
