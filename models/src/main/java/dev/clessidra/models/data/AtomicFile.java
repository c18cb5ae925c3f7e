package dev.clessidra.models.data;

import dev.clessidra.engine.io.AtomicFileWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Writes files whole or not at all, as {@link AtomicFileWriter} does, and their folders where they
 * are missing. Thread-safe.
 */
public final class AtomicFile {
  private AtomicFile() {}

  /**
   * Creates or replaces {@code file}, making its folders where they are missing. Of a symbolic link
   * what it leads to is replaced.
   *
   * @throws DataException if it cannot be written; an older file of that name is then unharmed
   */
  public static void write(Path file, AtomicFileWriter.Content content) {
    try {
      Path folder = file.toAbsolutePath().getParent();
      if (folder != null && !Files.isDirectory(folder)) {
        Files.createDirectories(folder);
      }
      AtomicFileWriter.write(file, content);
    } catch (IOException e) {
      throw failure(file, e);
    }
  }

  /**
   * Checks that {@code file} is a file or does not exist: a device's node would be lost.
   *
   * @throws DataException if it is anything else
   */
  public static void requireReplaceable(Path file) {
    try {
      AtomicFileWriter.requireReplaceable(file);
    } catch (IOException e) {
      throw failure(file, e);
    }
  }

  private static DataException failure(Path file, IOException e) {
    return new DataException(
        file
            + " cannot be written: "
            + Problems.describe(e)
            + "; choose another place or make room",
        e);
  }
}
