package dev.clessidra.kernels;

import static dev.clessidra.kernels.CudaDriver.call;
import static dev.clessidra.kernels.CudaDriver.check;
import static dev.clessidra.kernels.CudaDriver.pointer;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;

import dev.clessidra.kernels.CudaLaunches.GridLaunch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/**
 * The driver's objects for one GPU: context, module, stream, and pinned memory that copies go
 * through. Thread-safe; each call makes the context the calling thread's.
 */
final class CudaContext implements DeviceMemory.Hardware {
  private static final int STAGING_BYTES = 4 << 20;

  private final CUdevice device;
  private final CUcontext context;
  private final CUstream stream = new CUstream();
  // Of its own, so that what other threads do meanwhile is not captured.
  private final CUstream captureStream = new CUstream();
  private final CUmodule module = new CUmodule();
  private final Map<String, CUfunction> functions = new ConcurrentHashMap<>();
  // Copies take turns: while the GPU moves one, the host fills or empties the other.
  private final Staging[] staging;
  // The driver copies a launch's argument before it returns, so that one place serves all.
  private final Arena arena = Arena.ofShared();
  private final MemorySegment argument = arena.allocate(Kernel.MAXIMUM_ARGUMENT_BYTES, 16);
  private final Pointer parameters = Pointer.to(Pointer.to(argument.asByteBuffer()));
  private boolean closed;

  private CudaContext(CUdevice device, CUcontext context, byte[] kernels) {
    this.device = device;
    this.context = context;
    makeCurrent();
    for (CUstream made : List.of(stream, captureStream)) {
      call(
          "making a stream",
          () -> JCudaDriver.cuStreamCreate(made, CUstream_flags.CU_STREAM_NON_BLOCKING));
    }
    MemorySegment image = arena.allocate(kernels.length, 16);
    image.copyFrom(MemorySegment.ofArray(kernels));
    call(
        "loading the kernels",
        () ->
            JCudaDriver.cuModuleLoadDataEx(
                module, Pointer.to(image.asByteBuffer()), 0, new int[0], Pointer.to(new int[0])));
    staging = new Staging[] {new Staging(), new Staging()};
  }

  /**
   * Opens a GPU.
   *
   * @param ordinal which one, from 0
   * @param kernels the fatbin
   */
  static CudaContext open(int ordinal, byte[] kernels) {
    int count = deviceCount();
    if (ordinal >= count) {
      throw new DeviceException(
          "Device 'cuda:%d' cannot be opened: the CUDA driver has %s."
              .formatted(
                  ordinal, count == 0 ? "no GPU" : "GPUs cuda:0 to cuda:" + (count - 1) + " only"));
    }
    CUdevice device = new CUdevice();
    call("looking up the GPU", () -> JCudaDriver.cuDeviceGet(device, ordinal));
    CUcontext context = new CUcontext();
    call("opening the GPU's context", () -> JCudaDriver.cuDevicePrimaryCtxRetain(context, device));
    try {
      return new CudaContext(device, context, kernels);
    } catch (DeviceException e) {
      JCudaDriver.cuDevicePrimaryCtxRelease(device);
      throw e;
    }
  }

  /** Returns how many GPUs the driver has. */
  static int deviceCount() {
    call("starting the driver", () -> JCudaDriver.cuInit(0));
    int[] count = new int[1];
    call("counting GPUs", () -> JCudaDriver.cuDeviceGetCount(count));
    return count[0];
  }

  /** Returns the GPU's name, compute capability, multiprocessors and memory, and the driver. */
  String description() {
    byte[] name = new byte[256];
    long[] bytes = new long[1];
    int[] version = new int[1];
    call("reading the GPU's name", () -> JCudaDriver.cuDeviceGetName(name, name.length, device));
    call("reading the GPU's memory", () -> JCudaDriver.cuDeviceTotalMem(bytes, device));
    call("reading the driver's version", () -> JCudaDriver.cuDriverGetVersion(version));
    return String.format(
        Locale.ROOT,
        "%s, compute capability %d.%d, %d multiprocessors, %.1f GiB, driver for CUDA %d.%d",
        new String(name, StandardCharsets.UTF_8).replaceAll("\0.*", ""),
        attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
        attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
        multiprocessors(),
        bytes[0] / 0x1p30,
        version[0] / 1000,
        version[0] % 1000 / 10);
  }

  int multiprocessors() {
    return attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  }

  private int attribute(int which) {
    int[] value = new int[1];
    call(
        "reading the GPU's properties",
        () -> JCudaDriver.cuDeviceGetAttribute(value, which, device));
    return value[0];
  }

  /** Makes the context the calling thread's, and returns the stream that all work goes to. */
  CUstream currentStream() {
    makeCurrent();
    return stream;
  }

