package dev.clessidra.kernels;

import java.util.List;

/** The devices that tests go through. */
public final class TestDevices {
  /** Property with the name of a device to test alone, such as {@code cuda:0}. */
  public static final String PROPERTY_NAME = "clessidra.test.device";

  private TestDevices() {}

  /** Returns their names; the CPU is the last. */
  public static List<String> names() {
    String only = System.getProperty(PROPERTY_NAME);
    return only == null ? List.of("emulated", "cpu") : List.of(only);
  }
}
