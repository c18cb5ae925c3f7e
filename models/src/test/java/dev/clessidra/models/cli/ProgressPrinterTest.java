package dev.clessidra.models.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clessidra.models.training.TrainingProgress;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProgressPrinterTest {
  @ParameterizedTest
  @CsvSource({
    "140, 'fine-tuning [########--------] 50 %  100,000/s  loss 189.1  test error 98.77'",
    "80, 'fine-tuning [########--------] 50 %  100,000/s  loss 189.1  test error 98.77'",
    "76, 'fine-tuning [########--------] 50 %  100,000/s  loss 189.1'",
    "58, 'fine-tuning [########--------] 50 %  100,000/s'",
    "20, '50 %  100,000/s'",
    "5, '50 %'",
  })
  void whatDoesNotFitIntoTheTerminalIsLeftOutWhole(int columns, String line) {
    StringWriter out = new StringWriter();
    ProgressPrinter printer =
        new ProgressPrinter(
            new PrintWriter(out),
            new Environment(
                () -> true,
                () -> columns,
                StandardCharsets.UTF_8,
                Path.of("runs"),
                new Interruption()),
            "fine-tuning");
    printer.reported(
        new TrainingProgress.Report(
            50, 100, 1, 189.1, 0.001, 100_000, 1, Map.of(Metrics.SQUARED_ERROR, 98.77)));

    printer.started(50, 100, 32);

    assertThat(out.toString()).endsWith("\r\u001b[K" + line);
  }
}
