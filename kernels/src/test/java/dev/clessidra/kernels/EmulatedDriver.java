package dev.clessidra.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** What the emulated driver can do that no other driver can; it has to be loaded. */
public final class EmulatedDriver {
  /** Legal orders of the threads and blocks of a grid, by their numbers. */
  public enum Order {
    RANDOM,
    FORWARD,
    REVERSE,
    LAST_BLOCK_FIRST,
    ONE_WARP_AHEAD
  }

  private EmulatedDriver() {}

  /** Sets the order for the grids that run from now on. */
  @SuppressWarnings("EnumOrdinal") // the position is the number
  public static void setOrder(Order order) {
    try {
      handle("set_order", FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT))
          .invokeExact(order.ordinal());
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** Makes it work again after a fault. */
  public static void reset() {
    try {
      handle("reset", FunctionDescriptor.ofVoid()).invokeExact();
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  @SuppressWarnings("restricted")
  private static MethodHandle handle(String function, FunctionDescriptor descriptor) {
    return Linker.nativeLinker()
        .downcallHandle(
            SymbolLookup.libraryLookup("libcuda.so.1", Arena.global())
                .findOrThrow("clessidra_emulator_" + function),
            descriptor);
  }
}
