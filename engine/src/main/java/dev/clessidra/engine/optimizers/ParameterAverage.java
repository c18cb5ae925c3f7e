package dev.clessidra.engine.optimizers;

import dev.clessidra.engine.Parameter;
import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.kernels.Scope;

/**
 * An exponential moving average of parameters over the steps (Polyak averaging), often better on
 * test data than the last values. The decay is {@code min(decay, (1 + step) / (10 + step))}, so the
 * start is forgotten soon.
 *
 * <p>Owns its memory until closed. Not safe for use by several threads.
 */
public final class ParameterAverage implements AutoCloseable {
  private final Parameters parameters;
  private final TrainingState state;
  private final double decay;
  private final Scope scope;
  private final Tensor values;
  private final Tensor spare;
  private boolean swapped;

  /**
   * An average that starts at the parameters' values.
   *
   * @param decay what is kept each step, in [0, 1), for example 0.999
   */
  public ParameterAverage(Parameters parameters, TrainingState state, double decay) {
    this.parameters = parameters;
    this.state = state;
    this.decay = Settings.fraction("decay of the average", decay);
    this.scope = parameters.device().scope();
    Shape shape = parameters.values().shape();
    try {
      this.values = Tensor.allocate(parameters.device(), scope, "parameter average", shape);
      this.spare = Tensor.allocate(parameters.device(), scope, "parameters aside", shape);
      restart();
    } catch (RuntimeException e) {
      scope.close();
      throw e;
    }
  }

  /** Takes the parameters' present values into the average; after the optimizer's step. */
  public void update() {
    requireNotSwapped("update");
    parameters
        .device()
        .kernels()
        .average(
            parameters.values().buffer(),
            values.buffer(),
            state.buffer(),
            values.shape().elements(),
            decay);
  }

  /** Starts again at the parameters' present values. */
  public void restart() {
    requireNotSwapped("restart");
    values.copyFrom(parameters.values());
  }

  /**
   * Runs something, for example an evaluation, with the average in place of the parameters, which
   * have their own values again afterwards.
   */
  public void with(Runnable action) {
    requireNotSwapped("with");
    spare.copyFrom(parameters.values());
    parameters.values().copyFrom(values);
    swapped = true;
    try {
      action.run();
    } finally {
      swapped = false;
      parameters.values().copyFrom(spare);
    }
  }

  /** The average, at the same places as {@link Parameters#values}. */
  public Tensor values() {
    return values;
  }

  /**
   * The average of one parameter.
   *
   * @throws IllegalArgumentException when it is not one of {@link #parameters}
   */
  public Tensor of(Parameter parameter) {
    return parameters.sameIn(values, parameter);
  }

  /** The parameters that are averaged. */
  public Parameters parameters() {
    return parameters;
  }

  private void requireNotSwapped(String what) {
    if (swapped) {
      throw new IllegalStateException(
          "average: " + what + " is not possible while the average stands in for the parameters");
    }
  }

  @Override
  public void close() {
    scope.close();
  }
}