  private void makeCurrent() {
    check(JCudaDriver.cuCtxSetCurrent(context), "making the context current");
  }

  @Override
  public long allocate(long bytes) {
    makeCurrent();
    Address address = new Address();
    int result = JCudaDriver.cuMemAlloc(address, bytes);
    if (result == CudaDriver.OUT_OF_MEMORY) {
      return 0;
    }
    check(result, () -> "allocating %d bytes".formatted(bytes));
    return address.value();
  }

  @Override
  public void free(long address, long bytes) {
    synchronize();
    check(JCudaDriver.cuMemFree(pointer(address)), "freeing memory");
  }

  @Override
  public void fill(long address, long bytes, byte value) {
    makeCurrent();
    check(JCudaDriver.cuMemsetD8Async(pointer(address), value, bytes, stream), "filling memory");
  }

  @Override
  public void copy(long from, long to, long bytes) {
    makeCurrent();
    check(
        JCudaDriver.cuMemcpyDtoDAsync(pointer(to), pointer(from), bytes, stream),
        "copying on the device");
  }

  /** Copies to the device; what is on the host may change once this returns. */
  synchronized void upload(MemorySegment host, long address) {
    makeCurrent();
    int turn = 0;
    for (long offset = 0; offset < host.byteSize(); offset += STAGING_BYTES) {
      long bytes = Math.min(STAGING_BYTES, host.byteSize() - offset);
      Staging part = staging[turn++ % staging.length];
      part.await();
      MemorySegment.copy(host, offset, part.memory, 0, bytes);
      check(
          JCudaDriver.cuMemcpyHtoDAsync(pointer(address + offset), part.pointer, bytes, stream),
          "copying to the device");
      part.record();
    }
  }

  /** Copies from the device, after all work so far. */
  synchronized void download(long address, MemorySegment host) {
    makeCurrent();
    long total = host.byteSize();
    for (long offset = -STAGING_BYTES; offset < total; offset += STAGING_BYTES) {
      int turn = (int) (offset / STAGING_BYTES & 1);
      long next = offset + STAGING_BYTES;
      if (next < total) {
        Staging part = staging[1 - turn];
        part.await();
        check(
            JCudaDriver.cuMemcpyDtoHAsync(
                part.pointer,
                pointer(address + next),
                Math.min(STAGING_BYTES, total - next),
                stream),
            "copying from the device");
        part.record();
      }
      if (offset >= 0) {
        staging[turn].await();
        MemorySegment.copy(
            staging[turn].memory, 0, host, offset, Math.min(STAGING_BYTES, total - offset));
      }
    }
  }

  void synchronize() {
    makeCurrent();
    check(JCudaDriver.cuStreamSynchronize(stream), "waiting for the GPU");
  }

  /** Queues grids that share one argument struct. */
  synchronized void launch(Kernel kernel, List<GridLaunch> grids, MemorySegment arguments) {
    makeCurrent();
    launch(kernel, grids, arguments, stream);
  }

  private void launch(Kernel kernel, List<GridLaunch> grids, MemorySegment arguments, CUstream on) {
    MemorySegment.copy(arguments, 0, argument, 0, kernel.argumentBytes());
    for (GridLaunch grid : grids) {
      launch(grid, on);
    }
  }

  private void launch(GridLaunch grid, CUstream on) {
    check(
        JCudaDriver.cuLaunchKernel(
            function(grid.function()),
            grid.gridX(),
            grid.gridY(),
            grid.gridZ(),
            grid.blockX(),
            1,
            1,
            0,
            on,
            parameters,
            null),
        () ->
            "the launch of %s<<<(%d, %d, %d), %d>>>"
                .formatted(
                    grid.function(), grid.gridX(), grid.gridY(), grid.gridZ(), grid.blockX()));
  }

  private CUfunction function(String name) {
    return functions.computeIfAbsent(
        name,
        key -> {
          CUfunction function = new CUfunction();
          check(
              JCudaDriver.cuModuleGetFunction(function, module, key),
              () -> "looking up the kernel " + key);
          return function;
        });
  }

  /** Returns how many floating-point operations a second fused multiply-adds alone make. */
  synchronized double measurePeak(int milliseconds) {
    GridLaunch grid = CudaLaunches.peak(multiprocessors());
    long threads = (long) grid.gridX() * grid.blockX();
    double operationsAnIteration = 2.0 * threads * CudaLaunches.PEAK_MULTIPLY_ADDS;
    long bytes = threads * Float.BYTES;
    long results = allocate(bytes);
    try {
      // The first runs are short: they warm up, and tell how long the one that counts has to be.
      long iterations = 1;
      double seconds = 0;
      while (seconds < milliseconds / 1e3) {
        iterations =
            seconds < 1e-5
                ? 8 * iterations
                : Math.round(iterations * 1.2e-3 * milliseconds / seconds) + 1;
        seconds = timePeak(grid, results, iterations);
      }
      return operationsAnIteration * iterations / seconds;
    } finally {
      free(results, bytes);
    }
  }

