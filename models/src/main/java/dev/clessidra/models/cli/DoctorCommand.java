package dev.clessidra.models.cli;

import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceException;
import dev.clessidra.kernels.DeviceOptions;
import dev.clessidra.kernels.DeviceProbe;
import dev.clessidra.kernels.Installation;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code doctor}. */
@Command(
    name = "doctor",
    abbreviateSynopsis = true,
    header = "Say what this machine offers and why something does not work.",
    footer = {
      "%nExamples:",
      "  clessidra doctor",
      "  clessidra doctor --measure      also how fast the processor can be at best"
    })
final class DoctorCommand implements Callable<Integer> {
  private static final List<String> SETTINGS =
      List.of(
          DeviceOptions.DEVICE_PROPERTY_NAME,
          DeviceOptions.THREADS_PROPERTY_NAME,
          DeviceOptions.INSTRUCTION_SET_PROPERTY_NAME,
          DeviceOptions.MEMORY_LIMIT_PROPERTY_NAME,
          DeviceOptions.DEBUG_PROPERTY_NAME,
          Installation.NATIVE_FOLDER_PROPERTY_NAME,
          Installation.NATIVE_LIBRARY_PROPERTY_NAME);
  private static final Duration MEASURING = Duration.ofMillis(500);

  @Spec private CommandSpec spec;

  @Option(
      names = "--measure",
      order = HelpSections.DEVICE,
      description = "Measure the most fused multiply-adds a second, which takes some seconds.")
  private boolean measure;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    Installation installation = Installation.current();
    line(out, "", "clessidra", installation.version() + " on " + installation.platform());
    line(out, "", "java", Runtime.version() + ", " + System.getProperty("java.vendor"));
    line(
        out,
        "",
        "memory",
        Words.format("%d MiB for the Java heap", Runtime.getRuntime().maxMemory() >> 20));
    line(out, "", "native library", installation.nativeLibrary());
    for (String name : SETTINGS) {
      line(out, "", name, setting(name));
    }
    boolean works = false;
    for (DeviceProbe probe : DeviceProbe.all()) {
      works |= probe.available();
      line(out, probe.available() ? "ok" : "no", probe.device(), probe.description());
    }
    works = works && opens(out);
    out.flush();
    return works ? ExitCode.OK : ExitCode.FAILURE;
  }

  private static String setting(String name) {
    String variable = name.replace('.', '_').toUpperCase(Locale.ROOT);
    String property = System.getProperty(name);
    String environment = System.getenv(variable);
    if (property != null) {
      return property + " (property)";
    }
    return environment == null
        ? "default; set it by the variable %s".formatted(variable)
        : environment + " (" + variable + ")";
  }

  /** Opens the device that is opened unless one is named. */
  private boolean opens(PrintWriter out) {
    DeviceOptions options;
    try {
      options = DeviceOptions.defaults();
    } catch (IllegalArgumentException e) {
      line(out, "no", "settings", e.getMessage());
      return false;
    }
    try {
      peak(out, options);
      return true;
    } catch (DeviceException | IllegalArgumentException e) {
      line(out, "no", options.device(), e.getMessage());
      return false;
    }
  }

  private void peak(PrintWriter out, DeviceOptions options) {
    try (Device device = DeviceSelection.open(options)) {
      line(out, "ok", options.device(), "opens " + device.description());
      if (!measure) {
        return;
      }
      out.flush();
      line(out, "ok", "peak", gigaflops(device) + " with all of these threads");
    }
    try (Device device = DeviceSelection.open(options.withThreads(1))) {
      line(out, "ok", "peak", gigaflops(device) + " with one thread");
    }
  }

  private static String gigaflops(Device device) {
    return Words.format("%.0f GFLOP/s", device.measurePeak(MEASURING) * 1e-9);
  }

  private static void line(PrintWriter out, String state, String what, String found) {
    out.println(Words.format("%-3s %-24s %s", state, what, found));
  }
}
