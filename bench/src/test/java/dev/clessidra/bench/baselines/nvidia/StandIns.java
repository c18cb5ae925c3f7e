package dev.clessidra.bench.baselines.nvidia;

import dev.clessidra.kernels.NativeResources;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;

/** Loads what stands in for NVIDIA's libraries, which are found by their names from then on. */
final class StandIns {
  private StandIns() {}

  @SuppressWarnings("restricted")
  static void load(String file) {
    SymbolLookup.libraryLookup(
        NativeResources.unpack("dev/clessidra/native/linux-x86_64/" + file), Arena.global());
  }
}
