package dev.clessidra.kernels.conformance;

import dev.clessidra.kernels.Arguments;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Kernel;
import dev.clessidra.kernels.Scope;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * One launch with its operands: the fields of the kernel's struct are given one after the other, in
 * their order. Every operand lies between guards and starts anywhere, or in every second launch
 * where vectors can be loaded; an output is full of NaN before the launch.
 */
final class Launch {
  private static final int GUARD_BYTES = 64;
  // What loads of the widest vectors ask for.
  private static final int VECTOR_BYTES = 16;
  private static final byte GUARD = (byte) 0xA5;
  private static final int POISON = 0x7fc0dead;
  // Bytes of clessidra_training_state that are not float.
  private static final int STATE_INTEGERS = 24;

  private final Kernel kernel;
  private final Values values;
  private final boolean aligned;
  private final List<Field> fields = new ArrayList<>();
  private final List<Operand> operands = new ArrayList<>();
  private final StringBuilder description;
  private boolean heavy;

  /** Writes one field, given the addresses of the operands. */
  private interface Field {
    void write(Arguments arguments, long[] addresses);
  }

  /**
   * Memory that a pointer of the struct points to.
   *
   * @param name the name of the first field that points to it
   * @param content what it holds before the launch
   * @param offset how many bytes after the guard it starts
   * @param compared whether its bytes are part of the result
   * @param floatsFrom the byte from where on it holds floats
   */
  private record Operand(
      String name, MemorySegment content, int offset, boolean compared, int floatsFrom) {

    int start() {
      return GUARD_BYTES + offset;
    }

    int end() {
      return start() + (int) content.byteSize();
    }

    byte[] image() {
      byte[] image = new byte[end() + GUARD_BYTES];
      Arrays.fill(image, GUARD);
      content(image).copyFrom(content);
      return image;
    }

    /** The part of an image between the guards. */
    MemorySegment content(byte[] image) {
      return MemorySegment.ofArray(image).asSlice(start(), content.byteSize());
    }
  }

  /**
   * Starts the description of a launch.
   *
   * @param values where the operands' offsets come from
   */
  Launch(Kernel kernel, Values values) {
    this.kernel = kernel;
    this.values = values;
    aligned = values.below(2) == 0;
    description = new StringBuilder(kernel.nativeName());
  }

  Launch input(String name, float[] content) {
    return operand(name, MemorySegment.ofArray(content), Float.BYTES, true, 0);
  }

  Launch input(String name, int[] content) {
    return operand(name, MemorySegment.ofArray(content), Integer.BYTES, true, Integer.MAX_VALUE);
  }

  Launch input(String name, byte[] content) {
    return operand(name, MemorySegment.ofArray(content), 1, true, Integer.MAX_VALUE);
  }

  Launch input(String name, long content) {
    MemorySegment bytes = MemorySegment.ofArray(new long[] {content});
    return operand(name, bytes, Long.BYTES, true, Integer.MAX_VALUE);
  }

  /** An operand that is read and written. */
  Launch inOut(String name, float[] content) {
    return input(name, content);
  }

  /** An operand that is only written. */
  Launch output(String name, long count) {
    return operand(name, poison(count), Float.BYTES, true, 0);
  }

  /** Memory whose content after the launch is nobody's business. */
  Launch workspace(String name, long count) {
    return operand(name, poison(count), Float.BYTES, false, 0);
  }

  /** A {@code clessidra_training_state}. */
  Launch state(
      String name, long step, double beta1Power, double beta2Power, float rate, float scale) {
    MemorySegment bytes = MemorySegment.ofArray(new long[5]);
    bytes.set(ValueLayout.JAVA_LONG, 0, step);
    bytes.set(ValueLayout.JAVA_DOUBLE, 8, beta1Power);
    bytes.set(ValueLayout.JAVA_DOUBLE, 16, beta2Power);
    float[] floats = {rate, scale, 0.25f, 0.75f};
    MemorySegment.copy(floats, 0, bytes, ValueLayout.JAVA_FLOAT, STATE_INTEGERS, floats.length);
    return operand(name, bytes, Long.BYTES, true, STATE_INTEGERS);
  }

