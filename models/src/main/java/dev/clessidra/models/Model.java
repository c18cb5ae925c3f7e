package dev.clessidra.models;

import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.engine.io.Checkpoint;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.training.Batch;
import dev.clessidra.models.training.TrainingData;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * Something that a {@link dev.clessidra.models.training.Trainer} can train: parameters and a loss.
 *
 * <p>Thread-safety: methods that only read the parameters (encoding, reconstructing, evaluating)
 * may be called by many threads at once, without a lock; training and closing must not run beside
 * them.
 */
public interface Model extends AutoCloseable {
  /** Metadata key of a model file: which kind of model it holds. */
  String KIND = "model";

  /** Metadata key of a checkpoint: the settings that a resumed training must share. */
  String TRAINING = "training";

  /** The kind of model, such as {@code autoencoder}, as it stands in its files. */
  String kind();

  /** Where the model lives. */
  default Device device() {
    return parameters().device();
  }

  /** All that is trained. */
  Parameters parameters();

  /**
   * What the model was built with, by name; enough to build it again. {@link Configuration} reads
   * it back from a file. The names {@code model}, {@code training} and those that begin with {@code
   * clessidra.} are taken.
   */
  SequencedMap<String, String> configuration();

  /**
   * Called once before the first training step: sets what starts from the data.
   *
   * @throws IllegalArgumentException when the model does not take such samples; nothing is changed
   */
  default void prepare(TrainingData data) {}

  /** Called in place of {@link #prepare} when training goes on from a checkpoint. */
  default void resumed() {}

  /**
   * The training loss of a batch, averaged over its samples.
   *
   * <p>Called once in a training: its launches are captured and replayed on the device for every
   * further step. So it must not copy to or from the host ({@link Tensor#item}, {@code
   * copyToArray}, {@code copyFrom} an array), wait for the device, nor decide by what changes from
   * step to step. What it computed is in the training's reports.
   *
   * @param state gives noise its random numbers
   * @return a scalar on the tape, not null
   */
  Tensor loss(Tape tape, Batch batch, TrainingState state);

  /**
   * Writes parameters and configuration as safetensors, to a temporary file moved into place.
   *
   * @throws IllegalStateException when the configuration has an entry whose name is taken
   * @throws dev.clessidra.engine.io.ModelFileException when it cannot be written
   */
  default void save(Path path) {
    Checkpoint.of(parameters()).save(path, metadata());
  }

  /**
   * What stands in the model's files beside the parameters: its kind and configuration.
   *
   * @throws IllegalStateException when the configuration has an entry whose name is taken
   */
  default SequencedMap<String, String> metadata() {
    SequencedMap<String, String> metadata = new LinkedHashMap<>(configuration());
    for (String name : metadata.keySet()) {
      if (name.equals(KIND) || name.equals(TRAINING) || name.startsWith("clessidra.")) {
        throw new IllegalStateException(
            "%s: its configuration has an entry '%s', a name that Clessidra uses itself: rename it"
                .formatted(kind(), name));
      }
    }
    metadata.putFirst(KIND, kind());
    return metadata;
  }

  @Override
  default void close() {
    parameters().close();
  }
}
