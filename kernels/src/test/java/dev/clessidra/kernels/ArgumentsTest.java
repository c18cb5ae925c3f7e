package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

final class ArgumentsTest {
  private final Arguments arguments = new Arguments();

  @Test
  void fieldsAreWrittenAtTheirOffsetsAndPaddingIsZero() {
    arguments.begin(Kernel.SCHEDULE).address("state", -1);
    MemorySegment memory =
        arguments
            .begin(Kernel.FILL)
            .address("y", 64)
            .int64("count", 7)
            .float32("value", 1.5f)
            .finish();
    assertThat(memory.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(64);
    assertThat(memory.get(ValueLayout.JAVA_LONG, 8)).isEqualTo(7);
    assertThat(memory.get(ValueLayout.JAVA_FLOAT, 16)).isEqualTo(1.5f);
    assertThat(memory.get(ValueLayout.JAVA_INT, 20)).isZero();
    assertThat(memory.byteSize()).isGreaterThanOrEqualTo(Kernel.FILL.argumentBytes());
  }

  @Test
  void aNullOperandIsTheAddressZero() {
    MemorySegment memory = arguments.begin(Kernel.ADVANCE).floatsOrNull("state", null, 1).finish();
    assertThat(memory.get(ValueLayout.JAVA_LONG, 0)).isZero();
  }

  @Test
  void aFieldOutOfOrderIsRefused() {
    arguments.begin(Kernel.FILL);
    assertThatIllegalStateException()
        .isThrownBy(() -> arguments.int64("count", 7))
        .withMessage("Arguments of fill: INT64 'count' was written where POINTER 'y' comes next.");
  }

  @Test
  void aFieldOfAnotherTypeIsRefused() {
    arguments.begin(Kernel.FILL).address("y", 64);
    assertThatIllegalStateException()
        .isThrownBy(() -> arguments.int32("count", 7))
        .withMessage(
            "Arguments of fill: INT32 'count' was written where INT64 'count' comes next.");
  }

  @Test
  void aMissingFieldIsRefused() {
    arguments.begin(Kernel.FILL).address("y", 64).int64("count", 7);
    assertThatIllegalStateException()
        .isThrownBy(arguments::finish)
        .withMessage("Arguments of fill are not complete: field 'value' comes next.");
  }

  @Test
  void oneFieldTooManyIsRefused() {
    arguments.begin(Kernel.ADVANCE).address("state", 64);
    assertThatIllegalStateException()
        .isThrownBy(() -> arguments.address("state", 64))
        .withMessageContaining("Arguments of advance are complete");
  }

  @Test
  void writingBeforeBeginningIsRefused() {
    assertThatIllegalStateException().isThrownBy(() -> arguments.int32("k", 1));
    assertThatIllegalStateException().isThrownBy(arguments::finish);
  }
}
