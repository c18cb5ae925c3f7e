package dev.clessidra.kernels;

import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/** What all devices share: memory, capture, and the checks before anything reaches the hardware. */
abstract sealed class AbstractDevice implements Device permits CpuDevice, CudaDevice {
  static final System.Logger LOGGER = System.getLogger(Device.class.getPackageName());

  private final String name;
  private final String description;
  private final DeviceMemory memory;
  private final LaunchStream stream = new LaunchStream();
  private final Kernels kernels;
  // Held by the thread that captures; others that want to capture wait for it.
  private final ReentrantLock capturing = new ReentrantLock();
  private volatile Recording recording;
  // Shared by all that uses the hardware; close takes it alone, so that it frees nothing in use.
  private final ReadWriteLock use = new ReentrantReadWriteLock();
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
    if (capturing.isHeldByCurrentThread()) {
      throw new IllegalStateException(
          "The device is capturing already: a capture cannot be inside another.");
    }
    capturing.lock();
    try {
      Recording capture = new Recording(memory);
      memory.record(capture);
      recording = capture;
      try {
        work.run();
      } finally {
        recording = null;
        memory.record(null);
      }
      return capture.freeze(launches -> new CheckedExecutable(compile(launches)));
    } finally {
      capturing.unlock();
    }
  }

  /** Keeps the device from being closed until {@link #leave}. */
  private void enter() {
    use.readLock().lock();
    try {
      requireOpen();
    } catch (IllegalStateException e) {
      leave();
      throw e;
    }
  }

  private void leave() {
    use.readLock().unlock();
  }

  @Override
  public final void copyToDevice(MemorySegment host, Buffer target) {
    requireCopy("copyToDevice", target, host);
    enter();
    try {
      upload(host, target.address());
    } finally {
      leave();
    }
  }

  @Override
  public final void copyToHost(Buffer source, MemorySegment host) {
    requireCopy("copyToHost", source, host);
    enter();
    try {
      download(source.address(), host);
    } finally {
      leave();
    }
  }

  @Override
  public final void synchronize() {
    stream.synchronize();
  }

  @Override
  public final double measurePeak(Duration duration) {
    requireNoCapture("measurePeak");
    enter();
    try {
      return peak(Math.clamp(duration.toMillis(), 1, Integer.MAX_VALUE));
    } finally {
      leave();
    }
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
    use.writeLock().lock();
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
      try {
        shutDown();
      } finally {
        use.writeLock().unlock();
      }
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
    Recording capture = recording;
    if (capture != null && capture.isOfThisThread()) {
      throw new IllegalStateException(
          what
              + " cannot be captured: a captured step is replayed on the device, without its Java"
              + " code. Do it before or after the step.");
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
      Recording capture = recording;
      boolean captured = capture != null && capture.isOfThisThread();
      if (capture != null && !captured) {
        capture.requireForeign(kernel, arguments);
      }
      enter();
      try {
        AbstractDevice.this.launch(kernel, arguments);
      } finally {
        leave();
      }
      if (captured) {
        capture.launched(kernel, arguments);
      }
    }

    @Override
    public void synchronize() {
      requireNoCapture("synchronize");
      enter();
      try {
        await();
      } finally {
        leave();
      }
    }
  }

  private final class CheckedExecutable implements Program.Executable {
    private final Program.Executable executable;

    private CheckedExecutable(Program.Executable executable) {
      this.executable = executable;
    }

    @Override
    public void run() {
      requireNoCapture("Running a program");
      enter();
      try {
        executable.run();
      } finally {
        leave();
      }
    }

    @Override
    public void close() {
      executable.close();
    }
  }
}
