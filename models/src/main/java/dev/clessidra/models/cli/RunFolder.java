package dev.clessidra.models.cli;

import dev.clessidra.models.data.DataException;
import dev.clessidra.models.data.Problems;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The folder of a training run and the names in it.
 *
 * @param path of the folder
 */
record RunFolder(Path path) {
  private static final String LOCK = ".lock";

  /**
   * Creates the next folder {@code MODEL-N} that is free.
   *
   * @throws DataException if it cannot be created
   */
  static RunFolder next(Path parent, String model) {
    for (int number = 1; ; number++) {
      Path folder = parent.resolve(model + "-" + number);
      try {
        Files.createDirectories(parent);
        Files.createDirectory(folder);
        return new RunFolder(folder);
      } catch (FileAlreadyExistsException e) {
        if (!Files.isDirectory(parent)) {
          throw failure(folder, e);
        }
      } catch (IOException e) {
        throw failure(folder, e);
      }
    }
  }

  /**
   * Checks that a folder of this name can be filled: it is empty, but for a lock, or not there.
   *
   * @throws CommandFailure if it is in use
   */
  static void requireUnused(Path folder) {
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new CommandFailure(
          "%s is a file, expected a new or empty folder: choose another --out".formatted(folder));
    }
    if (Files.isDirectory(folder)) {
      try (DirectoryStream<Path> content = Files.newDirectoryStream(folder)) {
        boolean used = false;
        for (Path file : content) {
          used |= !file.endsWith(LOCK);
        }
        if (used) {
          throw new CommandFailure(
              "%s is not empty, expected a new or empty folder: choose another --out, or go on with"
                      .formatted(folder)
                  + " that run by --resume");
        }
      } catch (IOException e) {
        throw failure(folder, e);
      }
    }
  }

  /** Creates a folder, or takes an empty one. */
  static RunFolder create(Path folder) {
    requireUnused(folder);
    try {
      Files.createDirectories(folder);
      return new RunFolder(folder);
    } catch (IOException e) {
      throw failure(folder, e);
    }
  }

  private static CommandFailure failure(Path folder, IOException e) {
    return new CommandFailure(
        "the run folder %s cannot be created (%s): choose a folder that can be written by --out"
            .formatted(folder, Problems.describe(e)),
        e);
  }

  /** Deletes the models that a process was writing when it was killed; by whoever has the lock. */
  void deleteUnfinishedModels() {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(path, ".*.safetensors.*.tmp")) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    } catch (IOException _) {
      // They take room, no more.
    }
  }

  /** There while a process trains into the folder, which holds a lock on it. */
  Path lock() {
    return path.resolve(LOCK);
  }

  Path config() {
    return path.resolve("config.json");
  }

  Path metricsCsv() {
    return path.resolve("metrics.csv");
  }

  Path metricsJsonLines() {
    return path.resolve("metrics.jsonl");
  }

  /** The finished autoencoder. */
  Path model() {
    return path.resolve("model.safetensors");
  }

  /** The plain autoencoder that a variational one is compared with. */
  Path plain() {
    return path.resolve("plain.safetensors");
  }

  /** The finished classifier of a stacked autoencoder. */
  Path classifier() {
    return path.resolve("classifier.safetensors");
  }

  /** The linear classifier on the codes. */
  Path probe() {
    return path.resolve("probe.safetensors");
  }

  /** A layer of a greedy stack, from 0. */
  Path layer(int layer) {
    return path.resolve("layer-" + (layer + 1) + ".safetensors");
  }

  /** The autoencoder that starts from the greedy stack. */
  Path pretrained() {
    return path.resolve("pretrained.safetensors");
  }

  /** The last state of the stage that is trained, the first whose own file is not there. */
  Path checkpoint() {
    return path.resolve("checkpoint.safetensors");
  }

  Path result() {
    return path.resolve("result.json");
  }

  Path report() {
    return path.resolve("report.html");
  }
}
