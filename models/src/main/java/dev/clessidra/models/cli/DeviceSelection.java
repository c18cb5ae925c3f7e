package dev.clessidra.models.cli;

import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceOptions;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options that name what to compute on. */
final class DeviceSelection {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--device",
      paramLabel = "NAME",
      order = HelpSections.DEVICE,
      description =
          "auto (a GPU if one works here, else the CPU), cpu, cuda:0, or emulated, which runs the"
              + " GPU's kernels on the CPU, for tests; see clessidra doctor.")
  private String device;

  @Option(
      names = "--threads",
      paramLabel = "N",
      order = HelpSections.DEVICE + 1,
      description = "Threads of the CPU, unless set one a processor. Results do not depend on it.")
  private Integer threads;

  /** Opens the device. */
  Device open() {
    return open(options());
  }

  /** Opens a device without a log entry, as the commands say themselves which it is. */
  static Device open(DeviceOptions options) {
    Log.LOGGER.setLevel(Level.WARNING);
    return Device.open(options);
  }

  /** Loaded when it is needed; holds the logger, or its level would be forgotten. */
  private static final class Log {
    static final Logger LOGGER = Logger.getLogger("dev.clessidra");
  }

  private DeviceOptions options() {
    if (threads != null && (threads < 1 || threads > DeviceOptions.MAXIMUM_THREADS)) {
      throw new ParameterException(
          command.commandLine(),
          "--threads is %d, expected 1 to %d".formatted(threads, DeviceOptions.MAXIMUM_THREADS));
    }
    try {
      DeviceOptions options = DeviceOptions.defaults();
      options = device == null ? options : options.withDevice(device);
      return threads == null ? options : options.withThreads(threads);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(e.getMessage(), e);
    }
  }
}
