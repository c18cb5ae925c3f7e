package dev.clessidra.models.cli;

import dev.clessidra.models.data.Problems;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Keeps other processes from training into a run folder, until it is closed or this process ends,
 * however that is: a lock file that a crash has left holds nobody up.
 */
final class RunLock implements AutoCloseable {
  private final Path file;
  private final FileChannel channel;

  private RunLock(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /**
   * Locks a folder that is there.
   *
   * @throws CommandFailure if another process has locked it, or it cannot be written
   */
  static RunLock of(RunFolder folder) {
    Path file = folder.lock();
    try {
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      // The file is gone if the other process ended between the opening and the locking.
      if (isLocked(channel) && Files.exists(file)) {
        return new RunLock(file, channel);
      }
      channel.close();
    } catch (IOException e) {
      throw new CommandFailure(
          "%s cannot be locked (%s): make the run folder writable, or train into another by --out"
              .formatted(file, Problems.describe(e)),
          e);
    }
    throw new CommandFailure(
        "another process is training into the run folder %s: wait until it has ended or stop it, or train into another folder by --out"
            .formatted(folder.path()));
  }

  private static boolean isLocked(FileChannel channel) throws IOException {
    try {
      return channel.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      return false; // by this process
    }
  }

  /** Deletes the file before it is unlocked, as afterwards it may be another process's. */
  @Override
  public void close() {
    try (channel) {
      Files.deleteIfExists(file);
    } catch (IOException _) {
      // What is left of it holds nobody up.
    }
  }
}
