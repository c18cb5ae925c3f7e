package dev.clessidra.models.training;

import java.util.List;
import java.util.Map;

/**
 * How a training went.
 *
 * @param steps steps done, with those before a resumed training's start
 * @param stopped whether it ended before its last step
 * @param seconds time spent in training steps by this run
 * @param samplesPerSecond over those
 * @param reports in order
 */
public record TrainingResult(
    long steps,
    boolean stopped,
    double seconds,
    double samplesPerSecond,
    List<TrainingProgress.Report> reports) {
  /** Copies the list. */
  public TrainingResult {
    reports = List.copyOf(reports);
  }

  /** The last mean training loss; NaN when there was no step. */
  public double loss() {
    return reports.isEmpty() ? Double.NaN : reports.getLast().loss();
  }

  /** What the last evaluation gave, by name; empty when there was none. */
  public Map<String, Double> evaluation() {
    return reports.reversed().stream()
        .map(TrainingProgress.Report::evaluation)
        .filter(evaluation -> !evaluation.isEmpty())
        .findFirst()
        .orElse(Map.of());
  }
}
