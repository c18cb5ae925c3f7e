package dev.clessidra.engine;

import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.ElementType;
import dev.clessidra.kernels.Scope;
import java.lang.foreign.MemorySegment;

/**
 * Numbers in device memory: a shape, an element type and a {@link Buffer}, stored row-major without
 * gaps. A tensor that was allocated owns its memory until it or its scope is closed; {@link #slice}
 * and {@link #reshape} give views that own nothing and are valid as long as what they view.
 *
 * <p>Shape, type and label do not change. Contents may be read and written by several threads only
 * when the application orders those accesses. Copies between host and device are refused while a
 * step is captured.
 */
public sealed class Tensor implements AutoCloseable permits Parameter {
  private final Device device;
  private final Shape shape;
  private final ElementType elementType;
  private final Buffer buffer;
  private final String label;
  private final Tensor root;
  private String closedBecause = "";
  private boolean holdsParameters;

  Tensor(
      Device device,
      Buffer buffer,
      ElementType elementType,
      Shape shape,
      String label,
      Tensor root) {
    this.device = device;
    this.buffer = buffer;
    this.elementType = elementType;
    this.shape = shape;
    this.label = label;
    this.root = root == null ? this : root;
  }

  /**
   * A new tensor with undefined contents.
   *
   * @param device where the memory is
   * @param scope owner of the memory, of the same device
   * @param label a name for messages, for example {@code "images"}
   * @throws IllegalArgumentException when a long cannot count its bytes
   */
  public static Tensor allocate(
      Device device, Scope scope, String label, ElementType elementType, Shape shape) {
    if (shape.elements() > Long.MAX_VALUE / elementType.byteSize()) {
      throw new IllegalArgumentException(
          "allocate: \"%s\" %s of %s is too large: expected at most %d bytes"
              .formatted(label, shape, elementType, Long.MAX_VALUE));
    }
    Buffer buffer = scope.allocate(label, shape.elements() * elementType.byteSize());
    return new Tensor(device, buffer, elementType, shape, label, null);
  }

  /** A new FLOAT32 tensor with undefined contents; see the longer form. */
  public static Tensor allocate(Device device, Scope scope, String label, Shape shape) {
    return allocate(device, scope, label, ElementType.FLOAT32, shape);
  }

  /** A new FLOAT32 tensor filled with one value. */
  public static Tensor filled(Device device, Scope scope, String label, Shape shape, float value) {
    return allocate(device, scope, label, shape).fill(value);
  }

  /**
   * A new FLOAT32 tensor with the given contents.
   *
   * @throws IllegalArgumentException when the number of values is not that of the shape
   */
  public static Tensor of(Device device, Scope scope, String label, Shape shape, float[] values) {
    Tensor tensor = allocate(device, scope, label, shape);
    tensor.copyFrom(values);
    return tensor;
  }

  /** A new INT32 tensor with the given contents; see the form for floats. */
  public static Tensor of(Device device, Scope scope, String label, Shape shape, int[] values) {
    Tensor tensor = allocate(device, scope, label, ElementType.INT32, shape);
    tensor.copyFrom(values);
    return tensor;
  }

  /** A new UINT8 tensor with the given contents; see the form for floats. */
  public static Tensor of(Device device, Scope scope, String label, Shape shape, byte[] values) {
    Tensor tensor = allocate(device, scope, label, ElementType.UINT8, shape);
    tensor.copyFrom(values);
    return tensor;
  }

  /** A FLOAT32 tensor on memory whose owner is somebody else. */
  static Tensor viewOf(Device device, Buffer buffer, String label, Shape shape) {
    return new Tensor(device, buffer, ElementType.FLOAT32, shape, label, null);
  }

  /** The device whose memory this is. */
  public final Device device() {
    return device;
  }

  /** The shape. */
  public final Shape shape() {
    return shape;
  }

  /** The element type. */
  public final ElementType elementType() {
    return elementType;
  }

  /** The name for messages. */
  public final String label() {
    return label;
  }

