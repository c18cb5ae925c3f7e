package dev.clessidra.models.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceException;
import dev.clessidra.kernels.DeviceOptions;
import dev.clessidra.models.Digits;
import dev.clessidra.models.data.ImageData;
import org.junit.jupiter.api.Test;

class DeviceDataTest {
  @Test
  void dataThatDoesNotFitIntoMemoryLeavesNothingThere() {
    int count = 1 << 20;
    ImageData images = ImageData.of(1, 1, 1, new byte[count], new int[count]);
    DeviceOptions options = DeviceOptions.defaults().withDevice("cpu").withMemoryLimit(4L << 20);
    try (Device device = Device.open(options)) {
      long live = device.memory().liveBuffers();
      assertThatThrownBy(() -> DeviceData.of(device, images))
          .isInstanceOf(DeviceException.class)
          .hasMessageContaining("labels");
      assertThatThrownBy(() -> DeviceData.of(device, new float[2 * count], 2))
          .isInstanceOf(DeviceException.class);
      assertThat(device.memory().liveBuffers()).isEqualTo(live);
    }
  }

  @Test
  void aFunctionThatFailsLeavesNothingInMemory() {
    try (Device device = Device.open("cpu");
        DeviceData data = DeviceData.of(device, Digits.train(10))) {
      long live = device.memory().liveBuffers();
      assertThatThrownBy(() ->
              data.map(
                  8,
                  (tape, block) -> {
                    throw new IllegalStateException("power loss");
                  }))
          .hasMessage("power loss");
      assertThat(device.memory().liveBuffers()).isEqualTo(live);
    }
  }
}
