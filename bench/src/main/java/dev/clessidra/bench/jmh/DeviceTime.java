package dev.clessidra.bench.jmh;

import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ScalarResult;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * Adds two figures to JMH's on a GPU: {@code device}, the device's time of an operation, between
 * two events around many; and {@code smallestLaunch}, the time from the launch of a kernel that
 * writes one number to its end. A profiler, since JMH takes no other times than its own from a
 * benchmark.
 */
public final class DeviceTime implements InternalProfiler {
  /** The name of the device's time among JMH's results. */
  public static final String DEVICE = "device";

  /** The name of the smallest launch's time among JMH's results. */
  public static final String SMALLEST_LAUNCH = "smallestLaunch";

  /** Seconds, of the iteration that ends; JMH runs one benchmark at a time in a process. */
  private record Times(double device, double smallestLaunch) {}

  private static volatile Times times;

  static void measured(double device, double smallestLaunch) {
    times = new Times(device, smallestLaunch);
  }

  @Override
  public String getDescription() {
    return "The device's time of an operation on a GPU, and the smallest launch's";
  }

  @Override
  public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
    times = null;
  }

  @Override
  public Collection<? extends Result<?>> afterIteration(
      BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
    Times measured = times;
    return measured == null
        ? List.of()
        : List.of(
            result(DEVICE, measured.device, benchmark.getTimeUnit()),
            result(SMALLEST_LAUNCH, measured.smallestLaunch, benchmark.getTimeUnit()));
  }

  private static ScalarResult result(String name, double seconds, TimeUnit unit) {
    return new ScalarResult(
        name,
        seconds * TimeUnit.SECONDS.toNanos(1) / unit.toNanos(1),
        TimeValue.tuToString(unit) + "/op",
        AggregationPolicy.AVG);
  }
}
