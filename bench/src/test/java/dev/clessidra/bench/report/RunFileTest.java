package dev.clessidra.bench.report;

import static dev.clessidra.bench.report.Runs.about;
import static dev.clessidra.bench.report.Runs.product;
import static dev.clessidra.bench.report.Runs.timing;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.clessidra.bench.baselines.Arithmetic;
import dev.clessidra.bench.measure.Result;
import dev.clessidra.bench.measure.Timing;
import dev.clessidra.models.data.DataException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
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
    RunFile.write(file, RUN);
    String whole = text(file);
    for (String text :
        new String[] {
          "",
          "{}",
          "[1]",
          "{\"commit\": 3",
          "words",
          whole.replace("\"device\"", "\"devices\""),
          whole.replace("\"seconds\"", "\"minutes\"")
        }) {
      Files.writeString(file, text);
      assertThatExceptionOfType(DataException.class)
          .isThrownBy(() -> RunFile.read(file.toString(), file))
          .withMessageStartingWith(file + " holds no run of the benchmarks: ")
          .withMessageEndingWith("; expected what --json or --record wrote")
          .withMessageNotContainingAny("http", "java.");
    }
    Files.write(file, new byte[] {(byte) 0xff, (byte) 0xfe, 0});
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> RunFile.read(file.toString(), file))
        .withMessageContaining("it is no text in UTF-8");
  }

  @Test
  void aBrokenLineOfTheHistoryIsNamed() throws IOException {
    Path history = folder.resolve("history.jsonl");
    RunFile.append(history, RUN);
    Files.writeString(history, "{\"commit\":\n", StandardOpenOption.APPEND);

    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> RunFile.read("last", history))
        .withMessageStartingWith("%s, line 2, holds no run of the benchmarks: ", history);
    assertSame(RunFile.read("last-1", history), RUN);
  }

  @Test
  void countsAreExact() {
    Path file = folder.resolve("run.json");
    Result counted =
        new Result(
            "gemm",
            "gemm",
            2147483648.0,
            4194307,
            0,
            List.of(timing("clessidra", 1.0 / 3, null, null)),
            Map.of());
    RunFile.write(file, Runs.of("a", counted));

    assertThat(text(file))
        .contains("\"operations\": 2147483648,", "\"bytes\": 4194307,")
        .contains("\"median\": 0.333333,");
  }

  @Test
  void theTableHasRatesRatiosAndTheirMeans() {
    StringWriter text = new StringWriter();
    new Table(RUN).print(new PrintWriter(text, true));

    assertThat(text.toString())
        .contains(
            "peak 200 (190-210) GFLOP/s, memory 20.0 (19.0-21.0) GB/s;"
                + " a cache line to another thread and back 180 (110-580) ns;")
        .contains("libtorch is absent: not built in")
        .containsPattern(
            "gemm 1 +10.0 ms +200 GFLOP/s +50 % +2.00x \\(1.90-2.10\\) +4.00x \\(3.80-4.20\\)")
        // Of 2 and 8; of 4; of 2 and 8.
        .containsPattern("gemm +4.00x +4.00x +4.00x");
  }

  @Test
  void tf32IsNeverTheBestAndNotDrawn() throws IOException {
    Timing own = timing("clessidra", 1e-2, about(0.5), null);
    Timing float32 = timing("cublas", 2e-2, about(0.25), about(2));
    Timing tf32 = timing("cublas-tf32", Arithmetic.TF32, 1e-3, null, about(0.1));
    Run run = Runs.of("a", product("gemm 1", "g", own, float32, tf32));
    StringWriter text = new StringWriter();
    new Table(run).print(new PrintWriter(text, true));

    assertThat(text.toString())
        .containsPattern("g +2.00x +0.10x +2.00x")
        .contains("TF32 is never the best");
    assertThat(drawn(run)).isEqualTo(drawn(Runs.of("a", product("gemm 1", "g", own, float32))));
    Result alone = product("gemm 1", "g", tf32);
    assertThatExceptionOfType(DataException.class).isThrownBy(() -> drawn(Runs.of("a", alone)));
  }

  private byte[] drawn(Run run) throws IOException {
    Path file = folder.resolve("drawn.png");
    Roofline.write(file, run);
    return Files.readAllBytes(file);
  }

  @Test
  void theArithmeticComesBackAndIsFloat32InOlderRuns() throws IOException {
    Path file = folder.resolve("run.json");
    RunFile.write(
        file,
        Runs.of(
            "a", product("gemm 1", "g", timing("cublas-tf32", Arithmetic.TF32, 1, null, null))));
    assertThat(arithmetic(file)).isEqualTo(Arithmetic.TF32);
    Files.writeString(file, text(file).replaceAll("\"arithmetic\": \"[A-Z0-9]+\",", ""));
    assertThat(arithmetic(file)).isEqualTo(Arithmetic.FLOAT32);
  }

  private Arithmetic arithmetic(Path file) {
    Run run = RunFile.read(file.toString(), folder.resolve("none"));
    return run.results().getFirst().timings().getFirst().arithmetic();
  }

  @Test
  void aTrainingHasSamplesAndOperationsASecondAndNoMark() {
    Result training =
        new Result(
            "training",
            "training",
            2e9,
            0,
            256,
            List.of(timing("clessidra", 0.01, about(0.5), null)),
            Map.of());

    assertThat(Figures.rate(training, 0.01)).isEqualTo("25600 samples/s, 200 GFLOP/s");
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> drawn(Runs.of("a", training)))
        .withMessageContaining("operations and bytes");
  }

  @Test
  void numbersHaveThreeDigits() {
    assertThat(Figures.number(0.00123456)).isEqualTo("0.00123");
    assertThat(Figures.number(1.23456)).isEqualTo("1.23");
    assertThat(Figures.number(99.96)).isEqualTo("100");
    assertThat(Figures.number(1234.5)).isEqualTo("1235");
  }

  @Test
  void theRooflineIsAPicture() throws IOException {
    Path file = folder.resolve("roofline");
    Roofline.write(file, RUN);

    assertThat(folder).isDirectoryContaining(path -> path.equals(file));
    BufferedImage image = ImageIO.read(file.toFile());
    assertThat(image.getWidth()).isGreaterThan(1000);
    assertThat(image.getRGB(0, 0)).isEqualTo(0xffffffff);
    // The first group's mark in the legend, and its five in the plot.
    assertThat(marks(image)).isGreaterThan(5 * 100);
    assertThatExceptionOfType(DataException.class)
        .isThrownBy(() -> Roofline.write(file, Runs.of("a")))
        .withMessageContaining("expected products, convolutions or answers");
  }

  @Test
  void marksAboveThePeakAreDrawn() throws IOException {
    Path file = folder.resolve("roofline.png");
    // 200 and 20,000 GFLOP/s, where the peak is 200.
    Roofline.write(
        file,
        Runs.of(
            "a",
            product("slow", "g", timing("clessidra", 1e-2, null, null)),
            product("fast", "g", timing("clessidra", 1e-4, null, null))));
    long two = marks(ImageIO.read(file.toFile()));
    Roofline.write(file, Runs.of("a", product("slow", "g", timing("clessidra", 1e-2, null, null))));
    long one = marks(ImageIO.read(file.toFile()));

    assertThat(two).isGreaterThan(one + 50);
  }

  /** The pixels of the first group's colour. */
  private static long marks(BufferedImage image) {
    long marks = 0;
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        marks += image.getRGB(x, y) == 0xff0072b2 ? 1 : 0;
      }
    }
    return marks;
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
