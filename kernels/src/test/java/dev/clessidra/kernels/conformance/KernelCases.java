package dev.clessidra.kernels.conformance;

import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Kernel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Runs launches of the conformance suite without JUnit, for {@code bench/gpu-check}: {@code one
 * DEVICE} a small one of every kernel, to be watched by a sanitizer; {@code digests DEVICE FILE}
 * writes what every launch gives, to be compared between machines.
 */
public final class KernelCases {
  private KernelCases() {}

  /** Exits with 1 if a kernel does not give the bits of its definition. */
  public static void main(String[] arguments) throws IOException {
    boolean one = arguments.length == 2 && arguments[0].equals("one");
    boolean digests = arguments.length == 3 && arguments[0].equals("digests");
    if (!one && !digests) {
      System.err.println("expected: one DEVICE, or digests DEVICE FILE");
      System.exit(2);
    }
    try (Device device = Device.open(arguments[1])) {
      if (digests) {
        Files.write(Path.of(arguments[2]), digests(device));
      } else if (!oneOfEach(device)) {
        System.exit(1);
      }
    }
  }

  private static boolean oneOfEach(Device device) {
    boolean agree = true;
    for (Kernel kernel : Kernel.values()) {
      Launch launch = small(kernel);
      Optional<String> difference = launch.difference(launch.runUnguarded(device), launch.define());
      System.out.println(kernel.nativeName() + ": " + difference.orElse("equal bits"));
      agree &= difference.isEmpty();
    }
    return agree;
  }

  /** The launch of a kernel with the least memory that changes something. */
  private static Launch small(Kernel kernel) {
    Launch smallest = null;
    for (Launch launch : Launches.of(kernel, Launches.SEED)) {
      if (!launch.isHeavy()
          && (smallest == null || bytes(launch) < bytes(smallest))
          && launch.difference(launch.before(), launch.define()).isPresent()) {
        smallest = launch;
      }
    }
    if (smallest == null) {
      throw new AssertionError("no launch of " + kernel + " changes anything");
    }
    return smallest;
  }

  private static long bytes(Launch launch) {
    return launch.before().stream().mapToLong(image -> image.length).sum();
  }

  private static List<String> digests(Device device) {
    List<String> lines = new ArrayList<>();
    for (Kernel kernel : Kernel.values()) {
      for (Launch launch : Launches.of(kernel, Launches.SEED)) {
        if (!launch.isHeavy()) {
          lines.add(launch.digest(launch.run(device)) + " " + launch);
        }
      }
    }
    return lines;
  }
}
