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
      description = "auto (the best that works here) or cpu; see clessidra doctor.")
  private String device;

  @Option(
      names = "--threads",
      paramLabel = "N",
      order = HelpSections.DEVICE + 1,
      description = "Threads of the CPU, unless set one a processor. Results do not depend on it.")
  private Integer threads;

  // A field, as the logging keeps only loggers that someone holds.
  private Logger logger;

  /** Opens the device. */
  Device open() {
    // The device is said by the commands themselves.
    logger = Logger.getLogger("dev.clessidra");
    logger.setLevel(Level.WARNING);
    return Device.open(options());
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
