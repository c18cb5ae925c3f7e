package dev.clessidra.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Writes the argument struct of a launch, field after field:
 *
 * <pre>{@code
 * MemorySegment block =
 *     arguments
 *         .begin(Kernel.FILL)
 *         .address("y", y.address())
 *         .int64("count", 100)
 *         .float32("value", 0)
 *         .finish();
 * }</pre>
 *
 * <p>Every field has to be written, in the order of {@link Kernel#fields()} and with its type; each
 * breach is an {@link IllegalStateException}. One instance serves any number of launches, one after
 * the other; it is not for use by several threads at once.
 */
public final class Arguments {
  private final MemorySegment memory =
      Arena.ofAuto().allocate(Kernel.MAXIMUM_ARGUMENT_BYTES, Long.BYTES);
  private final DeviceMemory operands;
  private Kernel kernel;
  private int written;

  /** Makes a writer with memory of its own, freed when the writer is no longer reachable. */
  public Arguments() {
    this(null);
  }

  /** Makes a writer whose operands have to be in this memory. */
  Arguments(DeviceMemory operands) {
    this.operands = operands;
  }

  /** Starts the arguments of a launch of a kernel; what was written before is dropped. */
  public Arguments begin(Kernel kernel) {
    this.kernel = kernel;
    written = 0;
    memory.fill((byte) 0);
    return this;
  }

  /**
   * Writes the address of an operand, which is checked first: so no launch can leave that out.
   *
   * @throws IllegalArgumentException if the buffer is too small or of another device
   * @throws IllegalStateException if the buffer is closed
   */
  Arguments operand(String name, Buffer buffer, long count, int elementBytes) {
    if (buffer == null) {
      throw new NullPointerException(kernel.nativeName() + ": " + name + " is null.");
    }
    if (count < 0) {
      throw new IllegalArgumentException(
          "%s: operand %s has %d elements: expected 0 or more."
              .formatted(kernel.nativeName(), name, count));
    }
    if (count > buffer.byteSize() / elementBytes) {
      throw new IllegalArgumentException(
          "%s: operand %s needs %d elements of %d bytes, but buffer '%s' has %d bytes."
              .formatted(
                  kernel.nativeName(),
                  name,
                  count,
                  elementBytes,
                  buffer.label(),
                  buffer.byteSize()));
    }
    if (buffer.region().memory() != operands) {
      throw new IllegalArgumentException(
          "%s: operand %s, buffer '%s', is in the memory of another device."
              .formatted(kernel.nativeName(), name, buffer.label()));
    }
    return address(name, buffer.address());
  }

  /** Writes the address of an operand of floats; see {@link #operand}. */
  Arguments floats(String name, Buffer buffer, long count) {
    return operand(name, buffer, count, Float.BYTES);
  }

  /** As {@link #floats}, or 0 for null. */
  Arguments floatsOrNull(String name, Buffer buffer, long count) {
    return buffer == null ? address(name, 0) : floats(name, buffer, count);
  }

  /** Writes a pointer as a plain address. */
  public Arguments address(String name, long address) {
    memory.set(ValueLayout.JAVA_LONG, next(name, Kernel.FieldType.POINTER), address);
    return this;
  }

  /** Writes an {@code int32_t} or the bits of a {@code uint32_t}. */
  public Arguments int32(String name, int value) {
    memory.set(ValueLayout.JAVA_INT, next(name, Kernel.FieldType.INT32), value);
    return this;
  }

  /** Writes an {@code int64_t} or the bits of a {@code uint64_t}. */
  public Arguments int64(String name, long value) {
    memory.set(ValueLayout.JAVA_LONG, next(name, Kernel.FieldType.INT64), value);
    return this;
  }

  /** Writes a {@code float}. */
  public Arguments float32(String name, float value) {
    memory.set(ValueLayout.JAVA_FLOAT, next(name, Kernel.FieldType.FLOAT32), value);
    return this;
  }

  /** Writes a {@code double}. */
  public Arguments float64(String name, double value) {
    memory.set(ValueLayout.JAVA_DOUBLE, next(name, Kernel.FieldType.FLOAT64), value);
    return this;
  }

  /**
   * Ends the struct and returns the memory that starts with it, valid until the next {@link
   * #begin}. It may be longer than the struct.
   *
   * @throws IllegalStateException if a field has not been written
   */
  public MemorySegment finish() {
    if (kernel == null) {
      throw new IllegalStateException("Arguments were not begun: call begin(kernel) first.");
    }
    if (written < kernel.fields().size()) {
      throw new IllegalStateException(
          "Arguments of %s are not complete: field '%s' comes next."
              .formatted(kernel.nativeName(), kernel.fields().get(written).name()));
    }
    return memory;
  }

  /** Returns the kernel of the last {@link #begin}, null before the first. */
  public Kernel kernel() {
    return kernel;
  }

  private int next(String name, Kernel.FieldType type) {
    if (kernel == null) {
      throw new IllegalStateException("Arguments were not begun: call begin(kernel) first.");
    }
    if (written == kernel.fields().size()) {
      throw new IllegalStateException(
          "Arguments of %s are complete: there is no further field for %s '%s'."
              .formatted(kernel.nativeName(), type, name));
    }
    Kernel.Field field = kernel.fields().get(written);
    if (field.type() != type || !field.name().equals(name)) {
      throw new IllegalStateException(
          "Arguments of %s: %s '%s' was written where %s '%s' comes next."
              .formatted(kernel.nativeName(), type, name, field.type(), field.name()));
    }
    written++;
    return field.offset();
  }
}