  /** The operand of an earlier field once more. */
  Launch same(String name, String earlier) {
    int index = index(earlier);
    fields.add((arguments, addresses) -> arguments.address(name, addresses[index]));
    return this;
  }

  Launch nothing(String name) {
    fields.add((arguments, addresses) -> arguments.address(name, 0));
    return this;
  }

  Launch int32(String name, int value) {
    describe(name, value);
    fields.add((arguments, addresses) -> arguments.int32(name, value));
    return this;
  }

  Launch int64(String name, long value) {
    describe(name, value);
    fields.add((arguments, addresses) -> arguments.int64(name, value));
    return this;
  }

  Launch float32(String name, float value) {
    describe(name, value);
    fields.add((arguments, addresses) -> arguments.float32(name, value));
    return this;
  }

  Launch float64(String name, double value) {
    describe(name, value);
    fields.add((arguments, addresses) -> arguments.float64(name, value));
    return this;
  }

  /** Marks the launch as too much work for every device: the first and the last are enough. */
  Launch heavy() {
    heavy = true;
    return this;
  }

  boolean isHeavy() {
    return heavy;
  }

  /** Returns the operands with their guards as they are before the launch. */
  List<byte[]> before() {
    return operands.stream().map(Operand::image).toList();
  }

  /** Returns the operands with their guards after the kernel ran on a device. */
  List<byte[]> run(Device device) {
    try (Scope scope = device.scope()) {
      List<byte[]> images = before();
      List<Buffer> buffers = new ArrayList<>();
      long[] addresses = new long[operands.size()];
      for (int i = 0; i < addresses.length; i++) {
        Buffer buffer = scope.allocate(operands.get(i).name(), images.get(i).length);
        device.copyToDevice(images.get(i), buffer);
        buffers.add(buffer);
        addresses[i] = buffer.address() + operands.get(i).start();
      }
      device.stream().launch(kernel, arguments(addresses));
      device.synchronize();
      for (int i = 0; i < addresses.length; i++) {
        device.copyToHost(buffers.get(i), images.get(i));
      }
      return images;
    }
  }

  /**
   * Runs the kernel on operands without guards, each in a buffer of its size: who reads beyond one
   * is seen by a device that watches its memory. Returns the operands with their guards.
   */
  List<byte[]> runUnguarded(Device device) {
    try (Scope scope = device.scope()) {
      List<byte[]> images = before();
      List<Buffer> buffers = new ArrayList<>();
      long[] addresses = new long[operands.size()];
      for (int i = 0; i < addresses.length; i++) {
        Operand operand = operands.get(i);
        // What stands before it keeps it as aligned as it is between guards.
        byte[] content =
            Arrays.copyOfRange(images.get(i), operand.start() - operand.offset(), operand.end());
        Buffer buffer = scope.allocate(operand.name(), content.length);
        device.copyToDevice(content, buffer);
        buffers.add(buffer);
        addresses[i] = buffer.address() + operand.offset();
      }
      device.stream().launch(kernel, arguments(addresses));
      device.synchronize();
      for (int i = 0; i < addresses.length; i++) {
        Operand operand = operands.get(i);
        byte[] content = new byte[operand.end() - operand.start() + operand.offset()];
        device.copyToHost(buffers.get(i), content);
        System.arraycopy(content, 0, images.get(i), operand.end() - content.length, content.length);
      }
      return images;
    }
  }

  /** Returns the operands with their guards after the kernel's definition ran. */
  List<byte[]> define() {
    try (Arena arena = Arena.ofConfined()) {
      List<byte[]> images = before();
      List<MemorySegment> segments = new ArrayList<>();
      long[] addresses = new long[operands.size()];
      for (int i = 0; i < addresses.length; i++) {
        MemorySegment segment = arena.allocate(images.get(i).length, 64);
        segments.add(segment.copyFrom(MemorySegment.ofArray(images.get(i))));
        addresses[i] = segment.address() + operands.get(i).start();
      }
      Definitions.define(kernel, arguments(addresses));
      for (int i = 0; i < addresses.length; i++) {
        MemorySegment.ofArray(images.get(i)).copyFrom(segments.get(i));
      }
      return images;
    }
  }

