package dev.clessidra.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.clessidra.bench.work.TrainingStep;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.MemoryStatistics;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.training.DeviceData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Ten thousand replayed training steps take no memory of any kind: nothing of the Java heap,
 * nothing of the device's pool, and less than 512 bytes a step of the process's resident memory,
 * which the JVM's own threads disturb.
 */
class SoakTest {
  private static final int STEPS = 10_000;
  // Half of what a leak of one KiB a step would take.
  private static final long BOUND = STEPS * 1024L / 2;
  private static final int ATTEMPTS = 10;
  private static final MethodHandle TRIM = mallocTrim();

  @Test
  void tenThousandStepsTakeNoMemory() {
    try (Device device = Device.open("cpu");
        TrainingStep step =
            new TrainingStep(
                Autoencoder.builder(64).encoder(16, 4).build(device),
                DeviceData.of(device, randomImages()),
                8)) {
      MemoryStatistics pool = device.memory();
      // Until the JVM has compiled the calls its own stubs allocate, and its code grows.
      Growth growth = Growth.of(STEPS, step::run);
      for (int i = 1; i < ATTEMPTS && !growth.isNone(); i++) {
        growth = Growth.of(STEPS, step::run);
      }

      assertThat(growth.heapBytes()).isZero();
      assertThat(growth.residentBytes()).isBetween(-BOUND, BOUND);
      assertThat(device.memory()).isEqualTo(pool);
      assertThat(step.loss()).isPositive();
    }
  }

  @SuppressWarnings("restricted")
  private static MethodHandle mallocTrim() {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow("malloc_trim"),
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));
  }

  private static ImageData randomImages() {
    byte[] pixels = new byte[100 * 64];
    new Random(1).nextBytes(pixels);
    return ImageData.of(8, 8, 1, pixels);
  }

  @Test
  void aLeakOfOneKibibyteAStepIsSeen() {
    Growth growth = Growth.of(STEPS, () -> Arena.global().allocate(1024).fill((byte) 1));

    assertThat(growth.residentBytes()).isGreaterThan(BOUND);
    assertThat(growth.heapBytes()).isPositive();
    assertThat(growth.isNone()).isFalse();
  }

  /**
   * What some work made memory grow by.
   *
   * @param heapBytes allocated on the Java heap by this thread
   * @param residentBytes of the process's memory; may be negative
   */
  private record Growth(long heapBytes, long residentBytes) {
    static Growth of(int times, Runnable work) {
      ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
      long resident = residentSet();
      long allocated = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < times; i++) {
        work.run();
      }
      long heapBytes = threads.getCurrentThreadAllocatedBytes() - allocated;
      return new Growth(heapBytes, residentSet() - resident);
    }

    boolean isNone() {
      return heapBytes == 0 && Math.abs(residentBytes) <= BOUND;
    }

    /** Without what was freed but is kept by the C library, which a leak would use up first. */
    private static long residentSet() {
      trimFreedMemory();
      try (var lines = Files.lines(Path.of("/proc/self/status"))) {
        String line = lines.filter(l -> l.startsWith("VmRSS:")).findFirst().orElseThrow();
        return 1024 * Long.parseLong(line.replaceAll("[^0-9]", ""));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private static void trimFreedMemory() {
      try {
        int _ = (int) TRIM.invokeExact(0L);
      } catch (Throwable e) {
        throw new AssertionError(e);
      }
    }
  }
}
