package dev.clessidra.kernels.conformance;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.clessidra.kernels.Kernel;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** The library of plain scalar definitions that every kernel is held against. */
final class Definitions {
  private static final String RESOURCE =
      "/dev/clessidra/native/linux-x86_64/libclessidra_definitions.so";

  private static final SymbolLookup LIBRARY = load();
  private static final MethodHandle DEFINE =
      handle("clessidra_define", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));
  private static final MethodHandle PHILOX =
      handle("clessidra_philox", FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, ADDRESS));
  private static final MethodHandle MATH =
      handle("clessidra_math", FunctionDescriptor.ofVoid(JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG));

  /** The functions of {@code clessidra/math.h}, in the order of their numbers. */
  enum Function {
    EXPONENTIAL,
    LOGARITHM,
    LOGARITHM_OF_ONE_PLUS,
    SIGMOID,
    HYPERBOLIC_TANGENT,
    SOFTPLUS,
    COSINE_OF_TURNS,
    SINE_OF_TURNS,
    COSINE_OF_HALF_TURNS
  }

  private Definitions() {}

  /** Runs the definition of a kernel on host memory. */
  static void define(Kernel kernel, MemorySegment arguments) {
    try {
      int result = (int) DEFINE.invokeExact(kernel.id(), arguments);
      if (result != 0) {
        throw new AssertionError("there is no definition of " + kernel);
      }
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** Returns the four words that Philox 4x32-10 gives for a counter of four words. */
  static int[] philox(int[] counter, long key) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_INT, 4);
      PHILOX.invokeExact(arena.allocateFrom(JAVA_INT, counter), key, result);
      return result.toArray(JAVA_INT);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** Returns a function of {@code clessidra/math.h} at each x. */
  @SuppressWarnings("EnumOrdinal") // the position is the number
  static float[] math(Function function, float[] x) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment y = arena.allocate(4L * x.length, 4);
      MemorySegment operand = arena.allocate(4L * x.length, 4).copyFrom(MemorySegment.ofArray(x));
      MATH.invokeExact(function.ordinal(), operand, y, (long) x.length);
      return y.toArray(JAVA_FLOAT);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  @SuppressWarnings("restricted")
  private static SymbolLookup load() {
    try (InputStream resource = Definitions.class.getResourceAsStream(RESOURCE)) {
      if (resource == null) {
        throw new AssertionError("the class path has no " + RESOURCE);
      }
      Path file = Files.createTempFile("clessidra-definitions", ".so");
      try {
        Files.copy(resource, file, StandardCopyOption.REPLACE_EXISTING);
        return SymbolLookup.libraryLookup(file, Arena.global());
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @SuppressWarnings("restricted")
  private static MethodHandle handle(String function, FunctionDescriptor descriptor) {
    return Linker.nativeLinker().downcallHandle(LIBRARY.findOrThrow(function), descriptor);
  }

  private static Error failure(Throwable thrown) {
    return thrown instanceof Error error ? error : new AssertionError(thrown);
  }
}
