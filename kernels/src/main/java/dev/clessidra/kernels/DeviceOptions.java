package dev.clessidra.kernels;

import java.util.Objects;

/**
 * What a device is opened with. Each option has a system property and an environment variable,
 * named alike: {@code clessidra.threads} and {@code CLESSIDRA_THREADS}; the property goes first.
 *
 * @param device {@code auto}, {@code cpu}, {@code cuda:N} or {@code emulated}
 * @param threads how many threads run a CPU's kernels, the launching one included; 0 for one a
 *     processor
 * @param instructionSet what a CPU's kernels are compiled for: {@code auto}, {@code portable},
 *     {@code avx2} or {@code avx512}. Results are the same bits with each.
 * @param memoryLimit the most bytes of device memory to reserve, which is done in multiples of 2
 *     MiB, for buffers of up to 1 MiB apart from larger ones; {@link Long#MAX_VALUE} for what there
 *     is: a CPU leaves a sixteenth of the machine's memory, or the container's, to others. It does
 *     not count what {@link MemoryStatistics} does not.
 * @param debug whether buffers remember where they were made and closed, new ones are filled with
 *     NaN, and each has memory of its own of just its size, in which sanitizers and the emulated
 *     GPU see who reads beyond it; slow
 */
public record DeviceOptions(
    String device, int threads, String instructionSet, long memoryLimit, boolean debug) {
  /** Property with the name of the device; {@value}. Default {@code auto}. */
  public static final String DEVICE_PROPERTY_NAME = "clessidra.device";

  /** Property with the number of threads; {@value}. Default 0, one a processor. */
  public static final String THREADS_PROPERTY_NAME = "clessidra.threads";

  /** Property with the instruction set; {@value}. Default {@code auto}. */
  public static final String INSTRUCTION_SET_PROPERTY_NAME = "clessidra.instructionset";

  /**
   * Property with the memory limit in bytes, or with K, M or G; {@value}. Default: all there is.
   */
  public static final String MEMORY_LIMIT_PROPERTY_NAME = "clessidra.memory.limit";

  /** Property that turns debugging on with {@code true}; {@value}. Default {@code false}. */
  public static final String DEBUG_PROPERTY_NAME = "clessidra.debug";

  /** The most threads that can be asked for. */
  public static final int MAXIMUM_THREADS = 1024;

  /**
   * Checks the numbers; the names are checked when a device is opened.
   *
   * @throws IllegalArgumentException if one is out of range
   */
  public DeviceOptions {
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(instructionSet, "instructionSet");
    if (threads < 0 || threads > MAXIMUM_THREADS) {
      throw new IllegalArgumentException(
          "Number of threads is %d: expected 1 to %d, or 0 for one a processor."
              .formatted(threads, MAXIMUM_THREADS));
    }
    if (memoryLimit < 1) {
      throw new IllegalArgumentException(
          "Memory limit is %d bytes: expected more than 0.".formatted(memoryLimit));
    }
  }

  /**
   * Returns the options that the properties and the environment set.
   *
   * @throws IllegalArgumentException if one of them cannot be understood
   */
  public static DeviceOptions defaults() {
    return from(Settings.SYSTEM);
  }

  static DeviceOptions from(Settings settings) {
    return new DeviceOptions(
        settings.get(DEVICE_PROPERTY_NAME).orElse("auto"),
        settings.integer(THREADS_PROPERTY_NAME, 0, MAXIMUM_THREADS),
        settings.get(INSTRUCTION_SET_PROPERTY_NAME).orElse("auto"),
        settings.bytes(MEMORY_LIMIT_PROPERTY_NAME, Long.MAX_VALUE),
        settings.flag(DEBUG_PROPERTY_NAME));
  }

  /** Returns these options with another device. */
  public DeviceOptions withDevice(String device) {
    return new DeviceOptions(device, threads, instructionSet, memoryLimit, debug);
  }

  /** Returns these options with another number of threads. */
  public DeviceOptions withThreads(int threads) {
    return new DeviceOptions(device, threads, instructionSet, memoryLimit, debug);
  }

  /** Returns these options with another instruction set. */
  public DeviceOptions withInstructionSet(String instructionSet) {
    return new DeviceOptions(device, threads, instructionSet, memoryLimit, debug);
  }

  /** Returns these options with another memory limit. */
  public DeviceOptions withMemoryLimit(long memoryLimit) {
    return new DeviceOptions(device, threads, instructionSet, memoryLimit, debug);
  }

  /** Returns these options with debugging on or off. */
  public DeviceOptions withDebug(boolean debug) {
    return new DeviceOptions(device, threads, instructionSet, memoryLimit, debug);
  }
}
