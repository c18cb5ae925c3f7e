package dev.clessidra.bench.baselines.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** GCC's OpenMP library, on whose threads oneDNN and libtorch work. */
public final class OpenMp {
  private OpenMp() {}

  /**
   * Sets on how many threads a library works that is called from this thread.
   *
   * @param library the file of a loaded library that uses OpenMP
   */
  public static void setThreads(Path library, int threads) {
    call(library, "omp_set_num_threads", threads);
  }

  /**
   * Calls a function that takes a number and returns nothing.
   *
   * @param library the file of a loaded library; the function may be in one that it depends on
   */
  @SuppressWarnings("restricted")
  public static void call(Path library, String function, int value) {
    MemorySegment address =
        SymbolLookup.libraryLookup(library, Arena.global()).findOrThrow(function);
    MethodHandle handle =
        Linker.nativeLinker().downcallHandle(address, FunctionDescriptor.ofVoid(JAVA_INT));
    try {
      handle.invokeExact(value);
    } catch (Throwable e) {
      throw new LinkageError("Function %s of %s failed.".formatted(function, library), e);
    }
  }
}
