package dev.clessidra.bench.baselines.nvidia;

import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Arithmetic;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.work.Conv2d;
import dev.clessidra.bench.work.ConvTranspose2d;
import dev.clessidra.bench.work.Direction;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.CudaHandles;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import jcuda.Pointer;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnHandle;
import jcuda.runtime.cudaStream_t;

/** cuDNN's convolutions on the context and stream of a device. */
final class Cudnn implements Library {
  /** The most that an algorithm may work with. */
  static final long WORKSPACE_BYTES = 512L << 20;

  private final Device device;
  private final Arithmetic arithmetic;
  private final cudnnHandle handle = new cudnnHandle();
  private final DeviceOperands shared;
  private final Map<Work, Optional<Choice>> choices = new HashMap<>();
  private Pointer workspace;

  private Cudnn(Device device, Arithmetic arithmetic) {
    this.device = device;
    this.arithmetic = arithmetic;
    // Creating a handle takes the context that is the thread's.
    cudaStream_t stream = new cudaStream_t(CudaHandles.stream(device));
    check("creating a handle", JCudnn.cudnnCreate(handle));
    check("setting the stream", JCudnn.cudnnSetStream(handle, stream));
    shared = new DeviceOperands(device);
  }

  static Cudnn open(Device device, Arithmetic arithmetic) throws AbsentException {
    NvidiaLibrary.CUDNN.load();
    try {
      return new Cudnn(device, arithmetic);
    } catch (DeviceException e) {
      throw new AbsentException(e.getMessage());
    }
  }

  static void check(String what, int status) {
    if (status != 0) {
      throw new DeviceException(
          "cuDNN: %s failed: %s (%d).".formatted(what, JCudnn.cudnnGetErrorString(status), status));
    }
  }

  Device device() {
    return device;
  }

  cudnnHandle handle() {
    return handle;
  }

  /**
   * What all convolutions work with, since they run one after the other. It stays where it is, for
   * graphs that use it.
   */
  Pointer workspace() {
    if (workspace == null) {
      workspace = CudaHandles.pointer(shared.bytes("cuDNN's workspace", WORKSPACE_BYTES));
    }
    return workspace;
  }

  @Override
  public String name() {
    return arithmetic.name("cudnn");
  }

  @Override
  public Arithmetic arithmetic() {
    return arithmetic;
  }

  @Override
  public String version() {
    long version = JCudnn.cudnnGetVersion();
    // From version 9 on two digits more are the major version's.
    long major = version >= 90_000 ? 10_000 : 1000;
    return "%d.%d.%d, %s"
        .formatted(version / major, version % major / 100, version % 100, arithmetic);
  }

  @Override
  public Optional<Implementation> prepare(Work work, Inputs inputs) {
    return call(work).flatMap(call -> prepare(work, call, inputs));
  }

  /** What of cuDNN does a work; a transposed convolution is the adjoint of a convolution. */
  private static Optional<Call> call(Work work) {
    return switch (work) {
      case Conv2d(Direction direction, Convolution convolution) ->
          Optional.of(
              switch (direction) {
                case FORWARD -> new Call(direction, convolution, "x", "filter");
                case DATA -> new Call(direction, convolution, "dy", "filter");
                case FILTER -> new Call(direction, convolution, "x", "dy");
              });
      case ConvTranspose2d transposed -> {
        Convolution adjoint = transposed.adjoint();
        yield Optional.of(
            switch (transposed.direction()) {
              case FORWARD -> new Call(Direction.DATA, adjoint, "x", "filter");
              case DATA -> new Call(Direction.FORWARD, adjoint, "dy", "filter");
              case FILTER -> new Call(Direction.FILTER, adjoint, "dy", "x");
            });
      }
      default -> Optional.empty();
    };
  }

  /** A direction of a convolution, and the names of its inputs. */
  private record Call(Direction direction, Convolution convolution, String first, String second) {}

  private record Choice(CudnnLayout layout, Trial.Timed<CudnnConvolution.Algorithm> algorithm) {}

  private Optional<Implementation> prepare(Work work, Call call, Inputs inputs) {
    return choices
        .computeIfAbsent(work, _ -> choose(call, inputs))
        .map(choice -> {
          CudnnConvolution convolution = convolution(choice.layout(), call, inputs);
          try {
            convolution.use(choice.algorithm().way());
          } catch (RuntimeException e) {
            convolution.close();
            throw e;
          }
          return convolution;
        });
  }

  /** The fastest of the layouts and algorithms that there are. */
  private Optional<Choice> choose(Call call, Inputs inputs) {
    List<Choice> found = new ArrayList<>();
    for (CudnnLayout layout : CudnnLayout.values()) {
      try (CudnnConvolution convolution = convolution(layout, call, inputs)) {
        convolution.fastest().ifPresent(algorithm -> found.add(new Choice(layout, algorithm)));
      }
    }
    return found.stream().min(Comparator.comparingDouble(choice -> choice.algorithm().seconds()));
  }

  private CudnnConvolution convolution(CudnnLayout layout, Call call, Inputs inputs) {
    return new CudnnConvolution(
        this,
        layout,
        call.direction(),
        call.convolution(),
        inputs.floats(call.first()),
        inputs.floats(call.second()));
  }

  @Override
  public void close() {
    JCudnn.cudnnDestroy(handle);
    shared.close();
  }
}