  /** Bytes of memory: the shape's elements times the type's size. */
  public final long byteSize() {
    return shape.elements() * elementType.byteSize();
  }

  /**
   * The memory, for kernels.
   *
   * @throws IllegalStateException when the tensor was closed; the message names it
   */
  public final Buffer buffer() {
    if (!buffer.isOpen()) {
      throw new IllegalStateException(closedMessage());
    }
    return buffer;
  }

  final String closedMessage() {
    return "tensor "
        + describe()
        + " is used after it was closed"
        + (root.closedBecause.isEmpty() ? "" : ": " + root.closedBecause);
  }

  /** Whether the memory is still there. */
  public final boolean isOpen() {
    return buffer.isOpen();
  }

  /** Marks the arena of parameters, whose views a recording tape refuses. */
  final Tensor markAsParameters() {
    holdsParameters = true;
    return this;
  }

  /** Whether this is memory of parameters that is not reached through a {@link Parameter}. */
  final boolean isRawParameterMemory() {
    return root.holdsParameters && !(this instanceof Parameter);
  }

  /** The tensor this is a view of, at the end of a chain of views; itself when it is none. */
  final Tensor root() {
    return root;
  }

  /**
   * A view of the same memory with another shape.
   *
   * @throws IllegalArgumentException when the numbers of elements differ
   */
  public final Tensor reshape(Shape newShape) {
    if (newShape.elements() != shape.elements()) {
      throw new IllegalArgumentException(
          "reshape: "
              + describe()
              + " has "
              + shape.elements()
              + " elements and cannot become "
              + newShape
              + " with "
              + newShape.elements());
    }
    return new Tensor(device, buffer(), elementType, newShape, label, root);
  }

  /**
   * A view of some of the outermost dimension's entries.
   *
   * @param from the first entry
   * @param count how many
   * @throws IllegalArgumentException when there are fewer entries or the tensor is a scalar
   */
  public final Tensor slice(int from, int count) {
    if (shape.rank() == 0 || from < 0 || count < 0 || from > shape.dim(0) - count) {
      throw new IllegalArgumentException(
          "slice: "
              + describe()
              + " has no entries "
              + from
              + " to "
              + ((long) from + count)
              + " in its first dimension");
    }
    int[] dimensions = shape.dimensions();
    long stride = dimensions[0] == 0 ? 0 : byteSize() / dimensions[0];
    dimensions[0] = count;
    return new Tensor(
        device,
        buffer().slice(from * stride, count * stride),
        elementType,
        Shape.of(dimensions),
        label,
        root);
  }

  /** Sets all elements of a FLOAT32 tensor to one value, on the device; may be captured. */
  public final Tensor fill(float value) {
    requireType("fill", ElementType.FLOAT32);
    device.kernels().fill(buffer(), shape.elements(), value);
    return this;
  }

  /**
   * Copies another FLOAT32 tensor's contents, on the device; may be captured.
   *
   * @throws IllegalArgumentException when the numbers of elements or the devices differ
   */
  public final Tensor copyFrom(Tensor source) {
    source.addTo(this, 0);
    return this;
  }

  /** Adds another FLOAT32 tensor's contents, on the device; see {@link #copyFrom(Tensor)}. */
  public final Tensor accumulate(Tensor source) {
    source.addTo(this, 1);
    return this;
  }

  /** target = beta * target + this; the numbers of elements have to be equal. */
  final void addTo(Tensor target, float beta) {
    requireType("copy", ElementType.FLOAT32);
    target.requireType("copy", ElementType.FLOAT32);
    if (target.device != device) {
      throw new IllegalArgumentException(
          "copy: " + describe() + " and " + target.describe() + " are on different devices");
    }
    if (target.shape.elements() != shape.elements()) {
      throw new IllegalArgumentException(
          "copy: " + describe() + " does not fit into " + target.describe());
    }
    int columns = target.shape.columns();
    long rows = target.shape.rows();
    device.kernels().copy(buffer(), columns, target.buffer(), columns, rows, columns, beta);
  }

