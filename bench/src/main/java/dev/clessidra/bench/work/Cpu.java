package dev.clessidra.bench.work;

/** Tells the CPU from GPUs, emulated ones among them. */
public final class Cpu {
  private static final String NAME = "cpu";

  private Cpu() {}

  /** Returns whether this is the name, or the description, of the CPU as a device. */
  public static boolean is(String device) {
    return device.equals(NAME) || device.startsWith(NAME + ":");
  }
}
