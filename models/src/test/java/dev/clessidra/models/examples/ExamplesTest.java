package dev.clessidra.models.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Runs the examples and looks at what they print. */
class ExamplesTest {
  private static final Pattern NUMBER = Pattern.compile("[0-9]+(\\.[0-9]+)?");

  @Test
  void theSparseExampleHasFewActiveUnits() {
    double[] printed = numbersOf(() -> SparseExample.main(new String[0]));
    assertThat(printed[0]).isBetween(10.0, 15.0);
    assertThat(printed[1]).isEqualTo(200);
    assertThat(printed[2]).isLessThan(50);
    assertThat(printed[3]).isLessThan(40);
  }

  @Test
  void theStackedExampleClassifies() {
    assertThat(numbersOf(() -> StackedExample.main(new String[0]))[0]).isBetween(1.0, 12.0);
  }

  @Test
  void theDeepExampleRestores() {
    double[] printed = numbersOf(() -> DeepExample.main(new String[0]));
    assertThat(printed[0]).isLessThan(30);
    assertThat(printed[1]).isBetween(13.0, 15.0);
  }

  private static double[] numbersOf(Runnable example) {
    PrintStream before = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      example.run();
    } finally {
      System.setOut(before);
    }
    Matcher matcher = NUMBER.matcher(printed.toString(StandardCharsets.UTF_8));
    return matcher.results().mapToDouble(found -> Double.parseDouble(found.group())).toArray();
  }
}
