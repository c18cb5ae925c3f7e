package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import org.junit.jupiter.api.Test;

final class RecordingTest {
  /** Addresses of nothing. */
  private static final class Addresses implements DeviceMemory.Hardware {
    private long next = 1L << 30;

    @Override
    public long allocate(long bytes) {
      long address = next;
      next += bytes;
      return address;
    }

    @Override
    public void free(long address, long bytes) {}

    @Override
    public void fill(long address, long bytes, byte value) {}

    @Override
    public void copy(long from, long to, long bytes) {}
  }

  @Test
  void aProgramThatCannotBeCompiledKeepsNoMemory() {
    DeviceMemory memory = new DeviceMemory(new Addresses(), Long.MAX_VALUE, false);
    Recording recording = new Recording(memory);
    memory.record(recording);
    Scope scope = memory.root().child();
    Buffer output = scope.allocate("output", 4);
    recording.launched(
        Kernel.FILL,
        new Arguments()
            .begin(Kernel.FILL)
            .address("y", output.address())
            .int64("count", 1)
            .float32("value", 1)
            .finish());
    memory.record(null);
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() ->
            recording.freeze(launches -> {
              throw new DeviceException("no");
            }));
    assertThat(memory.pool().statistics().liveBuffers()).isEqualTo(1);
    assertThat(output.isOpen()).isTrue();
    scope.close();
    assertThat(memory.close()).isEmpty();
  }
}
