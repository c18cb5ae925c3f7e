package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.lang.foreign.MemoryLayout.PathElement;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.ToIntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

final class KernelTest {

  @BeforeAll
  static void load() {
    CpuLibrary.load();
  }

  @Test
  void layoutsAreThoseOfTheNativeLibrary() {
    assertThat(Kernel.layouts()).isEqualTo(CpuLibrary.layouts());
  }

  @Test
  void aLibraryWithOtherLayoutsIsRefused() {
    String layouts = Kernel.layouts();
    Path file = Path.of("old.so");
    CpuLibrary.requireSame(file, layouts, layouts);
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() ->
            CpuLibrary.requireSame(
                file,
                layouts.replace("fill 24 y:0:8 count:8:8", "fill 24 y:0:8 count:8:4"),
                layouts))
        .withMessageStartingWith("Native library old.so is of another version: kernel 5 is ")
        .withMessageContaining(
            "'fill 24 y:0:8 count:8:4 value:16:4', expected 'fill 24 y:0:8 count:8:8")
        .withMessageEndingWith("; use the library of this version.");
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> CpuLibrary.requireSame(file, "", layouts))
        .withMessageContaining("kernel 0 is 'missing', expected 'gemm ");
  }

  @Test
  void fieldOffsetsAreThoseOfTheLayout() {
    for (Kernel kernel : Kernel.values()) {
      for (Kernel.Field field : kernel.fields()) {
        assertThat((long) field.offset())
            .isEqualTo(kernel.layout().byteOffset(PathElement.groupElement(field.name())));
      }
      assertThat(kernel.argumentBytes() % Long.BYTES).isZero();
      assertThat(kernel.argumentBytes()).isLessThanOrEqualTo(Kernel.MAXIMUM_ARGUMENT_BYTES);
    }
  }

  @Test
  void pointersAreTheFieldsThatAreAddresses() {
    assertThat(Kernel.GEMM.pointers())
        .extracting(Kernel.Field::name)
        .containsExactly("a", "b", "bias", "c");
    assertThat(Kernel.GATHER_ROWS.pointers())
        .extracting(Kernel.Field::name)
        .containsExactly("source", "y", "step");
  }

  @Test
  void codesAreThoseOfTheHeader() throws IOException {
    String header = Files.readString(Path.of("..", "native", "include", "clessidra", "kernels.h"));
    assertCodes(header, "activation", ActivationFunction.values(), ActivationFunction::code);
    assertCodes(header, "unary_function", UnaryFunction.values(), UnaryFunction::code);
    assertCodes(header, "binary_function", BinaryFunction.values(), BinaryFunction::code);
    assertCodes(header, "reduction", Reduction.values(), Reduction::code);
    assertCodes(header, "loss_function", LossFunction.values(), LossFunction::code);
    assertCodes(header, "distribution", Distribution.values(), Distribution::code);
    assertCodes(header, "interpolation", Interpolation.values(), Interpolation::code);
    assertCodes(
        header, "convolution_algorithm", ConvolutionAlgorithm.values(), ConvolutionAlgorithm::code);
    assertCodes(header, "element", ElementType.values(), ElementType::code);
    assertCodes(header, "schedule_kind", ScheduleKind.values(), ScheduleKind::code);
  }

  private static <E extends Enum<E>> void assertCodes(
      String header, String name, E[] values, ToIntFunction<E> code) {
    Matcher body =
        Pattern.compile("enum clessidra_%s \\{(.*?)\\};".formatted(name), Pattern.DOTALL)
            .matcher(header);
    assertThat(body.find()).as(name).isTrue();
    String expected =
        Pattern.compile("CLESSIDRA_(\\w+) = (\\d+)")
            .matcher(body.group(1))
            .results()
            .map(match -> match.group(1) + "=" + match.group(2))
            .collect(Collectors.joining(" "));
    assertThat(
            Arrays.stream(values)
                .map(value -> value.name().toUpperCase(Locale.ROOT) + "=" + code.applyAsInt(value))
                .collect(Collectors.joining(" ")))
        .isEqualTo(expected);
  }
}
