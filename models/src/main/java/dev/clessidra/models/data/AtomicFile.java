package dev.clessidra.models.data;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Writes files whole or not at all: to a temporary file in the same folder, flushed to the disk and
 * moved into place. A reader, or a crash, meets the old file or the new one. Thread-safe.
 */
public final class AtomicFile {
  private static final AtomicLong COUNTER = new AtomicLong();

  /** What fills the file. */
  @FunctionalInterface
  public interface Content {
    /** Writes everything to {@code out}; the caller flushes and closes it. */
    void writeTo(OutputStream out) throws IOException;
  }

  private AtomicFile() {}

  /**
   * Creates or replaces {@code file}, making its folders where they are missing. Of a symbolic link
   * what it leads to is replaced.
   *
   * @throws DataException if it cannot be written; an older file of that name is then unharmed
   */
  public static void write(Path file, Content content) {
    requireReplaceable(file);
    Path target = Files.exists(file) ? real(file) : file.toAbsolutePath();
    // Not createTempFile: its files are readable by the owner only, and so would the result be.
    Path temporary =
        target.resolveSibling(
            ".%s.%d-%d.tmp"
                .formatted(
                    target.getFileName(),
                    ProcessHandle.current().pid(),
                    COUNTER.incrementAndGet()));
    try {
      Path folder = target.getParent();
      if (folder != null && !Files.isDirectory(folder)) {
        Files.createDirectories(folder);
      }
      try {
        fill(temporary, content);
        move(temporary, target);
      } finally {
        Files.deleteIfExists(temporary);
      }
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
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new DataException(
          "%s is a %s, expected a file or a new name: choose another place"
              .formatted(file, Files.isDirectory(file) ? "folder" : "device, pipe or socket"));
    }
  }

  private static Path real(Path file) {
    try {
      return file.toRealPath();
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

  private static void fill(Path temporary, Content content) throws IOException {
    try (FileChannel channel =
        FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
      content.writeTo(out);
      out.flush();
      channel.force(true);
    }
  }

  private static void move(Path temporary, Path target) throws IOException {
    try {
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
    }
  }
}
