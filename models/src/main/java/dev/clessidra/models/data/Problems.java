package dev.clessidra.models.data;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/** Words for the exceptions of the file system, whose own messages are often a bare file name. */
final class Problems {
  private Problems() {}

  /** What went wrong in a few words, on one line. */
  static String describe(IOException e) {
    return switch (e) {
      case NoSuchFileException missing -> missing.getFile() + " does not exist";
      case AccessDeniedException denied -> "permission denied for " + denied.getFile();
      case NotDirectoryException file -> file.getFile() + " is not a folder";
      case FileAlreadyExistsException file -> file.getFile() + " is in the way";
      case FileSystemException other when other.getReason() != null -> other.getReason();
      default -> oneLine(e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage());
    };
  }

  private static String oneLine(String text) {
    return text.strip().replaceAll("\\s*\\R\\s*", " ");
  }
}
