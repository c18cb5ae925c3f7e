package dev.clessidra.models.cli;

import dev.clessidra.engine.io.ModelFile;
import dev.clessidra.models.Model;
import dev.clessidra.models.UNet;
import dev.clessidra.models.data.AtomicFile;
import dev.clessidra.models.data.DataException;
import dev.clessidra.models.data.DataSplit;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.data.NpyWriter;
import dev.clessidra.models.data.Problems;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The parameter that names a trained model. */
final class ModelSelection {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

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
    if (!Problems.exists(path)) {
      throw new CommandFailure(
          "%s does not exist: expected a run folder or a model file; check the name"
              .formatted(path));
    }
    if (!isRun()) {
      return path;
    }
    RunFolder folder = new RunFolder(path);
    if (Problems.exists(folder.model())) {
      return folder.model();
    }
    if (Problems.exists(folder.config())) {
      throw new CommandFailure(
          "the training of %s has not finished: go on with %s train %s --resume %s"
              .formatted(
                  path,
                  Words.program(),
                  RunConfiguration.read(folder.config()).model(),
                  Words.quoted(path)));
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
            "%s is a unet, expected an autoencoder: give another model, or use %s segment"
                .formatted(path, Words.program()));
      }
    }
    return file;
  }

  /**
   * Checks the name of a file to write.
   *
   * @param inputs what is read besides the model; of a folder all files
   * @throws CommandFailure if it is the model, its run's configuration or one of the inputs
   * @throws DataException if it is a folder or a device
   */
  void requireOutput(Path out, Collection<Path> inputs) {
    AtomicFile.requireReplaceable(out);
    List<Path> read = new ArrayList<>(inputs);
    read.add(file());
    read.add(config());
    for (Path input : read) {
      if (isPartOf(out, input)) {
        throw new CommandFailure(
            "%s would be replaced, but this command reads it: give --out another name"
                .formatted(out));
      }
    }
  }

  /**
   * As {@link #requireOutput}, of a picture.
   *
   * @throws CommandFailure also if its name does not say that it is a PNG file
   */
  void requirePicture(Path out, Collection<Path> inputs) {
    requireOutput(out, inputs);
    requireEnding(out, "PNG", ".png");
  }

  /**
   * As {@link #requireOutput}, of an array.
   *
   * @throws CommandFailure also if its name does not say that it is a NumPy file
   */
  void requireArray(Path out, Collection<Path> inputs) {
    requireOutput(out, inputs);
    requireEnding(out, "NumPy", NpyWriter.ENDING);
  }

  /** A name with the ending of another kind may well be a file that is still needed. */
  private static void requireEnding(Path out, String kind, String ending) {
    if (!out.toString().toLowerCase(Locale.ROOT).endsWith(ending)) {
      throw new CommandFailure(
          "%s would be a %s file, expected a name that ends in %s: give --out another name"
              .formatted(out, kind, ending));
    }
  }

  /** Whether a file is there and is the other, or in it where the other is a folder. */
  private static boolean isPartOf(Path file, Path other) {
    try {
      return Files.exists(file)
          && Files.exists(other)
          && file.toRealPath().startsWith(other.toRealPath());
    } catch (IOException e) {
      return false; // who cannot look at a file does not get to replace it either
    }
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

  /**
   * Reads the data named, or else that of the model's run, or else what travels with Clessidra;
   * says so where that of the run is no longer what it was.
   */
  <D extends DataSplit> D data(DataOption<D> named) {
    String source = source(named);
    D data = named.read(source);
    if (named.source() == null && Files.exists(config())) {
      RunConfiguration configuration = RunConfiguration.read(config());
      if (!data.checksum().equals(configuration.checksum())) {
        PrintWriter err = command.commandLine().getErr();
        err.println(
            "clessidra: %s is no longer the data that %s was trained with: what follows is of the data as it is now"
                .formatted(source, path));
        err.flush();
      }
    }
    return data;
  }

  /** Reads the test images of the data that {@link #data} reads, which may be a single picture. */
  ImageData test(DataSelection named) {
    return named.readTest(source(named));
  }

  /** Where the configuration of the model's run is, if it has one. */
  private Path config() {
    return new RunFolder(file().toAbsolutePath().getParent()).config();
  }

  /** Names the data that {@link #data} reads. */
  String source(DataOption<?> named) {
    if (named.source() != null) {
      return named.source();
    }
    return Files.exists(config()) ? RunConfiguration.read(config()).data() : named.standard();
  }
}
