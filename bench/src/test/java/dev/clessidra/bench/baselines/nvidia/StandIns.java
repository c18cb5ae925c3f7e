package dev.clessidra.bench.baselines.nvidia;

import dev.clessidra.kernels.NativeResources;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Loads what stands in for NVIDIA's libraries, which are found by their names from then on. */
final class StandIns {
  private StandIns() {}

  @SuppressWarnings("restricted")
  static SymbolLookup load(String file) {
    return SymbolLookup.libraryLookup(
        NativeResources.unpack("dev/clessidra/native/linux-x86_64/" + file), Arena.global());
  }

  /** Returns a function {@code int name()}. */
  @SuppressWarnings("restricted")
  static MethodHandle counter(SymbolLookup library, String name) {
    return Linker.nativeLinker()
        .downcallHandle(library.findOrThrow(name), FunctionDescriptor.of(ValueLayout.JAVA_INT));
  }
}