  private double timePeak(GridLaunch grid, long results, long iterations) {
    argument.set(ValueLayout.JAVA_LONG, 0, results);
    argument.set(ValueLayout.JAVA_LONG, Long.BYTES, iterations);
    return measureTime(() -> launch(grid, stream));
  }

  /** Returns how long the device takes for what is launched, in seconds. */
  double measureTime(Runnable work) {
    makeCurrent();
    CUevent start = event(CUevent_flags.CU_EVENT_DEFAULT);
    CUevent end = event(CUevent_flags.CU_EVENT_DEFAULT);
    try {
      check(JCudaDriver.cuEventRecord(start, stream), "recording an event");
      work.run();
      check(JCudaDriver.cuEventRecord(end, stream), "recording an event");
      check(JCudaDriver.cuEventSynchronize(end), "waiting for the GPU");
      float[] milliseconds = new float[1];
      check(JCudaDriver.cuEventElapsedTime(milliseconds, start, end), "reading a time");
      return milliseconds[0] / 1e3;
    } finally {
      JCudaDriver.cuEventDestroy(start);
      JCudaDriver.cuEventDestroy(end);
    }
  }

  /** Makes a graph of launches, without running them. */
  synchronized CUgraphExec record(List<Recording.Launch> launches) {
    makeCurrent();
    CUgraph graph = new CUgraph();
    call(
        "starting a capture",
        () ->
            JCudaDriver.cuStreamBeginCapture(
                captureStream, CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    try {
      for (Recording.Launch launch : launches) {
        launch(
            launch.kernel(),
            CudaLaunches.of(launch.kernel(), launch.arguments()),
            launch.arguments(),
            captureStream);
      }
    } catch (Throwable e) {
      // What went wrong before counts, not what comes of it; the stream is not left capturing.
      JCudaDriver.cuStreamEndCapture(captureStream, graph);
      throw e;
    }
    call("ending a capture", () -> JCudaDriver.cuStreamEndCapture(captureStream, graph));
    try {
      CUgraphExec executable = new CUgraphExec();
      call("instantiating a graph", () -> JCudaDriver.cuGraphInstantiate(executable, graph, 0));
      return executable;
    } finally {
      JCudaDriver.cuGraphDestroy(graph);
    }
  }

  void run(CUgraphExec graph) {
    makeCurrent();
    check(JCudaDriver.cuGraphLaunch(graph, stream), "the launch of a captured program");
  }

  /** Does nothing once the context is closed, since that has taken the graph along. */
  synchronized void destroy(CUgraphExec graph) {
    if (closed) {
      return;
    }
    synchronize();
    check(JCudaDriver.cuGraphExecDestroy(graph), "closing a captured program");
  }

  /** Frees everything; errors are of no use to anyone by now. */
  synchronized void close() {
    closed = true;
    JCudaDriver.cuCtxSetCurrent(context);
    JCudaDriver.cuStreamSynchronize(stream);
    for (Staging part : staging) {
      JCudaDriver.cuEventDestroy(part.used);
      JCudaDriver.cuMemFreeHost(part.pointer);
    }
    JCudaDriver.cuModuleUnload(module);
    JCudaDriver.cuStreamDestroy(captureStream);
    JCudaDriver.cuStreamDestroy(stream);
    JCudaDriver.cuDevicePrimaryCtxRelease(device);
    arena.close();
  }

  private static CUevent event(int flags) {
    CUevent event = new CUevent();
    call("making an event", () -> JCudaDriver.cuEventCreate(event, flags));
    return event;
  }

  /** Pinned host memory, and when the device is done with it. */
  private final class Staging {
    private final Pointer pointer = new Pointer();
    private final MemorySegment memory;
    private final CUevent used = event(CUevent_flags.CU_EVENT_DISABLE_TIMING);

    private Staging() {
      call("allocating pinned memory", () -> JCudaDriver.cuMemAllocHost(pointer, STAGING_BYTES));
      ByteBuffer buffer = pointer.getByteBuffer(0, STAGING_BYTES);
      memory = MemorySegment.ofBuffer(buffer);
    }

    private void record() {
      check(JCudaDriver.cuEventRecord(used, stream), "recording an event");
    }

    private void await() {
      check(JCudaDriver.cuEventSynchronize(used), "waiting for the GPU");
    }
  }

  /** Shows the address that the driver gave. */
  private static final class Address extends CUdeviceptr {
    private long value() {
      return getNativePointer() + getByteOffset();
    }
  }
}
