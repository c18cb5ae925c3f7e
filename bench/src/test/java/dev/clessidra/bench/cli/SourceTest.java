package dev.clessidra.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SourceTest {
  private static final String HOME = "clessidra.home";

  @TempDir private Path folder;
  private final String before = System.getProperty(HOME);

  @BeforeEach
  void beHere() {
    System.setProperty(HOME, folder.toString());
  }

  @AfterEach
  void restore() {
    if (before == null) {
      System.clearProperty(HOME);
    } else {
      System.setProperty(HOME, before);
    }
  }

  private void git(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("git", "-C", folder.toString()));
    command.addAll(
        List.of(
            "-c",
            "user.name=test",
            "-c",
            "user.email=test@localhost",
            "-c",
            "commit.gpgsign=false"));
    command.addAll(List.of(arguments));
    Process git =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertThat(git.waitFor()).isZero();
  }

  private void commit() throws IOException, InterruptedException {
    Files.createDirectories(Source.history().getParent());
    Files.writeString(Source.history(), "a run\n");
    Files.writeString(folder.resolve("source"), "1\n");
    git("init");
    git("add", ".");
    git("commit", "--message=all");
  }

  @Test
  void aRecordedRunIsNoChange() throws IOException, InterruptedException {
    commit();
    String clean = Source.commit();
    Files.writeString(Source.history(), "a run\nanother one\n");
    Files.writeString(folder.resolve("untracked"), "");

    assertThat(clean).matches("[0-9a-f]{12}");
    assertThat(Source.commit()).isEqualTo(clean);
  }

  @Test
  void aChangedSourceIs() throws IOException, InterruptedException {
    commit();
    String clean = Source.commit();
    Files.writeString(folder.resolve("source"), "2\n");

    assertThat(Source.commit()).isEqualTo(clean + "-dirty");
    // Wherever the program is run.
    System.setProperty(HOME, Source.history().getParent().toString());
    assertThat(Source.commit()).isEqualTo(clean + "-dirty");
  }

  @Test
  void withoutGitTheCommitIsUnknownUnlessItIsTold() {
    assertThat(Source.commit()).isEqualTo("unknown");

    System.setProperty(Source.COMMIT_PROPERTY_NAME, "0123456789ab");
    try {
      assertThat(Source.commit()).isEqualTo("0123456789ab");
    } finally {
      System.clearProperty(Source.COMMIT_PROPERTY_NAME);
    }
  }
}
