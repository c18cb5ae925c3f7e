package dev.clessidra.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.ElementType;
import dev.clessidra.kernels.Scope;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TensorTest {
  private Device device;
  private Scope scope;

  @BeforeEach
  void open() {
    device = Device.open("cpu");
    scope = device.scope();
  }

  @AfterEach
  void close() {
    scope.close();
    device.close();
  }

  private Tensor counting(int... dimensions) {
    Shape shape = Shape.of(dimensions);
    float[] values = new float[(int) shape.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    return Tensor.of(device, scope, "counting", shape, values);
  }

  @Test
  void copiesEveryElementTypeToAndFromTheHost() {
    byte[] bytes = {0, 1, -1};
    int[] ints = {1, -2, Integer.MAX_VALUE};
    assertThat(Tensor.of(device, scope, "bytes", Shape.of(3), bytes).copyToByteArray())
        .isEqualTo(bytes);
    assertThat(Tensor.of(device, scope, "ints", Shape.of(3), ints).copyToIntArray())
        .isEqualTo(ints);
    assertThat(counting(2, 2).copyToArray()).containsExactly(0, 1, 2, 3);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(16, 4);
      counting(4).copyTo(host);
      assertThat(host.toArray(ValueLayout.JAVA_FLOAT)).containsExactly(0, 1, 2, 3);
      host.set(ValueLayout.JAVA_FLOAT, 4, 9);
      Tensor tensor = Tensor.allocate(device, scope, "copy", Shape.of(4));
      tensor.copyFrom(host);
      assertThat(tensor.copyToArray()).containsExactly(0, 9, 2, 3);
    }
  }

  @Test
  void viewsShareMemory() {
    Tensor tensor = counting(4, 3);
    Tensor rows = tensor.slice(1, 2);
    assertThat(rows.shape()).isEqualTo(Shape.of(2, 3));
    assertThat(rows.copyToArray()).containsExactly(3, 4, 5, 6, 7, 8);
    rows.reshape(Shape.of(6)).slice(5, 1).fill(-1);
    assertThat(tensor.copyToArray()).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, -1, 9, 10, 11);
    rows.close();
    assertThat(tensor.isOpen()).isTrue();
  }

  @Test
  void copiesAndAddsOnTheDevice() {
    Tensor target = Tensor.filled(device, scope, "target", Shape.of(2, 2), 10);
    target.accumulate(counting(2, 2));
    assertThat(target.copyToArray()).containsExactly(10, 11, 12, 13);
    target.copyFrom(counting(4));
    assertThat(target.copyToArray()).containsExactly(0, 1, 2, 3);
    assertThat(Tensor.filled(device, scope, "one", Shape.scalar(), 2.5f).item()).isEqualTo(2.5f);
  }

  @Test
  void useAfterCloseNamesTheTensor() {
    Tensor tensor = counting(4, 3);
    Tensor view = tensor.slice(0, 1);
    tensor.close();
    tensor.close();
    assertThatThrownBy(tensor::copyToArray)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("tensor \"counting\" [4, 3] is used after it was closed");
    assertThatThrownBy(view::buffer)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("tensor \"counting\" [1, 3] is used after it was closed");
    assertThat(tensor).hasToString("Tensor \"counting\" [4, 3] FLOAT32 (closed)");
  }

  @Test
  void refusesMoreBytesThanALongCanCount() {
    Shape shape = Shape.of(1 << 30, 1 << 30, 4);
    assertThatThrownBy(() -> Tensor.allocate(device, scope, "x", shape))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "allocate: \"x\" [1073741824, 1073741824, 4] of FLOAT32 is too large: expected at most"
                + " 9223372036854775807 bytes");
  }

  @Test
  void refusesWhatDoesNotFitInOneLine() {
    Tensor tensor = counting(4, 3);
    assertThatThrownBy(() -> tensor.reshape(Shape.of(5)))
        .hasMessage("reshape: \"counting\" [4, 3] has 12 elements and cannot become [5] with 5");
    assertThatThrownBy(() -> tensor.slice(3, 2))
        .hasMessage("slice: \"counting\" [4, 3] has no entries 3 to 5 in its first dimension");
    assertThatThrownBy(() -> tensor.slice(Integer.MAX_VALUE, 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> tensor.copyFrom(new float[5]))
        .hasMessage("copyFrom: \"counting\" [4, 3] has 12 elements, got 5 values");
    assertThatThrownBy(() -> tensor.copyFrom(new int[12]))
        .hasMessage("copyFrom(int[]): \"counting\" [4, 3] holds FLOAT32, expected INT32");
    assertThatThrownBy(tensor::copyToByteArray).hasMessageContaining("expected UINT8");
    assertThatThrownBy(tensor::item)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("item: expected one element, \"counting\" [4, 3] has 12");
    assertThatThrownBy(counting(0)::item)
        .hasMessage("item: expected one element, \"counting\" [0] has 0");
    assertThatThrownBy(() -> tensor.copyFrom(counting(3)))
        .hasMessage("copy: \"counting\" [3] does not fit into \"counting\" [4, 3]");
    Tensor labels = Tensor.allocate(device, scope, "labels", ElementType.INT32, Shape.of(2));
    assertThatThrownBy(() -> labels.fill(0)).hasMessageContaining("expected FLOAT32");
  }
}
