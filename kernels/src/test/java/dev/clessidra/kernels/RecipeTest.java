package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The parts of the README's recipe for an operation that no other test would miss. */
final class RecipeTest {
  private static final Path SOURCE =
      Path.of("src", "main", "java", "dev", "clessidra", "kernels", "Kernels.java");

  @ParameterizedTest
  @EnumSource
  void everyKernelHasATypedLaunchWithJavadoc(Kernel kernel) throws IOException {
    assertThat(Kernels.class.getMethods())
        .extracting("name")
        .as("methods of Kernels")
        .contains(methodName(kernel));
    assertThat(hasJavadoc(Files.readString(SOURCE), methodName(kernel)))
        .as("Kernels.%s has Javadoc", methodName(kernel))
        .isTrue();
  }

  /** {@link Arguments} checks an operand when it writes its address. */
  @Test
  void noTypedLaunchTakesAnAddressUnchecked() throws IOException {
    assertThat(Files.readString(SOURCE).contains("address()"))
        .as("Kernels.java writes the address of an operand that was not checked")
        .isFalse();
  }

  @Test
  void aMethodWithoutJavadocWouldBeSeen() {
    assertThat(hasJavadoc("  /** Text. */\n  public void fill(int x) {", "fill")).isTrue();
    assertThat(hasJavadoc("  }\n\n  public void fill(int x) {", "fill")).isFalse();
    assertThat(hasJavadoc("  // Text. */\n  public void fillAll(int x) {", "fill")).isFalse();
  }

  private static boolean hasJavadoc(String source, String method) {
    return Pattern.compile("\\*/\\n  public void " + method + "\\(").matcher(source).find();
  }

  /** For example {@code reduceRows} of {@code REDUCE_ROWS}. */
  private static String methodName(Kernel kernel) {
    Matcher letters = Pattern.compile("_(.)").matcher(kernel.name().toLowerCase(Locale.ROOT));
    return letters.replaceAll(match -> match.group(1).toUpperCase(Locale.ROOT));
  }
}
