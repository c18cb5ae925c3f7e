package dev.clessidra.kernels;

import java.util.Objects;

/**
 * A learning rate as a function of the step, and the decay rates whose powers Adam needs.
 *
 * @param kind which function
 * @param base the learning rate at the start, or after the warm-up
 * @param floor the last learning rate of {@link ScheduleKind#WARMUP_COSINE}
 * @param factor what {@link ScheduleKind#STEP_DECAY} multiplies with
 * @param warmup steps of the warm-up, 0 or more
 * @param total steps of the whole training, 0 or more
 * @param every steps between two decays, at least 1
 * @param beta1 decay rate of Adam's first moment, 0 where there is none
 * @param beta2 decay rate of Adam's second moment, 0 where there is none
 */
public record Schedule(
    ScheduleKind kind,
    double base,
    double floor,
    double factor,
    long warmup,
    long total,
    long every,
    double beta1,
    double beta2) {

  /**
   * Checks the numbers of steps.
   *
   * @throws IllegalArgumentException if one of them is out of range
   */
  public Schedule {
    Objects.requireNonNull(kind, "kind");
    if (warmup < 0 || total < 0 || every < 1) {
      throw new IllegalArgumentException(
          "Schedule has warmup %d, total %d, every %d: expected 0 or more, 0 or more, 1 or more."
              .formatted(warmup, total, every));
    }
  }

  /** Returns a learning rate that stays. */
  public static Schedule constant(double base) {
    return new Schedule(ScheduleKind.CONSTANT, base, 0, 1, 0, 0, 1, 0, 0);
  }

  /** Returns a learning rate that rises for {@code warmup} steps and falls until {@code total}. */
  public static Schedule warmupCosine(double base, long warmup, long total, double floor) {
    return new Schedule(ScheduleKind.WARMUP_COSINE, base, floor, 1, warmup, total, 1, 0, 0);
  }

  /** Returns a learning rate that is multiplied with {@code factor} every so many steps. */
  public static Schedule stepDecay(double base, long every, double factor) {
    return new Schedule(ScheduleKind.STEP_DECAY, base, 0, factor, 0, 0, every, 0, 0);
  }

  /** Returns this schedule with the decay rates of Adam's moments. */
  public Schedule withBetas(double beta1, double beta2) {
    return new Schedule(kind, base, floor, factor, warmup, total, every, beta1, beta2);
  }
}
