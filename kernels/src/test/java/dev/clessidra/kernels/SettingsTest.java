package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SettingsTest {

  private static Settings settings(
      Map<String, String> properties, Map<String, String> environment) {
    return new Settings(properties::get, environment::get);
  }

  private static Settings property(String name, String value) {
    return settings(Map.of(name, value), Map.of());
  }

  @Test
  void propertyGoesBeforeTheEnvironmentVariableOfTheSameName() {
    Map<String, String> environment = Map.of("CLESSIDRA_NATIVE_FOLDER", "b");
    assertThat(
            settings(Map.of("clessidra.native.folder", "a"), environment)
                .get("clessidra.native.folder"))
        .contains("a");
    assertThat(settings(Map.of(), environment).get("clessidra.native.folder")).contains("b");
    assertThat(
            settings(Map.of("clessidra.native.folder", " "), environment)
                .get("clessidra.native.folder"))
        .contains("b");
    assertThat(settings(Map.of(), Map.of()).get("clessidra.native.folder")).isEmpty();
  }

  @Test
  void optionsComeFromTheSettings() {
    DeviceOptions options =
        DeviceOptions.from(
            settings(
                Map.of("clessidra.device", "cpu", "clessidra.threads", "3"),
                Map.of(
                    "CLESSIDRA_INSTRUCTIONSET", "avx2",
                    "CLESSIDRA_MEMORY_LIMIT", "2G",
                    "CLESSIDRA_DEBUG", "true",
                    "CLESSIDRA_THREADS", "4")));
    assertThat(options).isEqualTo(new DeviceOptions("cpu", 3, "avx2", 2L << 30, true));
  }

  @Test
  void optionsHaveDefaults() {
    assertThat(DeviceOptions.from(settings(Map.of(), Map.of())))
        .isEqualTo(new DeviceOptions("auto", 0, "auto", Long.MAX_VALUE, false));
  }

  @ParameterizedTest
  @CsvSource({"100, 100", "4K, 4096", "3m, 3145728", "1G, 1073741824"})
  void bytesMayHaveASuffix(String text, long bytes) {
    assertThat(property("limit", text).bytes("limit", 7)).isEqualTo(bytes);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-1", "M", "1T", "many", "9223372036854775807K"})
  void badBytesAreAnErrorThatShowsThem(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> property("limit", text).bytes("limit", 7))
        .withMessage(
            "limit is '%s': expected a number of bytes above 0, such as 512M or 8G.", text);
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "1025", "two", "1.5"})
  void badNumbersOfThreadsAreAnErrorThatShowsThem(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> DeviceOptions.from(property("clessidra.threads", text)))
        .withMessage("clessidra.threads is '%s': expected a whole number from 0 to 1024.", text);
  }

  @Test
  void flagsAreTrueOrFalse() {
    assertThat(property("flag", "TRUE").flag("flag")).isTrue();
    assertThat(property("flag", "false").flag("flag")).isFalse();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> property("flag", "yes").flag("flag"))
        .withMessage("flag is 'yes': expected true or false.");
  }

  @Test
  void optionsOutOfRangeAreRefused() {
    DeviceOptions options = new DeviceOptions("cpu", 0, "auto", Long.MAX_VALUE, false);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> options.withThreads(-1))
        .withMessageStartingWith("Number of threads is -1: expected 1 to 1024");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> options.withMemoryLimit(0))
        .withMessageStartingWith("Memory limit is 0 bytes");
  }
}
