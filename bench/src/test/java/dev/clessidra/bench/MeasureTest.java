package dev.clessidra.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.clessidra.kernels.Device;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Scanner;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class MeasureTest {
  @Test
  void everyWorkloadHasALineOfRisingNumbersAndNoMemoryIsLeft() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    Duration moment = Duration.ofMillis(1);
    try (Device device = Device.open("cpu");
        PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
      Measure.measure(device, 2, moment, moment, out);

      assertThat(device.memory().liveBuffers()).isZero();
    }
    List<String> rows =
        bytes.toString(StandardCharsets.UTF_8).lines().filter(MeasureTest::isRow).toList();

    assertThat(rows)
        .hasSize(
            1
                + MatrixProduct.values().length
                + MemoryBoundKernel.values().length
                + TrainedModel.values().length)
        .allSatisfy(MeasureTest::checkTriples);
  }

  private static void checkTriples(String row) {
    try (Scanner numbers = new Scanner(row.substring(29)).useLocale(Locale.ROOT)) {
      do {
        double worst = numbers.nextDouble();
        double median = numbers.nextDouble();
        double best = numbers.nextDouble();
        assertThat(worst).isNotNegative().isLessThanOrEqualTo(median);
        assertThat(best).isPositive().isFinite().isGreaterThanOrEqualTo(median);
      } while (numbers.hasNext());
    }
  }

  private static boolean isRow(String line) {
    return line.matches(".*[0-9]")
        && Stream.concat(
                Stream.of("peak", "product", "training"),
                Stream.of(MemoryBoundKernel.values()).map(MemoryBoundKernel::toString))
            .anyMatch(line::startsWith);
  }

  @Test
  void theArgumentIsTheNumberOfRounds() {
    assertThat(Measure.rounds()).isEqualTo(9);
    assertThat(Measure.rounds("12")).isEqualTo(12);
    for (String[] wrong : new String[][] {{"0"}, {"-1"}, {"many"}, {"1", "2"}, {"10000"}}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Measure.rounds(wrong))
          .withMessage(
              "Arguments are '%s': expected the number of rounds, 1 to 9999, or nothing.",
              String.join(" ", wrong));
    }
  }
}
