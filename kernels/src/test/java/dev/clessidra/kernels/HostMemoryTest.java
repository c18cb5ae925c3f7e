package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class HostMemoryTest {
  @TempDir private Path folder;

  private HostMemory memory() {
    return new HostMemory(folder.resolve("meminfo"), folder);
  }

  private void write(String name, String text) throws IOException {
    Files.writeString(folder.resolve(name), text);
  }

  @Test
  void aSixteenthOfTheMachineIsLeft() throws IOException {
    write("meminfo", "MemTotal:     16000 kB\nMemFree:        10 kB\nMemAvailable:  5000 kB\n");
    assertThat(memory().available()).isEqualTo(4000 << 10);
    write("meminfo", "MemTotal:     16000 kB\nMemAvailable:  900 kB\n");
    assertThat(memory().available()).isZero();
  }

  @Test
  void aContainersLimitCountsWithoutTheFilesThatItKeeps() throws IOException {
    write("meminfo", "MemTotal:     16000 kB\nMemAvailable:  16000 kB\n");
    write("memory.max", "1600000\n");
    write("memory.current", "900000\n");
    write("memory.stat", "anon 700000\nfile 200000\nfile_mapped 5\n");
    assertThat(memory().available()).isEqualTo(1_600_000 - 900_000 + 200_000 - 100_000);
    write("memory.max", "max\n");
    assertThat(memory().available()).isEqualTo(15_000 << 10);
  }

  @Test
  void whereNothingIsKnownThereIsNoLimit() {
    assertThat(memory().available()).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void thisMachineHasSome() {
    assertThat(new HostMemory().available()).isBetween(1L << 20, Long.MAX_VALUE - 1);
  }

  @Test
  void theCpuDoesNotTakeMoreThanThereIs() {
    // Address space enough, but not memory: the kernel would give it, and then stand still.
    long bytes = new HostMemory().available() + (1L << 30);
    try (Device device = Device.open("cpu");
        Scope scope = device.scope()) {
      assertThatExceptionOfType(OutOfDeviceMemoryException.class)
          .isThrownBy(() -> scope.allocate("x", bytes))
          .withMessageContaining("buffer 'x' asks for")
          .withMessageContaining("of all there is");
    }
  }
}
