package dev.clessidra.engine.optimizers;

import dev.clessidra.kernels.Schedule;

/**
 * A learning rate as a function of the training step. The value used in training is computed on the
 * device from the step in device memory, so a captured program follows the schedule; {@link #at} is
 * the same formula on the host, for display (it may differ in the last bit).
 *
 * <p>All schedules are immutable and safe for use by several threads.
 */
public sealed interface LearningRate {

  /**
   * The learning rate of a step.
   *
   * @param step number of optimizer steps done so far, 0 for the first
   * @throws IllegalArgumentException when {@code step} is negative
   */
  float at(long step);

  /** The schedule as the kernel takes it. */
  Schedule schedule();

  /** The same rate at every step. */
  static LearningRate constant(double rate) {
    return new Constant(rate);
  }

  /**
   * Linear warm-up from {@code base / warmup} to {@code base}, then half a cosine down to {@code
   * floor} at step {@code total} (Loshchilov and Hutter 2017, without restarts).
   *
   * @param base the highest rate
   * @param warmup steps of warm-up, may be 0
   * @param total steps after which the rate stays at {@code floor}
   * @param floor the lowest rate, in [0, base]
   */
  static LearningRate warmupCosine(double base, long warmup, long total, double floor) {
    return new WarmupCosine(base, warmup, total, floor);
  }

  /** {@code base * factor ^ floor(step / every)}. */
  static LearningRate stepDecay(double base, long every, double factor) {
    return new StepDecay(base, every, factor);
  }

  /** See {@link LearningRate#constant}. */
  record Constant(double rate) implements LearningRate {
    public Constant {
      requireRate("rate", rate);
    }

    @Override
    public float at(long step) {
      requireStep(step);
      return (float) rate;
    }

    @Override
    public Schedule schedule() {
      return Schedule.constant(rate);
    }
  }

  /** See {@link LearningRate#warmupCosine}. */
  record WarmupCosine(double base, long warmup, long total, double floor) implements LearningRate {
    public WarmupCosine {
      requireRate("base", base);
      requireRate("floor", floor);
      if (floor > base) {
        throw new IllegalArgumentException(
            "warmupCosine: floor " + floor + " is above base " + base);
      }
      if (warmup < 0 || total < warmup) {
        throw new IllegalArgumentException(
            "warmupCosine: expected 0 <= warmup <= total, got warmup "
                + warmup
                + " and total "
                + total);
      }
    }

    @Override
    public float at(long step) {
      requireStep(step);
      if (step < warmup) {
        return (float) (base * (step + 1) / warmup);
      }
      double t = Math.min(1, (double) (step - warmup) / Math.max(1, total - warmup));
      return (float) (floor + (base - floor) * (1 + Math.cos(Math.PI * t)) / 2);
    }

    @Override
    public Schedule schedule() {
      return Schedule.warmupCosine(base, warmup, total, floor);
    }
  }

  /** See {@link LearningRate#stepDecay}. */
  record StepDecay(double base, long every, double factor) implements LearningRate {
    public StepDecay {
      requireRate("base", base);
      if (every < 1) {
        throw new IllegalArgumentException(
            "stepDecay: every must be at least 1 step, got " + every);
      }
      if (!(factor >= 0 && factor <= 1)) {
        throw new IllegalArgumentException("stepDecay: factor must be in [0, 1], got " + factor);
      }
    }

    @Override
    public float at(long step) {
      requireStep(step);
      long decays = step / every;
      return (float) (base * Math.pow(factor, (double) decays));
    }

    @Override
    public Schedule schedule() {
      return Schedule.stepDecay(base, every, factor);
    }
  }

  private static void requireRate(String name, double value) {
    if (!(value >= 0 && value <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException(
          "learning rate: " + name + " must be finite and not negative as a float, got " + value);
    }
  }

  private static void requireStep(long step) {
    if (step < 0) {
      throw new IllegalArgumentException("learning rate: step must not be negative, got " + step);
    }
  }
}
