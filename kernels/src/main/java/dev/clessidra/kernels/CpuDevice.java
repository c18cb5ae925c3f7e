package dev.clessidra.kernels;

import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.List;

/** The C++ kernels on this machine's processors; a launch returns when its work is done. */
final class CpuDevice extends AbstractDevice {
  private final long handle;

  private CpuDevice(long handle, String description, DeviceOptions options) {
    super("cpu", description, new Ram(), options);
    this.handle = handle;
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
  void launch(Kernel kernel, MemorySegment arguments) {
    try {
      requireDone(CpuLibrary.launch(handle, kernel.id(), arguments.address()), kernel.nativeName());
    } finally {
      Reference.reachabilityFence(arguments);
    }
  }

  private static void requireDone(int result, String what) {
    if (result == CpuLibrary.OUT_OF_MEMORY) {
      throw new OutOfDeviceMemoryException(
          ("Out of device memory: the system has none left for what %s works with. Lower the batch"
                  + " size or the layers' widths, or let the process have more.")
              .formatted(what));
    }
    if (result != 0) {
      throw new DeviceException(
          "The native library refused %s: use the library of this version.".formatted(what));
    }
  }

  @Override
  void upload(MemorySegment host, long address) {
    CpuLibrary.memory(address, host.byteSize()).copyFrom(host);
  }

  @Override
  void download(long address, MemorySegment host) {
    host.copyFrom(CpuLibrary.memory(address, host.byteSize()));
  }

  @Override
  void await() {
    // each launch has waited
  }

  @Override
  double peak(int milliseconds) {
    return CpuLibrary.measurePeak(handle, milliseconds);
  }

  @Override
  double time(Runnable work) {
    long start = System.nanoTime();
    work.run();
    return (System.nanoTime() - start) * 1e-9;
  }

  @Override
  void shutDown() {
    CpuLibrary.close(handle);
  }

  @Override
  Program.Executable compile(List<Recording.Launch> launches) {
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
      requireDone(CpuLibrary.run(handle, address, bytes), "a captured program");
    }

    @Override
    public void close() {
      arena.close();
    }
  }

  /** Memory of the machine. */
  private static final class Ram implements DeviceMemory.Hardware {
    // Less is not worth asking the kernel for what is left.
    private static final long LARGE = 64 << 20;

    private final HostMemory memory = new HostMemory();

    @Override
    public long allocate(long bytes) {
      return bytes >= LARGE && bytes > memory.available() ? 0 : CpuLibrary.allocate(bytes);
    }

    @Override
    public void free(long address, long bytes) {
      CpuLibrary.free(address, bytes);
    }

    @Override
    public void trim() {
      CpuLibrary.trim();
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
