package dev.clessidra.models.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
  @TempDir private Path folder;

  private void assertRefused(Path target, String kind) {
    assertThatThrownBy(() -> AtomicFile.write(target, out -> out.write(1)))
        .isInstanceOf(DataException.class)
        .hasMessage(
            "%s cannot be written: it is a %s, expected a file or a new name; choose another place"
                + " or make room",
            target, kind);
    assertThat(folder).isDirectoryNotContaining("glob:**.tmp");
  }

  @Test
  void aFolderIsNotReplaced() throws IOException {
    Path target = Files.createDirectory(folder.resolve("target"));
    assertRefused(target, "folder");
    assertThat(target).isDirectory();
  }

  @Test
  void aPipeIsNotReplaced() throws Exception {
    Path pipe = folder.resolve("pipe");
    boolean made;
    try {
      made = new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0;
    } catch (IOException e) {
      made = false;
    }
    assumeTrue(made, "no pipes here");
    assertRefused(pipe, "device, pipe or socket");
    assertThat(Files.exists(pipe) && !Files.isRegularFile(pipe)).isTrue();
  }

  @Test
  void anInterruptedThreadCanWrite() {
    Path file = folder.resolve("made/file");
    Thread.currentThread().interrupt();
    try {
      AtomicFile.write(file, out -> out.write(1));
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
    assertThat(file).hasBinaryContent(new byte[] {1});
  }

  @Test
  void aLinkStaysAndItsFileIsReplaced() throws IOException {
    Path file = Files.write(folder.resolve("file"), new byte[] {7, 7});
    Path link = Files.createSymbolicLink(folder.resolve("link"), file);
    AtomicFile.write(link, out -> out.write(1));
    assertThat(link).isSymbolicLink();
    assertThat(file).hasBinaryContent(new byte[] {1});
  }
}
