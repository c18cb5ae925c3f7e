package dev.clessidra.kernels;

import java.lang.System.Logger.Level;
import java.util.ArrayList;
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
  /** Looks for every kind of device; never throws. */
  public static List<DeviceProbe> all() {
    return List.of(cpu(), cuda(), emulated());
  }

  /** Opens a GPU if one works, else the CPU, and logs which and why. */
  static Device openBest(DeviceOptions options) {
    System.Logger logger = System.getLogger(Device.class.getPackageName());
    String reason;
    try {
      Device device = CudaDevice.open("cuda", options);
      logger.log(Level.INFO, "auto: {0}", device.description());
      return device;
    } catch (DeviceException e) {
      reason = e.getMessage();
    }
    Device device = CpuDevice.open(options);
    logger.log(Level.INFO, "auto: {0} ({1})", device.description(), reason);
    return device;
  }

  private static DeviceProbe cuda() {
    try {
      CudaLibrary.load(CudaLibrary.Driver.SYSTEM);
      byte[] kernels = CudaLibrary.kernels(CudaLibrary.Driver.SYSTEM);
      List<String> found = new ArrayList<>();
      for (int i = 0; i < CudaContext.deviceCount(); i++) {
        CudaContext context = CudaContext.open(i, kernels);
        try {
          found.add("cuda:%d is an %s".formatted(i, context.description()));
        } finally {
          context.close();
        }
      }
      return new DeviceProbe(
          "cuda",
          !found.isEmpty(),
          found.isEmpty() ? "The CUDA driver has no GPU" : String.join("; ", found));
    } catch (DeviceException e) {
      return new DeviceProbe("cuda", false, e.getMessage());
    }
  }

  // Not loaded: a process that has the emulated driver cannot use the machine's.
  private static DeviceProbe emulated() {
    if (!CudaLibrary.hasEmulator()) {
      return new DeviceProbe("emulated", false, CudaLibrary.NO_EMULATOR);
    }
    return new DeviceProbe(
        "emulated",
        true,
        CudaLibrary.hasKernels()
            ? "runs the CUDA kernels on the CPU, for tests; checks them against the GPUs' code"
            : "runs the CUDA kernels on the CPU, for tests; the GPUs' code is not in this build");
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
