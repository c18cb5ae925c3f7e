package dev.clessidra.engine.io;

import java.io.BufferedOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.UUID;

/**
 * Writes files whole or not at all: to a temporary file in the same folder, forced to the disk and
 * moved into place. A reader, or a crash, meets the old file or the new one. An interrupted thread
 * can write as well. Thread-safe.
 */
public final class AtomicFileWriter {
  private static final int BUFFER_BYTES = 1 << 16;

  /** What fills a file. */
  @FunctionalInterface
  public interface Content {
    /** Writes everything to {@code out}; the caller flushes and closes it. */
    void writeTo(OutputStream out) throws IOException;
  }

  private AtomicFileWriter() {}

  /**
   * Creates or replaces {@code file}, in a folder that is there. Of a symbolic link what it leads
   * to is replaced.
   *
   * @throws FileSystemException if it cannot be written, with the reason in few words; an older
   *     file of that name is then unharmed
   */
  public static void write(Path file, Content content) throws FileSystemException {
    requireReplaceable(file);
    try {
      Path target = Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
      if (!Files.isDirectory(target.getParent())) {
        throw failure(file, "there is no such folder");
      }
      // Not createTempFile: its files are readable by the owner only, and so would the result be.
      Path temporary =
          target.resolveSibling(".%s.%s.tmp".formatted(target.getFileName(), UUID.randomUUID()));
      try {
        fill(temporary, content);
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        deleteIfThere(temporary);
      }
    } catch (IOException e) {
      FileSystemException failure = failure(file, Causes.of(e));
      failure.initCause(e);
      throw failure;
    }
  }

  /**
   * Checks that {@code file} is a file or does not exist: a device's node, for one, would be lost.
   *
   * @throws FileSystemException if it is anything else
   */
  public static void requireReplaceable(Path file) throws FileSystemException {
    if (Files.exists(file, LinkOption.NOFOLLOW_LINKS) && !Files.isRegularFile(file)) {
      String kind =
          Files.isDirectory(file)
              ? "folder"
              : Files.exists(file) ? "device, pipe or socket" : "link that leads nowhere";
      throw failure(file, "it is a " + kind + ", expected a file or a new name");
    }
  }

  private static FileSystemException failure(Path file, String reason) {
    return new FileSystemException(file.toString(), null, reason);
  }

  private static void fill(Path temporary, Content content) throws IOException {
    // Not a channel: one that an interrupted thread uses is closed, and a run that is being stopped
    // has to be able to save.
    try (FileOutputStream file = new FileOutputStream(temporary.toFile())) {
      OutputStream out = new BufferedOutputStream(file, BUFFER_BYTES);
      content.writeTo(out);
      out.flush();
      file.getFD().sync();
    }
  }

  /** After a successful move there is nothing to delete; a failure must not hide the first one. */
  private static void deleteIfThere(Path temporary) {
    try {
      Files.deleteIfExists(temporary);
    } catch (IOException e) {
      System.getLogger(AtomicFileWriter.class.getName())
          .log(System.Logger.Level.DEBUG, "cannot delete " + temporary, e);
    }
  }
}
