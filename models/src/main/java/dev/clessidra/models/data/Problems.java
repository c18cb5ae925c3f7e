package dev.clessidra.models.data;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;

/**
 * Words for the exceptions of the file system, whose own messages are often a bare file name.
 * Stateless and thread-safe.
 */
public final class Problems {
  private Problems() {}

  /** What went wrong in a few words, on one line. */
  public static String describe(IOException e) {
    return switch (e) {
      case NoSuchFileException missing -> missing.getFile() + " does not exist";
      case AccessDeniedException denied -> "permission denied for " + denied.getFile();
      case NotDirectoryException file -> file.getFile() + " is not a folder";
      case FileAlreadyExistsException file -> file.getFile() + " is in the way";
      case FileSystemException other when other.getReason() != null -> other.getReason();
      default -> oneLine(e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage());
    };
  }

  /**
   * Whether a file or folder exists, as {@link Files#exists} says, which takes what may not be
   * looked at for absent.
   *
   * @throws DataException if that cannot be told, such as for lack of permission
   */
  public static boolean exists(Path path) {
    try {
      path.getFileSystem().provider().checkAccess(path);
      return true;
    } catch (NoSuchFileException e) {
      return false;
    } catch (IOException e) {
      throw new DataException(
          "%s cannot be looked at: %s; check the name and the permissions"
              .formatted(path, describe(e)),
          e);
    }
  }

  private static String oneLine(String text) {
    return text.strip().replaceAll("\\s*\\R\\s*", " ");
  }
}
