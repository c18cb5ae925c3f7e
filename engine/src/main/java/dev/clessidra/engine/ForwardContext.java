package dev.clessidra.engine;

import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.ElementType;
import dev.clessidra.kernels.Kernels;
import dev.clessidra.kernels.Scope;
import java.util.ArrayList;
import java.util.List;

/**
 * What {@link Operation#forward} works with. Valid during that call only, on the calling thread.
 */
public final class ForwardContext {
  private static final String NOT_KEPT =
      "forward neither returned it nor saved it for a backward (ForwardContext.save)";

  private final Device device;
  private final Scope scope;
  private final String operation;
  private final boolean[] needsGradient;
  private final boolean recorded;
  private final List<Tensor> allocated = new ArrayList<>();
  private final List<Tensor> saved = new ArrayList<>();
  private final List<Buffer> workspaces = new ArrayList<>();
  private boolean launches;

  ForwardContext(Device device, Scope scope, String operation, boolean[] needsGradient) {
    this.device = device;
    this.scope = scope;
    this.operation = operation;
    this.needsGradient = needsGradient;
    boolean any = false;
    for (boolean needed : needsGradient) {
      any |= needed;
    }
    this.recorded = any;
  }

  /** The launches of the tape's device. */
  public Kernels kernels() {
    launches = true;
    return device.kernels();
  }

  /** Whether {@link Operation#backward} may follow; when false, {@link #save} does nothing. */
  public boolean isRecorded() {
    return recorded;
  }

  /** Whether the backward computation will be asked for the gradient of an input. */
  public boolean needsGradient(int input) {
    return needsGradient[input];
  }

  /**
   * A new FLOAT32 tensor with undefined contents, labelled with the operation's name. Unless it is
   * the output or {@linkplain #save saved}, it is released when the forward computation is done, so
   * it also serves as temporary memory.
   */
  public Tensor allocate(Shape shape) {
    return allocate(ElementType.FLOAT32, shape);
  }

  /** As {@link #allocate(Shape)}, of elements of any type. */
  public Tensor allocate(ElementType elementType, Shape shape) {
    Tensor tensor = Tensor.allocate(device, scope, operation, elementType, shape);
    allocated.add(tensor);
    return tensor;
  }

  /**
   * Memory with undefined contents that is released when the forward computation is done.
   *
   * @param floats its size in floats, in which the workspace methods of {@link Kernels} count
   */
  public Buffer workspace(long floats) {
    Buffer buffer =
        scope.allocate(operation + " workspace", Math.multiplyExact(floats, Float.BYTES));
    workspaces.add(buffer);
    return buffer;
  }

  /**
   * Keeps a tensor (an input, the output or another one allocated here) for the backward
   * computation, which finds it as {@link BackwardContext#saved} with the index of this call. What
   * no operation saves is released when the backward computation starts.
   */
  public void save(Tensor tensor) {
    if (recorded) {
      saved.add(tensor);
    }
  }

  /** Whether forward did anything but look at its inputs. */
  boolean isUsed() {
    return launches || !allocated.isEmpty() || !saved.isEmpty();
  }

  List<Tensor> allocated() {
    return allocated;
  }

  List<Tensor> saved() {
    return saved;
  }

  /** Releases what is not needed any more, after success or failure. */
  void release(Tensor output) {
    workspaces.forEach(Buffer::close);
    for (Tensor tensor : allocated) {
      boolean needed = output != null && (tensor == output.root() || isSaved(tensor));
      if (!needed) {
        tensor.close(NOT_KEPT);
      }
    }
  }

  private boolean isSaved(Tensor tensor) {
    return saved.stream().anyMatch(kept -> kept.root() == tensor);
  }
}
