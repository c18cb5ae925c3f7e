package dev.clessidra.bench.report;

import static dev.clessidra.bench.report.Runs.about;
import static dev.clessidra.bench.report.Runs.product;
import static dev.clessidra.bench.report.Runs.timing;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.clessidra.models.data.DataException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of a run: a file, a line of the history, a table, a picture. */
class RunFileTest {
  private static final Run RUN =
      Runs.of(
          "0123456789ab",
          product(
              "gemm 1",
              "gemm",
              timing("clessidra", 0.01, about(0.5), null),
              timing("onednn", 0.02, about(0.25), about(2)),
              timing("openblas", 0.04, about(0.125), about(4))),
          product(
              "gemm 2",
              "gemm",
              timing("clessidra", 0.01, about(0.5), null),
              timing("onednn", 0.08, about(0.0625), about(8))));

  @TempDir private Path folder;

  @Test
  void aRunComesBackFromItsFile() {
    Path file = folder.resolve("new").resolve("run.json");
    RunFile.write(file, RUN);

    assertSame(RunFile.read(file.toString(), folder.resolve("none")), RUN);
  }

  @Test
  void runsAreFoundInTheHistory() {
    Path history = folder.resolve("history.jsonl");
    Run later = Runs.of("fedcba987654");
    RunFile.append(history, RUN);
    RunFile.append(history, later);

    assertThat(text(history).lines()).hasSize(2);
    assertSame(RunFile.read("last", history), later);
    assertSame(RunFile.read("last-1", history), RUN);
    assertSame(RunFile.read("01234", history), RUN);
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> RunFile.read("last-2", history))
        .withMessage(
            "last-2 is no file, and none of the 2 runs in %s: expected a file that --json wrote,"
                + " last, last-1, ..., or the commit of a run that --record added",
            history);
  }

  @Test
  void otherFilesAreRefused() throws IOException {
    Path file = folder.resolve("other.json");
    for (String text : new String[] {"", "{}", "[1]", "{\"commit\": 3", "words"}) {
      Files.writeString(file, text);
      assertThatExceptionOfType(DataException.class)
          .isThrownBy(() -> RunFile.read(file.toString(), file))
          .withMessageStartingWith(file + " holds no run of the benchmarks");
    }
  }

  @Test
  void theTableHasRatesRatiosAndTheirMeans() {
    StringWriter text = new StringWriter();
    new Table(RUN).print(new PrintWriter(text, true));

    assertThat(text.toString())
        .contains("peak 200 (190-210) GFLOP/s, memory 20.0 (19.0-21.0) GB/s")
        .contains("libtorch is absent: not built in")
        .containsPattern(
            "gemm 1 +10.0 ms +200 GFLOP/s +50 % +2.00x \\(1.90-2.10\\) +4.00x \\(3.80-4.20\\)")
        // Of 2 and 8; of 4; of 2 and 8.
        .containsPattern("gemm +4.00x +4.00x +4.00x");
  }

  @Test
  void theRooflineIsAPicture() throws IOException {
    Path file = folder.resolve("roofline.png");
    Roofline.write(file, RUN);

    BufferedImage image = ImageIO.read(file.toFile());
    assertThat(image.getWidth()).isGreaterThan(1000);
    assertThat(image.getRGB(0, 0)).isEqualTo(0xffffffff);
    // The colour of the first library's marks.
    long marks = 0;
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        marks += image.getRGB(x, y) == 0xff0072b2 ? 1 : 0;
      }
    }
    assertThat(marks).isGreaterThan(100);
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> Roofline.write(file, Runs.of("a")))
        .withMessageContaining("expected products or convolutions");
  }

  /** Up to the sixth digit. */
  private static void assertSame(Run actual, Run expected) {
    assertThat(actual)
        .usingRecursiveComparison()
        .withEqualsForType(
            (one, other) -> Math.abs(one - other) <= 1e-5 * Math.abs(other), Double.class)
        .isEqualTo(expected);
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
