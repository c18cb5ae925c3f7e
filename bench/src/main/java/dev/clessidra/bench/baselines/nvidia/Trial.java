package dev.clessidra.bench.baselines.nvidia;

import dev.clessidra.kernels.Device;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.DoubleStream;

/** Finds out which of a library's ways to do one work a device does fastest. */
final class Trial {
  private static final int ATTEMPTS = 3;
  private static final double SECONDS_OF_ATTEMPT = 2e-3;
  private static final int MAXIMUM_LAUNCHES = 64;

  private Trial() {}

  /** A way, and how long the device takes for it. */
  record Timed<T>(T way, double seconds) {}

  /**
   * Returns the fastest way, if any works.
   *
   * @param works launches the work in a way that is the one from then on; false if it is refused
   * @param launch launches the work in the way that was tried last
   */
  static <T> Optional<Timed<T>> fastest(
      Device device, List<T> ways, Predicate<T> works, Runnable launch) {
    List<Timed<T>> timed = new ArrayList<>();
    for (T way : ways) {
      if (works.test(way)) {
        timed.add(new Timed<>(way, seconds(device, launch)));
      }
    }
    return timed.stream().min(Comparator.comparingDouble(Timed::seconds));
  }

  /** The least of several attempts: what else the machine does only adds to one. */
  private static double seconds(Device device, Runnable launch) {
    double once = device.measureTime(launch);
    int launches = (int) Math.clamp(SECONDS_OF_ATTEMPT / once, 1, MAXIMUM_LAUNCHES);
    Runnable attempt =
        () -> {
          for (int i = 0; i < launches; i++) {
            launch.run();
          }
        };
    return DoubleStream.generate(() -> device.measureTime(attempt) / launches)
        .limit(ATTEMPTS)
        .min()
        .orElseThrow();
  }
}
