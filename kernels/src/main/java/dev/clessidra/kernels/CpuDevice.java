package dev.clessidra.kernels;

import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;

/** The C++ kernels on this machine's processors. */
final class CpuDevice implements Device {
  private static final System.Logger LOGGER = System.getLogger(Device.class.getPackageName());

  private final long handle;
  private final String description;
  private final DeviceMemory memory;
  private final CpuStream stream = new CpuStream();
  private final Kernels kernels;
  private final AtomicReference<Recording> recording = new AtomicReference<>();
  private final AtomicBoolean open = new AtomicBoolean(true);

  private CpuDevice(long handle, String description, DeviceOptions options) {
    this.handle = handle;
    this.description = description;
    memory = new DeviceMemory(new Ram(), options.memoryLimit(), options.debug());
    kernels = new Kernels(stream, memory);
  }

  static CpuDevice open(DeviceOptions options) {
    CpuLibrary.load();
    InstructionSet set =
        InstructionSet.parse(options.instructionSet(), CpuLibrary.bestInstructionSet());
    int threads = threads(options);
    long handle = CpuLibrary.open(threads, set.id());
    if (handle == 0) {
      throw new DeviceException(
          "The cpu device could not start %d threads: set %s to fewer."
              .formatted(threads, DeviceOptions.THREADS_PROPERTY_NAME));
    }
    String description =
        "cpu: %d thread%s, %s".formatted(threads, threads == 1 ? "" : "s", set.label());
    LOGGER.log(Level.DEBUG, "Opened {0}", description);
    return new CpuDevice(handle, description, options);
  }

  static int threads(DeviceOptions options) {
    return options.threads() == 0 ? Runtime.getRuntime().availableProcessors() : options.threads();
  }

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public String description() {
    return description;
  }

  @Override
  public Stream stream() {
    return stream;
  }

  @Override
  public Kernels kernels() {
    return kernels;
  }

  @Override
  public Scope scope() {
    requireOpen();
    return memory.root().child();
  }

  @Override
  public MemoryStatistics memory() {
    return memory.pool().statistics();
  }

  @Override
  public void trim() {
    requireOpen();
    memory.pool().trim();
  }

  @Override
  public Program capture(Runnable work) {
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
    return capture.freeze(this::compile);
  }

  @Override
  public void copyToDevice(MemorySegment host, Buffer target) {
    MemorySegment.copy(host, 0, forCopy("copyToDevice", target, host), 0, host.byteSize());
  }

  @Override
  public void copyToHost(Buffer source, MemorySegment host) {
    MemorySegment.copy(forCopy("copyToHost", source, host), 0, host, 0, host.byteSize());
  }

  @Override
  public void synchronize() {
    stream.synchronize();
  }

  @Override
  public double measurePeak(Duration duration) {
    requireOpen();
    long milliseconds = Math.clamp(duration.toMillis(), 1, Integer.MAX_VALUE);
    return CpuLibrary.measurePeak(handle, (int) milliseconds);
  }

  @Override
  public boolean isOpen() {
    return open.get();
  }

  @Override
  public void close() {
    if (open.compareAndSet(true, false)) {
      List<String> leaks = memory.close();
      if (!leaks.isEmpty()) {
        LOGGER.log(
            Level.WARNING,
            "Device cpu was closed with {0} open buffer(s): {1}. Close their scopes first.",
            leaks.size(),
            String.join(", ", leaks));
      }
      CpuLibrary.close(handle);
    }
  }

  private MemorySegment forCopy(String what, Buffer buffer, MemorySegment host) {
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
    return CpuLibrary.memory(buffer.address(), buffer.byteSize());
  }

  private Program.Executable compile(List<Recording.Launch> launches) {
    long bytes = 0;
    for (Recording.Launch launch : launches) {
      bytes += 2 * Integer.BYTES + launch.arguments().byteSize();
    }
    Arena arena = Arena.ofShared();
    MemorySegment commands = arena.allocate(bytes, Long.BYTES);
    long offset = 0;
    for (Recording.Launch launch : launches) {
      long size = launch.arguments().byteSize();
      commands.set(ValueLayout.JAVA_INT, offset, launch.kernel().id());
      commands.set(ValueLayout.JAVA_INT, offset + Integer.BYTES, (int) size);
      offset += 2 * Integer.BYTES;
      MemorySegment.copy(launch.arguments(), 0, commands, offset, size);
      offset += size;
    }
    return new CommandList(arena, commands);
  }

  private void requireOpen() {
    if (!open.get()) {
      throw new IllegalStateException("Device cpu is closed: open it again.");
    }
  }

  private void requireNoCapture(String what) {
    if (recording.get() != null) {
      throw new IllegalStateException(
          what + " cannot be captured: the device is capturing, do it before or after.");
    }
  }

  /** Runs each kernel to its end on launch. */
  final class CpuStream implements Stream {
    private CpuStream() {}

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
      try {
        if (CpuLibrary.launch(handle, kernel.id(), arguments.address()) != 0) {
          throw new DeviceException(
              kernel.nativeName() + ": the native library does not have this kernel.");
        }
      } finally {
        Reference.reachabilityFence(arguments);
      }
      if (capture != null) {
        capture.launched(kernel, arguments);
      }
    }

    @Override
    public void synchronize() {
      requireOpen();
      requireNoCapture("synchronize");
    }
  }

  /** A captured program: commands that the native library runs in one call. */
  private final class CommandList implements Program.Executable {
    private final Arena arena;
    private final long address;
    private final long bytes;

    private CommandList(Arena arena, MemorySegment commands) {
      this.arena = arena;
      address = commands.address();
      bytes = commands.byteSize();
    }

    @Override
    public void run() {
      requireOpen();
      requireNoCapture("Running a program");
      if (CpuLibrary.run(handle, address, bytes) != 0) {
        throw new DeviceException("The native library refused a captured program.");
      }
    }

    @Override
    public void close() {
      arena.close();
    }
  }

  /** Memory of the machine. */
  private static final class Ram implements DeviceMemory.Hardware {
    @Override
    public long allocate(long bytes) {
      return CpuLibrary.allocate(bytes);
    }

    @Override
    public void free(long address) {
      CpuLibrary.free(address);
    }

    @Override
    public void fill(long address, long bytes, byte value) {
      CpuLibrary.memory(address, bytes).fill(value);
    }

    @Override
    public void copy(long from, long to, long bytes) {
      CpuLibrary.memory(to, bytes).copyFrom(CpuLibrary.memory(from, bytes));
    }
  }
}
