package dev.clessidra.kernels;

import java.util.List;
import java.util.stream.Collectors;

/**
 * What was found when looking for a kind of device.
 *
 * @param device its name, as for {@link Device#open(String)}
 * @param available whether it can be opened
 * @param description what it has, or why it cannot be opened; one line
 */
public record DeviceProbe(String device, boolean available, String description) {
  /** Why a CUDA device cannot be opened. */
  static final String NO_CUDA = "CUDA is not in this version, use cpu";

  /** Looks for every kind of device; never throws. */
  public static List<DeviceProbe> all() {
    return List.of(cpu(), new DeviceProbe("cuda", false, NO_CUDA));
  }

  private static DeviceProbe cpu() {
    try {
      CpuLibrary.load();
      String sets =
          InstructionSet.supportedWith(CpuLibrary.bestInstructionSet()).stream()
              .map(InstructionSet::label)
              .collect(Collectors.joining(", "));
      return new DeviceProbe(
          "cpu",
          true,
          "%d threads by default of %d processors; instruction sets %s"
              .formatted(
                  CpuDevice.threads(DeviceOptions.defaults()),
                  Runtime.getRuntime().availableProcessors(),
                  sets));
    } catch (DeviceException | IllegalArgumentException e) {
      return new DeviceProbe("cpu", false, e.getMessage());
    }
  }
}
