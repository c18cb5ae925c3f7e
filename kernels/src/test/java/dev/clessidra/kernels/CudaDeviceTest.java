package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.util.AbstractList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is particular to a CUDA device, on the emulated one. */
final class CudaDeviceTest {
  private final Device device =
      Device.open(DeviceOptions.defaults().withDevice("emulated").withDebug(true));

  @AfterEach
  void close() {
    device.close();
  }

  // Around the size of the pinned memory that copies go through.
  @ParameterizedTest
  @ValueSource(ints = {1, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, (12 << 20) + 7})
  void copiesOfAnySizeComeBack(int bytes) {
    byte[] there = new byte[bytes];
    for (int i = 0; i < bytes; i++) {
      there[i] = (byte) (i * 31 + (i >> 12));
    }
    try (Scope scope = device.scope()) {
      Buffer buffer = scope.allocate("x", bytes);
      device.copyToDevice(there, buffer);
      byte[] back = new byte[bytes];
      device.copyToHost(buffer, back);
      assertThat(back).isEqualTo(there);
    }
  }

  @Test
  void whatIsCopiedMayChangeAtOnce() {
    float[] values = {1, 2, 3};
    try (Scope scope = device.scope()) {
      Buffer buffer = scope.allocate("x", 12);
      device.copyToDevice(values, buffer);
      values[0] = 9;
      float[] back = new float[3];
      device.copyToHost(buffer, back);
      assertThat(back).containsExactly(1, 2, 3);
    }
  }

  @Test
  void otherCodeCanWorkOnItsStreamAndMemory() {
    try (Scope scope = device.scope();
        Device processor = Device.open("cpu")) {
      Buffer buffer = scope.allocate("x", 4);
      CUstream stream = CudaHandles.stream(device);
      int result = JCudaDriver.cuMemsetD32Async(CudaHandles.pointer(buffer), 42, 1, stream);
      int[] back = new int[1];
      device.copyToHost(buffer, back);

      assertThat(result).isZero();
      assertThat(back).containsExactly(42);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> CudaHandles.stream(processor))
          .withMessage("Device cpu has no CUDA stream: expected cuda:0 or emulated.");
    }
  }

  @Test
  void manyThreadsMayUseIt() {
    List<Boolean> right =
        IntStream.range(0, 16)
            .parallel()
            .mapToObj(i -> {
              try (Scope scope = device.scope()) {
                Buffer buffer = scope.allocate("x", 4000);
                device.kernels().fill(buffer, 1000, i);
                float[] back = new float[1000];
                device.copyToHost(buffer, back);
                return back[0] == i && back[999] == i;
              }
            })
            .toList();
    assertThat(right).doesNotContain(false);
  }

  @Test
  void moreMemoryThanThereIsIsRefused() {
    try (Scope scope = device.scope()) {
      assertThatExceptionOfType(OutOfDeviceMemoryException.class)
          .isThrownBy(() -> scope.allocate("huge", 1L << 45))
          .withMessageContaining("huge");
    }
  }

  @Test
  void aFaultNamesTheKernelAndTheDriversWord() {
    try (Scope scope = device.scope()) {
      Buffer buffer = scope.allocate("x", 4096);
      Arguments arguments = new Arguments().begin(Kernel.FILL);
      arguments.address("y", buffer.address() + (1L << 40)).int64("count", 8).float32("value", 1);
      assertThatExceptionOfType(DeviceException.class)
          .isThrownBy(() -> device.stream().launch(Kernel.FILL, arguments.finish()))
          .withMessageStartingWith("fill: CUDA: ")
          .withMessageContaining("CUDA_ERROR_ILLEGAL_ADDRESS")
          .withMessageContaining("kernel fill");
    } finally {
      EmulatedDriver.reset();
    }
  }

  @Test
  void otherThreadsMayWorkWhileAProgramIsMade() throws InterruptedException {
    try (Scope scope = device.scope()) {
      Buffer captured = scope.allocate("captured", 4000);
      Buffer other = scope.allocate("other", 4000);
      float[] zeros = new float[1000];
      AtomicReference<Throwable> failure = new AtomicReference<>();
      Thread copying =
          Thread.ofPlatform()
              .uncaughtExceptionHandler((thread, e) -> failure.set(e))
              .start(() -> {
                for (int i = 0; i < 200; i++) {
                  try {
                    device.copyToDevice(zeros, other);
                  } catch (IllegalStateException e) {
                    assertThat(e).hasMessageContaining("captur"); // its turn comes again
                  }
                }
              });
      for (int i = 0; i < 20; i++) {
        float value = i;
        try (Program program = device.capture(() -> device.kernels().fill(captured, 1000, value))) {
          program.run();
        }
      }
      copying.join();
      assertThat(failure).hasNullValue();
      float[] back = new float[1000];
      device.copyToHost(captured, back);
      assertThat(back).containsOnly(19);
    }
  }

  @Test
  void afterAnyFailureToMakeAProgramAnotherCanBeMade() {
    List<Recording.Launch> failing =
        new AbstractList<>() {
          @Override
          public Recording.Launch get(int index) {
            throw new UnsupportedOperationException("no launch");
          }

          @Override
          public int size() {
            return 1;
          }
        };
    assertThatExceptionOfType(UnsupportedOperationException.class)
        .isThrownBy(() -> ((CudaDevice) device).compile(failing));
    try (Scope scope = device.scope()) {
      Buffer buffer = scope.allocate("x", 4);
      try (Program program = device.capture(() -> device.kernels().fill(buffer, 1, 3))) {
        program.run();
      }
      float[] back = new float[1];
      device.copyToHost(buffer, back);
      assertThat(back).containsExactly(3);
    }
  }

  @Test
  void aProgramMayBeClosedAfterItsDevice() {
    Device own = Device.open("emulated");
    Scope scope = own.scope();
    Buffer buffer = scope.allocate("x", 400);
    Program program = own.capture(() -> own.kernels().fill(buffer, 100, 1));
    scope.close();
    own.close();
    program.close();
    assertThat(program.isOpen()).isFalse();
  }

  @Test
  void aDeviceClosesAfterAFault() {
    Device own = Device.open("emulated");
    try (Scope scope = own.scope()) {
      Arguments arguments = new Arguments().begin(Kernel.FILL);
      Buffer buffer = scope.allocate("x", 4096);
      arguments.address("y", buffer.address() + (1L << 40)).int64("count", 8).float32("value", 1);
      own.stream().launch(Kernel.FILL, arguments.finish());
      assertThatExceptionOfType(DeviceException.class)
          .isThrownBy(own::synchronize)
          .withMessageContaining("work launched before");
    }
    own.close();
    assertThat(own.isOpen()).isFalse();
    EmulatedDriver.reset();
  }

  @Test
  void itsTimeForLaunchesIsMeasured() {
    try (Scope scope = device.scope()) {
      Buffer buffer = scope.allocate("x", 4 << 20);
      Runnable work = () -> device.kernels().fill(buffer, 1 << 20, 1);
      long start = System.nanoTime();
      double seconds = device.measureTime(work);
      double passed = (System.nanoTime() - start) * 1e-9;

      assertThat(seconds).isBetween(1e-6, passed);
    }
  }

  @Test
  void itsPeakIsMeasured() {
    assertThat(device.measurePeak(Duration.ofMillis(5))).isBetween(1e7, 1e13);
  }
}
