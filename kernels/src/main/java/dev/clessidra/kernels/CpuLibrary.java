package dev.clessidra.kernels;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.List;

/**
 * The functions of {@code clessidra/cpu.h}. Pointers are plain addresses: a call then touches
 * nothing of the Java heap.
 */
final class CpuLibrary {
  /** A launch or run that had too little memory to work with. */
  static final int OUT_OF_MEMORY = -2;

  private static final List<String> FUNCTIONS =
      List.of(
          "clessidra_cpu_layouts",
          "clessidra_cpu_best_instruction_set",
          "clessidra_cpu_open",
          "clessidra_cpu_close",
          "clessidra_cpu_launch",
          "clessidra_cpu_run",
          "clessidra_cpu_allocate",
          "clessidra_cpu_free",
          "clessidra_cpu_trim",
          "clessidra_cpu_measure_peak");

  private static Path path;
  private static SymbolLookup symbols;

  private CpuLibrary() {}

  /**
   * Loads the library; has to come before all else.
   *
   * @return the file that it was loaded from
   * @throws DeviceException if it cannot be loaded, or is of another version
   */
  static synchronized Path load() {
    if (path == null) {
      Path file = NativeLibrary.system("libclessidra_cpu.so").locate();
      SymbolLookup lookup = NativeLibrary.load(file);
      for (String function : FUNCTIONS) {
        if (lookup.find(function).isEmpty()) {
          throw new DeviceException(
              "Native library %s has no function %s: use the library of this version."
                  .formatted(file, function));
        }
      }
      symbols = lookup;
      requireSame(file, layouts(), Kernel.layouts());
      path = file;
    }
    return path;
  }

  /** Refuses a library whose kernels have other arguments: a launch would read past them. */
  static void requireSame(Path file, String found, String expected) {
    if (found.equals(expected)) {
      return;
    }
    List<String> ours = expected.lines().toList();
    List<String> theirs = found.lines().toList();
    int kernel = 0;
    while (kernel < Math.min(ours.size(), theirs.size())
        && ours.get(kernel).equals(theirs.get(kernel))) {
      kernel++;
    }
    throw new DeviceException(
        "Native library %s is of another version: kernel %d is '%s', expected '%s'; use the library of this version."
            .formatted(file, kernel, line(theirs, kernel), line(ours, kernel)));
  }

  private static String line(List<String> lines, int index) {
    return index < lines.size() ? lines.get(index) : "missing";
  }

  private static synchronized SymbolLookup symbols() {
    return symbols;
  }

  /** Made by the first call; constants, so that the compiler sees through them. */
  private static final class Handles {
    // One signature for all, since making the stub of another takes milliseconds; see cpu.h.
    private static final FunctionDescriptor WORDS =
        FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);

    static final MethodHandle LAYOUTS = handle("layouts", WORDS);
    static final MethodHandle BEST = handle("best_instruction_set", WORDS);
    static final MethodHandle OPEN = handle("open", WORDS);
    static final MethodHandle CLOSE = handle("close", WORDS);
    static final MethodHandle LAUNCH = handle("launch", WORDS);
    static final MethodHandle RUN = handle("run", WORDS);
    static final MethodHandle ALLOCATE = handle("allocate", WORDS);
    static final MethodHandle FREE = handle("free", WORDS);
    static final MethodHandle TRIM = handle("trim", WORDS);

    private Handles() {}
  }

  /** Seldom called, and not like the others. */
  private static final class PeakHandle {
    static final MethodHandle MEASURE_PEAK =
        handle("measure_peak", FunctionDescriptor.of(JAVA_DOUBLE, JAVA_LONG, JAVA_LONG));

    private PeakHandle() {}
  }

  @SuppressWarnings("restricted")
  private static MethodHandle handle(String function, FunctionDescriptor descriptor) {
    MemorySegment symbol = symbols().findOrThrow("clessidra_cpu_" + function);
    return Linker.nativeLinker().downcallHandle(symbol, descriptor);
  }

  private static long call(MethodHandle function, long first, long second, long third) {
    try {
      return (long) function.invokeExact(first, second, third);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  @SuppressWarnings("restricted")
  static String layouts() {
    MemorySegment text = MemorySegment.ofAddress(call(Handles.LAYOUTS, 0, 0, 0));
    return text.reinterpret(Long.MAX_VALUE).getString(0);
  }

  static int bestInstructionSet() {
    return (int) call(Handles.BEST, 0, 0, 0);
  }

  static long open(int threads, int instructionSet) {
    return call(Handles.OPEN, threads, instructionSet, 0);
  }

  static void close(long cpu) {
    call(Handles.CLOSE, cpu, 0, 0);
  }

  static int launch(long cpu, int kernel, long arguments) {
    return (int) call(Handles.LAUNCH, cpu, kernel, arguments);
  }

  static int run(long cpu, long commands, long bytes) {
    return (int) call(Handles.RUN, cpu, commands, bytes);
  }

  static long allocate(long bytes) {
    return call(Handles.ALLOCATE, bytes, 0, 0);
  }

  static void free(long memory, long bytes) {
    call(Handles.FREE, memory, bytes, 0);
  }

  static void trim() {
    call(Handles.TRIM, 0, 0, 0);
  }

  static double measurePeak(long cpu, int milliseconds) {
    try {
      return (double) PeakHandle.MEASURE_PEAK.invokeExact(cpu, (long) milliseconds);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** Returns device memory as a segment, for copies; the caller sees to it that it is valid. */
  @SuppressWarnings("restricted")
  static MemorySegment memory(long address, long bytes) {
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  // C functions do not throw: what comes here is an Error of the virtual machine.
  private static Error failure(Throwable thrown) {
    return thrown instanceof Error error ? error : new AssertionError(thrown);
  }
}
