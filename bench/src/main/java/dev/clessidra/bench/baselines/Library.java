package dev.clessidra.bench.baselines;

import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.Work;
import java.util.Optional;

/** A library that is loaded and can be timed. Belongs to one thread. */
public interface Library extends AutoCloseable {
  /** The name of its {@link Baseline}. */
  String name();

  /** The library's version, and what of its settings matters, in one line. */
  String version();

  /**
   * What it multiplies with: float32 alone has a share of the machine's limits, and can be best.
   */
  default Arithmetic arithmetic() {
    return Arithmetic.FLOAT32;
  }

  /**
   * Prepares a work with the library's best algorithm, found here and not while it is timed. Called
   * several times for one work, it gives implementations with memory of their own.
   *
   * @param inputs what the work's {@link Work#inputs} made
   * @return nothing if the library has no such operation
   */
  Optional<Implementation> prepare(Work work, Inputs inputs);

  @Override
  void close();
}
