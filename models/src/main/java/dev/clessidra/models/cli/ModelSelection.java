package dev.clessidra.models.cli;

import dev.clessidra.engine.io.ModelFile;
import dev.clessidra.models.Model;
import dev.clessidra.models.UNet;
import dev.clessidra.models.data.DataSplit;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Parameters;

/** The parameter that names a trained model. */
final class ModelSelection {
  @Parameters(
      paramLabel = "MODEL",
      description = "A run folder such as runs/deep-1, or a model file such as model.safetensors.")
  private Path path;

  /** What was named. */
  Path path() {
    return path;
  }

  /** Whether it is a run's folder. */
  boolean isRun() {
    return Files.isDirectory(path);
  }

  /**
   * The model file; of a run its autoencoder.
   *
   * @throws CommandFailure if there is none
   */
  Path file() {
    if (!Files.exists(path)) {
      throw new CommandFailure(
          "%s does not exist: expected a run folder or a model file; check the name"
              .formatted(path));
    }
    if (!isRun()) {
      return path;
    }
    RunFolder folder = new RunFolder(path);
    if (Files.exists(folder.model())) {
      return folder.model();
    }
    if (Files.exists(folder.config())) {
      throw new CommandFailure(
          "the training of %s has not finished: go on with ./clessidra train %s --resume %s"
              .formatted(path, RunConfiguration.read(folder.config()).model(), Words.quoted(path)));
    }
    throw new CommandFailure(
        "%s holds no model.safetensors: expected a run folder or a model file".formatted(path));
  }

  /**
   * As {@link #file}, of an autoencoder of any kind.
   *
   * @throws CommandFailure if it is a U-Net's, whose data is of another kind as well
   */
  Path autoencoder() {
    Path file = file();
    try (ModelFile opened = ModelFile.open(file)) {
      if (UNet.KIND.equals(opened.metadata().get(Model.KIND))) {
        throw new CommandFailure(
            "%s is a unet, expected an autoencoder: give another model, or use clessidra segment"
                .formatted(path));
      }
    }
    return file;
  }

  /** The kind of model in the file, such as {@code autoencoder}. */
  String kind() {
    try (ModelFile file = ModelFile.open(file())) {
      return Optional.ofNullable(file.metadata().get(Model.KIND))
          .orElseThrow(() ->
              new CommandFailure(
                  path + " holds no Clessidra model: expected a file that train wrote"));
    }
  }

  /** Reads the data named, or else that of the model's run, or else what travels with Clessidra. */
  <D extends DataSplit> D data(DataOption<D> named) {
    if (named.source() != null) {
      return named.read(named.source());
    }
    Path config = new RunFolder(file().toAbsolutePath().getParent()).config();
    return named.read(
        Files.exists(config) ? RunConfiguration.read(config).data() : named.standard());
  }
}
