package dev.clessidra.bench.baselines.nvidia;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import jcuda.Pointer;

/** The factors of results, which NVIDIA's libraries read from the host's memory. */
final class Scalars {
  /** For good, since JCuda keeps but an address. */
  static final Pointer ONE = pointer(1);

  static final Pointer ZERO = pointer(0);

  private Scalars() {}

  private static Pointer pointer(float value) {
    return Pointer.to(Arena.global().allocateFrom(ValueLayout.JAVA_FLOAT, value).asByteBuffer());
  }
}
