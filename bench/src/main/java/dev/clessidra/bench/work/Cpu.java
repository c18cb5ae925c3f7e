package dev.clessidra.bench.work;

import dev.clessidra.kernels.DeviceOptions;

/** Tells the CPU from GPUs, emulated ones among them, and how many threads it has. */
public final class Cpu {
  private static final String NAME = "cpu";

  private Cpu() {}

  /** Returns whether this is the name, or the description, of the CPU as a device. */
  public static boolean is(String device) {
    return device.equals(NAME) || device.startsWith(NAME + ":");
  }

  /** Returns how many threads the CPU works on with such options. */
  public static int threads(DeviceOptions options) {
    return options.threads() == 0 ? Runtime.getRuntime().availableProcessors() : options.threads();
  }
}
