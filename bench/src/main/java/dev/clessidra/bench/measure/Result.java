package dev.clessidra.bench.measure;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What was measured of a work.
 *
 * @param work its label
 * @param group whose ratios are averaged together
 * @param operations floating-point operations of a run, 0 if not counted
 * @param bytes of a run, 0 if not counted
 * @param samples of a run, 0 if not counted
 * @param timings of Clessidra, and of the libraries that have such an operation
 * @param failures by library, why there is no timing of it: its result is wrong, or there was an
 *     error
 */
public record Result(
    String work,
    String group,
    double operations,
    double bytes,
    int samples,
    List<Timing> timings,
    Map<String, String> failures) {
  /** Returns the timing of a library. */
  public Optional<Timing> timing(String library) {
    return timings.stream().filter(timing -> timing.library().equals(library)).findFirst();
  }
}
