package dev.clessidra.kernels;

import java.lang.foreign.MemorySegment;
import java.time.Duration;

/**
 * Something that runs kernels, with memory of its own.
 *
 * <pre>{@code
 * try (Device device = Device.open("auto");
 *     Scope scope = device.scope()) {
 *   Buffer x = scope.allocate("x", 4 * 100);
 *   device.kernels().fill(x, 100, 1);
 * }
 * }</pre>
 *
 * <p>Kernels run in the order in which they were launched on a {@link Stream}. A device may be used
 * by several threads; {@link #close()} waits for what others are doing, and what they do next is
 * refused.
 */
public sealed interface Device extends AutoCloseable permits AbstractDevice {
  /**
   * Opens the device that the settings name, see {@link DeviceOptions#defaults()}.
   *
   * @throws DeviceException if it cannot be had
   */
  static Device open() {
    return open(DeviceOptions.defaults());
  }

  /**
   * Opens a device by name, with all else as {@link DeviceOptions#defaults()} says.
   *
   * @param name {@code cpu}; {@code cuda:N} for a GPU, {@code cuda} being the first; {@code
   *     emulated} for the GPU's kernels run on the CPU, for tests; or {@code auto} for a GPU if one
   *     works here, else the CPU
   * @throws DeviceException if there is no such device, or it cannot be had
   */
  static Device open(String name) {
    return open(DeviceOptions.defaults().withDevice(name));
  }

  /**
   * Opens a device.
   *
   * @throws DeviceException if there is no such device, or it cannot be had
   */
  static Device open(DeviceOptions options) {
    String name = options.device();
    if (name.equals("auto")) {
      return DeviceProbe.openBest(options);
    }
    if (name.equals("cpu")) {
      return CpuDevice.open(options);
    }
    if (name.startsWith("cuda") || name.equals("emulated")) {
      return CudaDevice.open(name, options);
    }
    throw new DeviceException(
        "Device '%s' is unknown: expected auto, cpu, cuda:0 or emulated.".formatted(name));
  }

  /** Returns the device's name, by which it can be opened, e.g. {@code cpu}. */
  String name();

  /** Returns one line about the device, e.g. {@code cpu: 2 threads, avx512}. */
  String description();

  /** Returns the default stream. */
  Stream stream();

  /** Returns typed launches on the default stream. */
  Kernels kernels();

  /** Makes a scope to allocate memory from. */
  Scope scope();

  /** Returns how much memory is in use now. */
  MemoryStatistics memory();

  /**
   * Gives cached memory that no buffer uses back to the system. On a CPU that is also what kernels
   * work with, of which each thread keeps its own, for all CPU devices of the process, until it
   * ends; of threads that are computing it stays.
   */
  void trim();

  /**
   * Runs work once and freezes it, see {@link Program}. Every kernel that the calling thread
   * launches inside is recorded; its copies from and to the host, {@link #synchronize()} and
   * further captures are refused. What other threads do meanwhile is done and not recorded, unless
   * it uses a buffer made inside, which is refused; their captures wait.
   *
   * @throws IllegalStateException if the work does something that cannot be replayed
   */
  Program capture(Runnable work);

  /**
   * Copies from the host to the device.
   *
   * @param host what to copy
   * @param target where to; has to have the same size
   */
  void copyToDevice(MemorySegment host, Buffer target);

  /**
   * Copies from the device to the host, after all work launched so far.
   *
   * @param source what to copy
   * @param host where to; has to have the same size
   */
  void copyToHost(Buffer source, MemorySegment host);

  /** Copies an array to a buffer of the same size. */
  default void copyToDevice(float[] host, Buffer target) {
    copyToDevice(MemorySegment.ofArray(host), target);
  }

  /** Copies an array to a buffer of the same size. */
  default void copyToDevice(int[] host, Buffer target) {
    copyToDevice(MemorySegment.ofArray(host), target);
  }

  /** Copies an array to a buffer of the same size. */
  default void copyToDevice(byte[] host, Buffer target) {
    copyToDevice(MemorySegment.ofArray(host), target);
  }

  /** Copies a buffer to an array of the same size. */
  default void copyToHost(Buffer source, float[] host) {
    copyToHost(source, MemorySegment.ofArray(host));
  }

  /** Copies a buffer to an array of the same size. */
  default void copyToHost(Buffer source, int[] host) {
    copyToHost(source, MemorySegment.ofArray(host));
  }

  /** Copies a buffer to an array of the same size. */
  default void copyToHost(Buffer source, byte[] host) {
    copyToHost(source, MemorySegment.ofArray(host));
  }

  /** Waits until all launched work is done. */
  void synchronize();

  /**
   * Measures how many floating-point operations a second the device reaches with fused
   * multiply-adds in registers alone (two operations each): the limit that kernels are held to.
   *
   * @param duration about how long to measure, at least a millisecond
   */
  double measurePeak(Duration duration);

  /**
   * Measures how long the device takes for what some work launches: on a GPU from the first launch
   * to the end of the last, between two events on the device's stream; on the CPU the time that
   * passes.
   *
   * @param work launches kernels, by the calling thread
   * @return seconds
   */
  double measureTime(Runnable work);

  /** Returns whether the device has not been closed. */
  boolean isOpen();

  /**
   * Closes the device and frees all its memory, that of {@link #trim()} included. Buffers that are
   * still open then are leaks: they are closed and named in a warning. Closing twice does nothing.
   */
  @Override
  void close();
}
