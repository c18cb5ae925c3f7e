package dev.clessidra.bench.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;
import dev.clessidra.kernels.UnaryFunction;
import org.junit.jupiter.api.Test;

class CudaGraphTest {
  @Test
  void whatIsCapturedIsDoneByEachRunAndNotBefore() {
    try (Device device = Device.open("emulated");
        Scope scope = device.scope()) {
      Buffer x = scope.allocate("x", Float.BYTES);
      device.kernels().fill(x, 1, 0);
      Runnable increment = () -> device.kernels().unary(UnaryFunction.AFFINE, x, x, 1, 1, 1, 0);
      increment.run();
      try (CudaGraph graph = CudaGraph.of(device, increment, 3)) {
        assertThat(value(device, x)).isEqualTo(1);
        graph.run();
        graph.run();
        assertThat(graph.runs()).isEqualTo(3);
        assertThat(value(device, x)).isEqualTo(7);
      }
    }
  }

  @Test
  void afterAFailureTheDeviceGoesOn() {
    try (Device device = Device.open("emulated");
        Scope scope = device.scope()) {
      Buffer x = scope.allocate("x", Float.BYTES);
      assertThatIllegalStateException()
          .isThrownBy(() ->
              CudaGraph.of(
                  device,
                  () -> {
                    device.kernels().fill(x, 1, 1);
                    throw new IllegalStateException("it broke");
                  },
                  1))
          .withMessage("it broke");
      device.kernels().fill(x, 1, 5);
      assertThat(value(device, x)).isEqualTo(5);
    }
  }

  private static float value(Device device, Buffer x) {
    float[] values = new float[1];
    device.copyToHost(x, values);
    return values[0];
  }
}
