package dev.clessidra.kernels;

import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.util.List;
import jcuda.driver.CUgraphExec;

/** A GPU behind the CUDA driver, or the emulated one; launches return before their work is done. */
final class CudaDevice extends AbstractDevice {
  private final CudaContext context;
  private final boolean debug;

  private CudaDevice(String name, String description, CudaContext context, DeviceOptions options) {
    super(name, description, context, options);
    this.context = context;
    debug = options.debug();
  }

  /**
   * Opens a GPU.
   *
   * @param name {@code cuda}, {@code cuda:N} or {@code emulated}
   */
  static CudaDevice open(String name, DeviceOptions options) {
    boolean emulated = name.equals("emulated");
    int ordinal = emulated ? 0 : ordinal(name);
    CudaLibrary.Driver driver = emulated ? CudaLibrary.Driver.EMULATED : CudaLibrary.Driver.SYSTEM;
    CudaLibrary.load(driver);
    CudaContext context = CudaContext.open(ordinal, CudaLibrary.kernels(driver));
    String fullName = emulated ? name : "cuda:" + ordinal;
    try {
      String description = fullName + ": " + context.description();
      LOGGER.log(Level.DEBUG, "Opened {0}", description);
      return new CudaDevice(fullName, description, context, options);
    } catch (DeviceException e) {
      context.close();
      throw e;
    }
  }

  private static int ordinal(String name) {
    if (name.equals("cuda")) {
      return 0;
    }
    if (name.matches("cuda:\\d{1,4}")) {
      return Integer.parseInt(name.substring("cuda:".length()));
    }
    throw new DeviceException(
        "Device '%s' is unknown: expected cuda:0, cuda:1 and so on.".formatted(name));
  }

  @Override
  void launch(Kernel kernel, MemorySegment arguments) {
    context.launch(kernel, CudaLaunches.of(kernel, arguments), arguments);
    if (debug) {
      // So that a fault is named with the kernel that made it.
      try {
        context.synchronize();
      } catch (DeviceException e) {
        throw new DeviceException(kernel.nativeName() + ": " + e.getMessage(), e);
      }
    }
  }

  @Override
  void upload(MemorySegment host, long address) {
    context.upload(host, address);
  }

  @Override
  void download(long address, MemorySegment host) {
    context.download(address, host);
  }

  @Override
  void await() {
    context.synchronize();
  }

  @Override
  double peak(int milliseconds) {
    return context.measurePeak(milliseconds);
  }

  @Override
  double time(Runnable work) {
    return context.measureTime(work);
  }

  @Override
  void shutDown() {
    context.close();
  }

  @Override
  Program.Executable compile(List<Recording.Launch> launches) {
    CUgraphExec graph = context.record(launches);
    return new Program.Executable() {
      @Override
      public void run() {
        context.run(graph);
      }

      @Override
      public void close() {
        context.destroy(graph);
      }
    };
  }
}
