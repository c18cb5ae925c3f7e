package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class DeviceTest {
  private static final DeviceOptions CPU = DeviceOptions.defaults().withDevice("cpu");

  // The tests' processes keep to the emulated driver, so that they do the same where there is a
  // GPU.
  private static final String[] NO_DRIVER = {
    "clessidra.cuda.driver is 'emulated'", "uses the emulated CUDA driver already"
  };

  /** Collects what the module logs while a test runs. */
  private static final class Log extends Handler {
    private final Logger logger = Logger.getLogger("dev.clessidra.kernels");
    private final List<String> lines = new ArrayList<>();

    static List<String> during(Runnable work) {
      Log log = new Log();
      log.logger.addHandler(log);
      log.logger.setUseParentHandlers(false);
      try {
        work.run();
      } finally {
        log.logger.removeHandler(log);
        log.logger.setUseParentHandlers(true);
      }
      return log.lines;
    }

    @Override
    public void publish(LogRecord record) {
      if (record.getLevel().intValue() >= Level.INFO.intValue()) {
        lines.add(record.getLevel() + " " + new SimpleFormatter().formatMessage(record));
      }
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
  }

  @Test
  void theCpuSaysWhatItIs() {
    try (Device device = Device.open(CPU.withThreads(2).withInstructionSet("portable"))) {
      assertThat(device.name()).isEqualTo("cpu");
      assertThat(device.description()).isEqualTo("cpu: 2 threads, portable");
      assertThat(device.isOpen()).isTrue();
    }
    try (Device device = Device.open(CPU.withThreads(1).withInstructionSet("portable"))) {
      assertThat(device.description()).isEqualTo("cpu: 1 thread, portable");
    }
  }

  @Test
  void zeroThreadsMeansOneAProcessor() {
    try (Device device = Device.open(CPU.withThreads(0))) {
      assertThat(device.description())
          .startsWith("cpu: %d thread".formatted(Runtime.getRuntime().availableProcessors()));
    }
  }

  @Test
  void autoTakesTheCpuAndSaysWhy() {
    List<String> log =
        Log.during(() -> {
          try (Device device = Device.open("auto")) {
            assertThat(device.name()).isEqualTo("cpu");
          }
        });
    assertThat(log).hasSize(1);
    assertThat(log.getFirst()).startsWith("INFO auto: cpu: ").containsAnyOf(NO_DRIVER);
  }

  @ParameterizedTest
  @ValueSource(strings = {"cuda", "cuda:0"})
  void withoutADriverCudaIsRefusedWithOneClearLine(String name) {
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> Device.open(name))
        .satisfies(e -> assertThat(e.getMessage()).containsAnyOf(NO_DRIVER).doesNotContain("\n"));
  }

  @Test
  void theEmulatedGpuSaysWhatItIs() {
    try (Device device = Device.open("emulated")) {
      assertThat(device.name()).isEqualTo("emulated");
      assertThat(device.description()).startsWith("emulated: ").contains("compute capability");
    }
  }

  @Test
  void theEmulatedDriverAndTheMachinesAreNotMixed() {
    try (Device device = Device.open("emulated")) {
      assertThat(device.isOpen()).isTrue();
      assertThatExceptionOfType(DeviceException.class)
          .isThrownBy(() -> Device.open("cuda:0"))
          .withMessageContaining("uses the emulated CUDA driver already");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpu", "", "CPU", "cpu:0"})
  void unknownDevicesAreRefused(String name) {
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> Device.open(name))
        .withMessage("Device '%s' is unknown: expected auto, cpu, cuda:0 or emulated.", name);
  }

  @Test
  void unknownInstructionSetsAreRefused() {
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> Device.open(CPU.withInstructionSet("sse9")))
        .withMessage("Instruction set 'sse9' is unknown: expected auto, portable, avx2 or avx512.");
  }

  @Test
  void instructionSetsThatTheMachineLacksAreRefused() {
    assertThat(InstructionSet.parse("auto", 1)).isEqualTo(InstructionSet.AVX2);
    assertThat(InstructionSet.parse("avx2", 1)).isEqualTo(InstructionSet.AVX2);
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> InstructionSet.parse("avx512", 1))
        .withMessage(
            "Instruction set avx512 is not supported by this machine: choose auto, or up to avx2.");
  }

  @Test
  void whatIsCopiedToTheDeviceComesBack() {
    try (Device device = Device.open(CPU);
        Scope scope = device.scope()) {
      Buffer buffer = scope.allocate("x", 12);
      device.copyToDevice(new float[] {1, -0.0f, Float.NaN}, buffer);
      float[] floats = new float[3];
      device.copyToHost(buffer, floats);
      assertThat(floats).containsExactly(1, -0.0f, Float.NaN);
      device.copyToDevice(new int[] {1, 2, 3}, buffer);
      device.copyToDevice(new byte[] {7, 0, 0, 0}, buffer.slice(4, 4));
      int[] ints = new int[3];
      device.copyToHost(buffer, ints);
      assertThat(ints).containsExactly(1, 7, 3);
      byte[] bytes = new byte[8];
      device.copyToHost(buffer.slice(4, 8), bytes);
      assertThat(bytes).containsExactly(7, 0, 0, 0, 3, 0, 0, 0);
      device.synchronize();
    }
  }

  @Test
  void copiesOfAnotherSizeAreRefused() {
    try (Device device = Device.open(CPU);
        Scope scope = device.scope()) {
      Buffer buffer = scope.allocate("x", 12);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> device.copyToDevice(new float[2], buffer))
          .withMessage(
              "copyToDevice: the host has 8 bytes but buffer 'x' has 12: expected the same, use a"
                  + " slice.");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> device.copyToHost(buffer, new float[4]))
          .withMessageStartingWith("copyToHost: the host has 16 bytes");
    }
  }

  @Test
  void buffersOfAnotherDeviceAreRefused() {
    try (Device device = Device.open(CPU);
        Device other = Device.open(CPU);
        Scope scope = other.scope()) {
      Buffer buffer = scope.allocate("x", 4);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> device.copyToDevice(new float[1], buffer))
          .withMessage("copyToDevice: buffer 'x' is in the memory of another device.");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> device.kernels().fill(buffer, 1, 0))
          .withMessage("fill: operand y, buffer 'x', is in the memory of another device.");
    }
  }

  @Test
  void memoryStatisticsFollowTheBuffers() {
    try (Device device = Device.open(CPU)) {
      assertThat(device.memory()).isEqualTo(new MemoryStatistics(0, 0, 0, 0, 0, 0, 0));
      try (Scope scope = device.scope()) {
        scope.allocate("x", 1000);
        assertThat(device.memory().allocatedBytes()).isEqualTo(1024);
        assertThat(device.memory().liveBuffers()).isEqualTo(1);
      }
      assertThat(device.memory().allocatedBytes()).isZero();
      assertThat(device.memory().reservedBytes()).isPositive();
      device.trim();
      assertThat(device.memory().reservedBytes()).isZero();
    }
  }

  @Test
  void theMemoryLimitHolds() {
    try (Device device = Device.open(CPU.withMemoryLimit(4 << 20));
        Scope scope = device.scope()) {
      scope.allocate("fits", 3 << 20);
      assertThatExceptionOfType(OutOfDeviceMemoryException.class)
          .isThrownBy(() -> scope.allocate("does not", 2 << 20))
          .withMessageStartingWith("Out of device memory: buffer 'does not' asks for 2.0 MiB");
    }
  }

  @Test
  void openBuffersAreReportedWhenTheDeviceIsClosed() {
    List<String> log =
        Log.during(() -> {
          Device device = Device.open(CPU);
          device.scope().child().allocate("forgotten", 4);
          Buffer closed = device.scope().allocate("closed", 4);
          closed.close();
          device.close();
          device.close();
        });
    assertThat(log)
        .containsExactly(
            "WARNING Device cpu was closed with 1 open buffer(s): forgotten. Close their scopes"
                + " first.");
  }

  @Test
  void aDeviceWithoutLeaksIsClosedQuietly() {
    List<String> log =
        Log.during(() -> {
          try (Device device = Device.open(CPU);
              Scope scope = device.scope()) {
            scope.allocate("x", 4);
          }
        });
    assertThat(log).isEmpty();
  }

  @Test
  void aClosedDeviceRefusesEverything() {
    Device device = Device.open(CPU);
    Scope scope = device.scope();
    Buffer buffer = scope.allocate("x", 4);
    Program program = device.capture(() -> {});
    Kernels kernels = device.kernels();
    scope.close();
    device.close();
    assertThat(device.isOpen()).isFalse();
    String message = "Device cpu is closed: open it again.";
    assertThatIllegalStateException().isThrownBy(device::scope).withMessage(message);
    assertThatIllegalStateException().isThrownBy(device::synchronize).withMessage(message);
    assertThatIllegalStateException().isThrownBy(device::trim).withMessage(message);
    assertThatIllegalStateException().isThrownBy(program::run).withMessage(message);
    assertThatIllegalStateException()
        .isThrownBy(() -> device.capture(() -> {}))
        .withMessage(message);
    assertThatIllegalStateException()
        .isThrownBy(() -> device.copyToDevice(new float[1], buffer))
        .withMessage(message);
    assertThatIllegalStateException()
        .isThrownBy(() -> kernels.fill(buffer, 1, 0))
        .withMessageStartingWith("Buffer 'x'");
    assertThatIllegalStateException()
        .isThrownBy(() ->
            device.stream()
                .launch(
                    Kernel.ADVANCE,
                    new Arguments().begin(Kernel.ADVANCE).address("state", 0).finish()))
        .withMessage(message);
    assertThatCode(program::close).doesNotThrowAnyException();
  }

  @Test
  void closingWaitsForWhatOtherThreadsDo() {
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    for (int i = 0; i < 20; i++) {
      List<String> log = Log.during(() -> closeWhileAThreadLaunches(thrown));
      assertThat(log).singleElement().asString().contains("was closed with 1 open buffer(s): x");
      assertThat(thrown.getAndSet(null)).isInstanceOf(IllegalStateException.class);
    }
  }

  private static void closeWhileAThreadLaunches(AtomicReference<Throwable> thrown) {
    int count = 1 << 20;
    Device device = Device.open(CPU);
    Buffer buffer = device.scope().allocate("x", 4L * count);
    AtomicBoolean running = new AtomicBoolean();
    Thread thread =
        new Thread(() -> {
          while (true) {
            device.kernels().fill(buffer, count, 1);
            running.set(true);
          }
        });
    thread.setUncaughtExceptionHandler((t, e) -> thrown.set(e));
    thread.start();
    while (!running.get()) {
      Thread.onSpinWait();
    }
    device.close();
    join(thread);
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void launchArgumentsHaveToBeAlignedNativeMemoryOfTheStructsSize() {
    try (Device device = Device.open(CPU);
        Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(100, 8);
      for (MemorySegment bad :
          List.of(
              MemorySegment.ofArray(new long[10]), memory.asSlice(0, 16), memory.asSlice(4, 40))) {
        assertThatIllegalArgumentException()
            .isThrownBy(() -> device.stream().launch(Kernel.FILL, bad))
            .withMessage("fill: arguments have to be 24 bytes of native memory, aligned to 8.");
      }
    }
  }

  @Test
  void theTimeOfLaunchesIsMeasured() {
    try (Device device = Device.open(CPU.withThreads(1));
        Scope scope = device.scope()) {
      Buffer buffer = scope.allocate("x", 4 << 20);
      Runnable work = () -> device.kernels().fill(buffer, 1 << 20, 1);
      long start = System.nanoTime();
      double seconds = device.measureTime(work);
      double passed = (System.nanoTime() - start) * 1e-9;

      assertThat(seconds).isBetween(1e-6, passed);
    }
  }

  @Test
  void thePeakIsMeasured() {
    try (Device device = Device.open(CPU.withThreads(1))) {
      assertThat(device.measurePeak(Duration.ofMillis(10))).isBetween(1e8, 1e13);
    }
  }

  @Test
  void probesTellWhatThereIs() {
    List<DeviceProbe> probes = DeviceProbe.all();
    assertThat(probes).extracting(DeviceProbe::device).containsExactly("cpu", "cuda", "emulated");
    assertThat(probes).extracting(DeviceProbe::available).containsExactly(true, false, true);
    assertThat(probes.getFirst().description()).contains("portable").contains("threads");
    assertThat(probes.get(1).description()).containsAnyOf(NO_DRIVER);
    Installation installation = Installation.current();
    assertThat(installation.nativeLibrary()).endsWith("libclessidra_cpu.so");
    assertThat(installation.version()).isNotBlank();
    assertThat(installation.platform()).startsWith("Linux");
  }
}
