package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import java.util.stream.Stream;
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

  /** The gradient of a filter that no address space holds. */
  private static MemorySegment hugeFilter() {
    Arguments arguments = new Arguments().begin(Kernel.CONV2D_BACKWARD_FILTER);
    for (String pointer : List.of("x", "second_x", "dy", "dfilter", "workspace")) {
      arguments.address(pointer, 0);
    }
    arguments.int32("images", 1).int32("height", 8).int32("width", 8);
    arguments.int32("channels", 1).int32("second_channels", 0).int32("filters", 64);
    arguments.int32("filter_height", 1 << 21).int32("filter_width", 1 << 21);
    arguments.int32("output_height", 8).int32("output_width", 8);
    arguments.int32("stride_height", 1).int32("stride_width", 1);
    arguments.int32("padding_height", 0).int32("padding_width", 0);
    arguments.int32("dilation_height", 1).int32("dilation_width", 1);
    return arguments.int32("algorithm", 0).float32("beta", 0).finish();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4})
  void withoutMemoryToWorkWithALaunchFailsAndTheDeviceGoesOn(int threads) {
    try (Device device = Device.open(CPU.withThreads(threads));
        Scope scope = device.scope()) {
      Buffer buffer = scope.allocate("x", 4 << 20);
      float[] values = new float[1 << 20];
      for (int i = 0; i < 20; i++) {
        assertThatExceptionOfType(OutOfDeviceMemoryException.class)
            .isThrownBy(() -> device.stream().launch(Kernel.CONV2D_BACKWARD_FILTER, hugeFilter()))
            .withMessage(
                "Out of device memory: the system has none left for what conv2d_backward_filter"
                    + " works with. Lower the batch size or the layers' widths, or let the process"
                    + " have more.");
        device.kernels().fill(buffer, 1 << 20, i);
        device.copyToHost(buffer, values);
        assertThat(values).containsOnly(i);
      }
    }
  }

  @Test
  void aProgramWithoutMemoryToWorkWithFails() {
    CpuLibrary.load();
    long cpu = CpuLibrary.open(2, 0);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment arguments = hugeFilter();
      int bytes = Kernel.CONV2D_BACKWARD_FILTER.argumentBytes();
      MemorySegment commands = arena.allocate(8 + bytes, 8);
      commands.set(ValueLayout.JAVA_INT, 0, Kernel.CONV2D_BACKWARD_FILTER.id());
      commands.set(ValueLayout.JAVA_INT, 4, bytes);
      MemorySegment.copy(arguments, 0, commands, 8, bytes);
      assertThat(CpuLibrary.run(cpu, commands.address(), commands.byteSize()))
          .isEqualTo(CpuLibrary.OUT_OF_MEMORY);
    } finally {
      CpuLibrary.close(cpu);
    }
  }

  /** MiB of the process's memory that no file is behind. */
  private static long resident() throws IOException {
    try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
      String line = lines.filter(text -> text.startsWith("RssAnon:")).findFirst().orElseThrow();
      return Long.parseLong(line.replaceAll("\\D", "")) >> 10;
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatIdleThreadsWorkedWithIsGivenBack(boolean byClosing) throws Exception {
    int width = 1 << 23;
    try (ExecutorService thread = Executors.newSingleThreadExecutor();
        Device device = Device.open(CPU);
        Scope scope = device.scope()) {
      Buffer x = scope.allocate("x", 4);
      Buffer y = scope.allocate("y", 4L * width);
      device.kernels().fill(y, width, 0);
      long before = resident();
      thread
          .submit(() ->
              device
                  .kernels()
                  .upsample(Interpolation.BILINEAR, new Images(1, 1, 1, 1), 1, width, x, y))
          .get();
      assertThat(resident()).as("the control").isGreaterThan(before + 64);
      if (byClosing) {
        Device.open(CPU).close();
      } else {
        device.trim();
      }
      assertThat(resident()).isLessThan(before + 64);
    }
  }

  @Test
  void whatManyThreadsAllocatedIsGivenBack() throws Exception {
    int threads = 8;
    int buffers = 6;
    try (Device device = Device.open(CPU)) {
      // After this one malloc would keep blocks of up to that size for itself.
      try (Scope scope = device.scope()) {
        scope.allocate("large", 30 << 20);
      }
      device.trim();
      long before = resident();
      for (int round = 0; round < 2; round++) {
        try (ExecutorService pool = Executors.newFixedThreadPool(threads);
            Scope scope = device.scope()) {
          CountDownLatch all = new CountDownLatch(threads);
          List<Future<?>> done = new ArrayList<>();
          for (int i = 0; i < threads; i++) {
            done.add(
                pool.submit(() -> {
                  all.countDown();
                  all.await();
                  for (int j = 0; j < buffers; j++) {
                    Buffer buffer = scope.allocate("x", 4 << 20);
                    device.kernels().fill(buffer, 1 << 20, 1);
                  }
                  return null;
                }));
          }
          for (Future<?> future : done) {
            future.get();
          }
          assertThat(resident()).as("the control").isGreaterThan(before + 150);
        }
        device.trim();
        assertThat(resident()).isLessThan(before + 32);
      }
    }
  }

  /** Says what a process that may not use native code is told. */
  static final class WithoutNativeAccess {
    private WithoutNativeAccess() {}

    static void main() {
      DeviceProbe.all().forEach(probe -> IO.println(probe.description()));
      IO.println(Installation.current().nativeLibrary());
      for (String name : List.of("cpu", "auto", "cuda:0", "emulated")) {
        try {
          Device.open(name).close();
        } catch (DeviceException e) {
          IO.println(e.getMessage());
        }
      }
    }
  }

  @Test
  void withoutNativeAccessItIsSaidHowToAllowIt() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "--illegal-native-access=deny",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                WithoutNativeAccess.class.getName())
            .redirectError(ProcessBuilder.Redirect.INHERIT) // where Java tells of JAVA_TOOL_OPTIONS
            .start();
    List<String> lines;
    try (BufferedReader out = process.inputReader()) {
      lines = new ArrayList<>(out.lines().toList());
    }
    assertThat(process.waitFor()).as(String.join("\n", lines)).isZero();
    String told =
        "This process may not load native libraries: start java with"
            + " --enable-native-access=ALL-UNNAMED.";
    // All but the probe of the emulated GPU, which loads nothing.
    assertThat(lines).hasSize(8);
    lines.remove(2);
    assertThat(lines).containsOnly(told);
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
