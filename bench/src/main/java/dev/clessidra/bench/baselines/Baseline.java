package dev.clessidra.bench.baselines;

import dev.clessidra.kernels.Device;
import java.util.Map;

/**
 * A library to compare with. One that {@link java.util.ServiceLoader} finds has a public
 * constructor without parameters, which loads nothing.
 */
public interface Baseline {
  /** The name on the command line and in tables, for example {@code onednn}. */
  String name();

  /**
   * Environment variables that the library has to find when the process starts, to be at its best;
   * where one is not set, {@code bench} starts itself again with it.
   */
  default Map<String, String> environment() {
    return Map.of();
  }

  /**
   * Loads the library's native code and makes it ready to run beside a device.
   *
   * @param device what Clessidra runs on; a library for GPUs shares its context and stream
   * @param threads how many threads the device uses on a CPU, and so the library
   * @throws AbsentException if the library cannot be had here, or is not for such a device
   */
  Library open(Device device, int threads) throws AbsentException;
}