  /**
   * Copies from host memory.
   *
   * @throws IllegalArgumentException when the number of values is not the number of elements, or
   *     the element type is another one
   */
  public final void copyFrom(float[] values) {
    requireType("copyFrom(float[])", ElementType.FLOAT32);
    requireCount("copyFrom", values.length);
    device.copyToDevice(values, buffer());
  }

  /** Copies from host memory to an INT32 tensor; see the form for floats. */
  public final void copyFrom(int[] values) {
    requireType("copyFrom(int[])", ElementType.INT32);
    requireCount("copyFrom", values.length);
    device.copyToDevice(values, buffer());
  }

  /** Copies from host memory to a UINT8 tensor; see the form for floats. */
  public final void copyFrom(byte[] values) {
    requireType("copyFrom(byte[])", ElementType.UINT8);
    requireCount("copyFrom", values.length);
    device.copyToDevice(values, buffer());
  }

  /** Copies from host memory of exactly {@link #byteSize} bytes, of any element type. */
  public final void copyFrom(MemorySegment host) {
    requireBytes("copyFrom", host);
    device.copyToDevice(host, buffer());
  }

  /** Copies to host memory of exactly {@link #byteSize} bytes, of any element type. */
  public final void copyTo(MemorySegment host) {
    requireBytes("copyTo", host);
    device.copyToHost(buffer(), host);
  }

  /** The elements of a FLOAT32 tensor. */
  public final float[] copyToArray() {
    requireType("copyToArray", ElementType.FLOAT32);
    float[] values = new float[arrayLength()];
    device.copyToHost(buffer(), values);
    return values;
  }

  /** The elements of an INT32 tensor. */
  public final int[] copyToIntArray() {
    requireType("copyToIntArray", ElementType.INT32);
    int[] values = new int[arrayLength()];
    device.copyToHost(buffer(), values);
    return values;
  }

  /** The elements of a UINT8 tensor. */
  public final byte[] copyToByteArray() {
    requireType("copyToByteArray", ElementType.UINT8);
    byte[] values = new byte[arrayLength()];
    device.copyToHost(buffer(), values);
    return values;
  }

  /**
   * The only element of a FLOAT32 tensor, for example a loss.
   *
   * @throws IllegalStateException when there is not exactly one element
   */
  public final float item() {
    if (shape.elements() != 1) {
      throw new IllegalStateException(
          "item: expected one element, " + describe() + " has " + shape.elements());
    }
    return copyToArray()[0];
  }

  /** Releases the memory now; does nothing for a view or when it is closed already. */
  @Override
  public void close() {
    close("");
  }

  /** Closes and says in later messages why. */
  final void close(String because) {
    if (root == this && buffer.isOpen()) {
      closedBecause = because;
      buffer.close();
    }
  }

  /** For example {@code "linear" [256, 500]}. */
  final String describe() {
    return "\"" + label + "\" " + shape;
  }

  private void requireType(String what, ElementType expected) {
    if (elementType != expected) {
      throw new IllegalArgumentException(
          what + ": " + describe() + " holds " + elementType + ", expected " + expected);
    }
  }

  private void requireCount(String what, long given) {
    if (given != shape.elements()) {
      throw new IllegalArgumentException(
          what
              + ": "
              + describe()
              + " has "
              + shape.elements()
              + " elements, got "
              + given
              + " values");
    }
  }

  private void requireBytes(String what, MemorySegment host) {
    if (host.byteSize() != byteSize()) {
      throw new IllegalArgumentException(
          what
              + ": "
              + describe()
              + " has "
              + byteSize()
              + " bytes, the host memory has "
              + host.byteSize());
    }
  }

  private int arrayLength() {
    if (shape.elements() > Integer.MAX_VALUE - 8) {
      throw new IllegalStateException(
          describe() + " is too large for an array: use copyTo(MemorySegment)");
    }
    return (int) shape.elements();
  }

  /** For example {@code Tensor "images" [256, 784] FLOAT32}. */
  @Override
  public String toString() {
    return "Tensor " + describe() + " " + elementType + (isOpen() ? "" : " (closed)");
  }
}
