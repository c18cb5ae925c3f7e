package dev.clessidra.kernels;

import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;

/** What all devices share: memory, capture, and the checks before anything reaches the hardware. */
abstract sealed class AbstractDevice implements Device permits CpuDevice, CudaDevice {
  static final System.Logger LOGGER = System.getLogger(Device.class.getPackageName());

  private final String name;
  private final String description;
  private final DeviceMemory memory;
  private final LaunchStream stream = new LaunchStream();
  private final Kernels kernels;
  private final AtomicReference<Recording> recording = new AtomicReference<>();
  private final AtomicBoolean open = new AtomicBoolean(true);

  AbstractDevice(
      String name, String description, DeviceMemory.Hardware hardware, DeviceOptions options) {
    this.name = name;
    this.description = description;
    memory = new DeviceMemory(hardware, options.memoryLimit(), options.debug());
    kernels = new Kernels(stream, memory);
  }

  /** Runs a kernel, after all that was launched before. */
  abstract void launch(Kernel kernel, MemorySegment arguments);

  /** Copies to device memory; the host's memory may change once this returns. */
  abstract void upload(MemorySegment host, long address);

  /** Copies from device memory, after all that was launched before. */
  abstract void download(long address, MemorySegment host);

  /** Waits until all that was launched is done. */
  abstract void await();

  /** Makes what replays launches whose addresses are final. */
  abstract Program.Executable compile(List<Recording.Launch> launches);

  /** Returns floating-point operations a second; see {@link #measurePeak}. */
  abstract double peak(int milliseconds);

  /** Returns seconds; see {@link #measureTime}. */
  abstract double time(Runnable work);

  /** Frees what the device itself holds; its memory is freed already. */
  abstract void shutDown();

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final String description() {
    return description;
  }

  @Override
  public final Stream stream() {
    return stream;
  }

  @Override
  public final Kernels kernels() {
    return kernels;
  }

  @Override
  public final Scope scope() {
    requireOpen();
    return memory.root().child();
  }

  @Override
  public final MemoryStatistics memory() {
    return memory.pool().statistics();
  }

  @Override
  public final void trim() {
    requireOpen();
    memory.pool().trim();
  }

  @Override
  public final Program capture(Runnable work) {
    requireOpen();
    Recording capture = new Recording(memory);
    if (!recording.compareAndSet(null, capture)) {
      throw new IllegalStateException(
          "The device is capturing already: a capture cannot be inside another.");
    }
    memory.record(capture);
    try {
      work.run();
    } finally {
      memory.record(null);
      recording.set(null);
    }
    return capture.freeze(launches -> new CheckedExecutable(compile(launches)));
  }

  @Override
  public final void copyToDevice(MemorySegment host, Buffer target) {
    requireCopy("copyToDevice", target, host);
    upload(host, target.address());
  }

  @Override
  public final void copyToHost(Buffer source, MemorySegment host) {
    requireCopy("copyToHost", source, host);
    download(source.address(), host);
  }

  @Override
  public final void synchronize() {
    stream.synchronize();
  }

  @Override
  public final double measurePeak(Duration duration) {
    requireOpen();
    requireNoCapture("measurePeak");
    return peak(Math.clamp(duration.toMillis(), 1, Integer.MAX_VALUE));
  }

  @Override
  public final double measureTime(Runnable work) {
    requireOpen();
    requireNoCapture("measureTime");
    return time(work);
  }

  @Override
  public final boolean isOpen() {
    return open.get();
  }

  @Override
  public final void close() {
    if (!open.compareAndSet(true, false)) {
      return;
    }
    try {
      List<String> leaks = memory.close();
      if (!leaks.isEmpty()) {
        LOGGER.log(
            Level.WARNING,
            "Device {0} was closed with {1} open buffer(s): {2}. Close their scopes first.",
            name,
            leaks.size(),
            String.join(", ", leaks));
      }
    } catch (DeviceException e) {
      // After a fault a GPU refuses everything, and its context takes the memory along.
      LOGGER.log(Level.WARNING, "Device {0} was closed after a fault: {1}", name, e.getMessage());
    } finally {
      shutDown();
    }
  }

  private void requireCopy(String what, Buffer buffer, MemorySegment host) {
    requireOpen();
    requireNoCapture(what);
    if (buffer.region().memory() != memory) {
      throw new IllegalArgumentException(
          "%s: buffer '%s' is in the memory of another device.".formatted(what, buffer.label()));
    }
    if (host.byteSize() != buffer.byteSize()) {
      throw new IllegalArgumentException(
          "%s: the host has %d bytes but buffer '%s' has %d: expected the same, use a slice."
              .formatted(what, host.byteSize(), buffer.label(), buffer.byteSize()));
    }
  }

  private void requireOpen() {
    if (!open.get()) {
      throw new IllegalStateException("Device %s is closed: open it again.".formatted(name));
    }
  }

  private void requireNoCapture(String what) {
    if (recording.get() != null) {
      throw new IllegalStateException(
          what + " cannot be captured: the device is capturing, do it before or after.");
    }
  }

  /** The one stream of a device. */
  final class LaunchStream implements Stream {
    private LaunchStream() {}

    @Override
    public void launch(Kernel kernel, MemorySegment arguments) {
      if (!arguments.isNative()
          || arguments.byteSize() < kernel.argumentBytes()
          || arguments.address() % Long.BYTES != 0) {
        throw new IllegalArgumentException(
            "%s: arguments have to be %d bytes of native memory, aligned to 8."
                .formatted(kernel.nativeName(), kernel.argumentBytes()));
      }
      requireOpen();
      Recording capture = recording.get();
      if (capture != null) {
        capture.requireThisThread();
      }
      AbstractDevice.this.launch(kernel, arguments);
      if (capture != null) {
        capture.launched(kernel, arguments);
      }
    }

    @Override
    public void synchronize() {
      requireOpen();
      requireNoCapture("synchronize");
      await();
    }
  }

  private final class CheckedExecutable implements Program.Executable {
    private final Program.Executable executable;

    private CheckedExecutable(Program.Executable executable) {
      this.executable = executable;
    }

    @Override
    public void run() {
      requireOpen();
      requireNoCapture("Running a program");
      executable.run();
    }

    @Override
    public void close() {
      executable.close();
    }
  }
}