  /** Returns where two results differ, empty if nowhere; all NaN but the poison are equal. */
  Optional<String> difference(List<byte[]> actual, List<byte[]> expected) {
    for (int i = 0; i < operands.size(); i++) {
      Optional<String> difference =
          difference(operands.get(i), actual.get(i), expected.get(i))
              .map(text -> "%s, %s".formatted(this, text));
      if (difference.isPresent()) {
        return difference;
      }
    }
    return Optional.empty();
  }

  /** Returns the SHA-256 of what is compared of a result, with one NaN for all. */
  String digest(List<byte[]> result) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (int i = 0; i < operands.size(); i++) {
        Operand operand = operands.get(i);
        if (operand.compared()) {
          byte[] image = result.get(i).clone();
          MemorySegment content = operand.content(image);
          for (long at = operand.floatsFrom(); at < content.byteSize(); at += Float.BYTES) {
            float value = content.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at);
            if (Float.isNaN(value) && !isPoison(value)) {
              content.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at, Float.NaN);
            }
          }
          digest.update(image);
        }
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  /** Returns an operand of a result. */
  float[] floats(String name, List<byte[]> result) {
    return content(name, result).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
  }

  /** Returns an operand of a result. */
  int[] ints(String name, List<byte[]> result) {
    return content(name, result).toArray(ValueLayout.JAVA_INT_UNALIGNED);
  }

  private MemorySegment content(String name, List<byte[]> result) {
    int index = index(name);
    return operands.get(index).content(result.get(index));
  }

  private int index(String name) {
    return operands.stream().map(Operand::name).toList().indexOf(name);
  }

  @Override
  public String toString() {
    return description.toString();
  }

  private static Optional<String> difference(Operand operand, byte[] actual, byte[] expected) {
    for (int i = 0; i < actual.length; i++) {
      if ((i < operand.start() || i >= operand.end()) && actual[i] != GUARD) {
        return Optional.of(
            "guard of %s overwritten at byte %d".formatted(operand.name(), i - operand.start()));
      }
    }
    if (!operand.compared() || Arrays.equals(actual, expected)) {
      return Optional.empty();
    }
    MemorySegment a = operand.content(actual);
    MemorySegment e = operand.content(expected);
    for (long i = 0; i < a.byteSize(); ) {
      if (i >= operand.floatsFrom()) {
        float got = a.get(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
        float wanted = e.get(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
        // Float.compare tells zeros apart and takes all NaN for one; what is still as it was before
        // the launch, or comes from there, is told apart too.
        if (Float.compare(got, wanted) != 0 || isPoison(got) != isPoison(wanted)) {
          return Optional.of(
              "%s[%d] is %s (%08x), expected %s (%08x)"
                  .formatted(
                      operand.name(),
                      i / Float.BYTES,
                      got,
                      Float.floatToRawIntBits(got),
                      wanted,
                      Float.floatToRawIntBits(wanted)));
        }
        i += Float.BYTES;
      } else {
        byte got = a.get(ValueLayout.JAVA_BYTE, i);
        byte wanted = e.get(ValueLayout.JAVA_BYTE, i);
        if (got != wanted) {
          return Optional.of(
              "byte %d of %s is %02x, expected %02x".formatted(i, operand.name(), got, wanted));
        }
        i++;
      }
    }
    return Optional.empty();
  }

  private static boolean isPoison(float value) {
    return Float.floatToRawIntBits(value) == POISON;
  }

  private MemorySegment arguments(long[] addresses) {
    Arguments arguments = new Arguments().begin(kernel);
    fields.forEach(field -> field.write(arguments, addresses));
    return arguments.finish();
  }

  private void describe(String name, Object value) {
    description.append(' ').append(name).append(' ').append(value);
  }

  private Launch operand(
      String name, MemorySegment content, int alignment, boolean compared, int floatsFrom) {
    int step = aligned ? VECTOR_BYTES : alignment;
    int offset = values.below(GUARD_BYTES / step) * step;
    int index = operands.size();
    operands.add(new Operand(name, content, offset, compared, floatsFrom));
    fields.add((arguments, addresses) -> arguments.address(name, addresses[index]));
    return this;
  }

  private static MemorySegment poison(long count) {
    int[] poison = new int[Math.toIntExact(count)];
    Arrays.fill(poison, POISON);
    return MemorySegment.ofArray(poison);
  }
}
