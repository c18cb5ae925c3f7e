package dev.clessidra.bench.report;

import dev.clessidra.bench.baselines.OtherBuild;
import dev.clessidra.bench.measure.Result;
import dev.clessidra.bench.measure.Timing;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Averages of the ratios of some works.
 *
 * @param group what the works have in common
 */
record GeometricMean(String group, List<Result> results) {
  static List<GeometricMean> byGroup(List<Result> results) {
    Map<String, List<Result>> groups = new LinkedHashMap<>();
    for (Result result : results) {
      groups.computeIfAbsent(result.group(), _ -> new ArrayList<>()).add(result);
    }
    return groups.entrySet().stream()
        .map(entry -> new GeometricMean(entry.getKey(), entry.getValue()))
        .filter(GeometricMean::hasRatios)
        .toList();
  }

  private boolean hasRatios() {
    return results.stream()
        .flatMap(result -> result.timings().stream())
        .anyMatch(timing -> timing.ratio() != null);
  }

  /** The mean of the median ratios to a library, over the works that it has; NaN without one. */
  double ratio(String library) {
    return mean(result ->
        result.timing(library).map(Timing::ratio).map(ratio -> ratio.median()).orElse(Double.NaN));
  }

  /**
   * The mean of the ratios to the library that is fastest at each work in float32, other builds of
   * Clessidra aside; NaN without one.
   */
  double ratioToBest() {
    return mean(result ->
        result.timings().stream()
            .filter(timing -> timing.isFloat32() && timing.ratio() != null)
            .filter(timing -> !timing.library().startsWith(OtherBuild.PREFIX))
            .mapToDouble(timing -> timing.ratio().median())
            .min()
            .orElse(Double.NaN));
  }

  private double mean(ToDoubleFunction<Result> ratio) {
    double[] logarithms =
        results.stream()
            .mapToDouble(ratio)
            .filter(value -> !Double.isNaN(value))
            .map(Math::log)
            .toArray();
    double sum = 0;
    for (double logarithm : logarithms) {
      sum += logarithm;
    }
    return logarithms.length == 0 ? Double.NaN : Math.exp(sum / logarithms.length);
  }
}
