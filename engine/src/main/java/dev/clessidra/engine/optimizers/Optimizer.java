package dev.clessidra.engine.optimizers;

import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Kernels;
import dev.clessidra.kernels.Schedule;
import dev.clessidra.kernels.Scope;
import java.util.SequencedMap;
import java.util.function.Supplier;

/**
 * Updates parameters from their gradients, one kernel for all. A step is
 *
 * <pre>{@code
 * tape.backward(loss);
 * optimizer.step();
 * state.advance();
 * }</pre>
 *
 * <p>and may be captured, from the first backward computation of a step to its end; gradients that
 * no step has used are to be forgotten before ({@link Parameters#forgetGradients}), or each replay
 * adds to them. Owns its state's memory until closed; parameters and training state belong to the
 * caller. Not safe for use by several threads.
 */
public abstract sealed class Optimizer implements AutoCloseable permits Sgd, Adam {
  private final Parameters parameters;
  private final TrainingState state;
  private final LearningRate learningRate;
  private final Schedule schedule;
  private final float maximumNorm;
  private final Scope scope;
  private final Buffer workspace;

  /**
   * What all optimizers need.
   *
   * @param beta1 factor of the state's first power at each step
   * @param beta2 factor of the state's second power at each step
   * @param maximumNorm the gradients' largest norm; infinity for no clipping
   */
  Optimizer(
      Parameters parameters,
      TrainingState state,
      LearningRate learningRate,
      float beta1,
      float beta2,
      float maximumNorm) {
    if (parameters.device() != state.device()) {
      throw new IllegalArgumentException(
          "optimizer: the parameters and the training state are on different devices");
    }
    if (!(maximumNorm > 0)) {
      throw new IllegalArgumentException(
          "optimizer: the gradients' maximum norm must be above 0, got " + maximumNorm);
    }
    this.parameters = parameters;
    this.state = state;
    this.learningRate = learningRate;
    this.schedule = learningRate.schedule().withBetas(beta1, beta2);
    this.maximumNorm = maximumNorm;
    this.scope = parameters.device().scope();
    long count = parameters.gradients().shape().elements();
    long bytes = isClipping() ? Kernels.clipNormWorkspace(count) * Float.BYTES : 0;
    this.workspace = ownOrClose(() -> scope.allocate("gradient norm workspace", bytes));
  }

  /**
   * Sets the learning rate of the state's step, clips the gradients if asked to, and updates all
   * parameters. Gradients that nothing was added to count as 0; afterwards all gradients count as
   * not written. Does not advance the state's step.
   */
  public final void step() {
    Kernels kernels = device().kernels();
    parameters.completeGradients();
    kernels.schedule(state.buffer(), schedule);
    if (isClipping()) {
      Tensor gradients = parameters.gradients();
      kernels.clipNorm(
          gradients.buffer(), state.buffer(), workspace, gradients.shape().elements(), maximumNorm);
    }
    update(kernels);
    parameters.forgetGradients();
  }

  /** Launches the update. */
  abstract void update(Kernels kernels);

  /**
   * What the optimizer remembers from step to step by name, for model files: vectors as long as
   * {@link Parameters#gradients}.
   */
  public abstract SequencedMap<String, Tensor> stateTensors();

  /** The parameters that are updated. */
  public final Parameters parameters() {
    return parameters;
  }

  /** The state that gives the step and receives learning rate, norm and powers. */
  public final TrainingState state() {
    return state;
  }

  /** The schedule. */
  public final LearningRate learningRate() {
    return learningRate;
  }

  private boolean isClipping() {
    return maximumNorm < Float.POSITIVE_INFINITY;
  }

  final Device device() {
    return parameters.device();
  }

  /** A vector of zeros as long as all gradients. */
  final Tensor newStateTensor(String name) {
    return ownOrClose(
        () -> Tensor.filled(device(), scope, name, parameters.gradients().shape(), 0));
  }

  /** Memory of the optimizer; where there is too little, what it has already is given back. */
  private <T> T ownOrClose(Supplier<T> memory) {
    try {
      return memory.get();
    } catch (RuntimeException e) {
      scope.close();
      throw e;
    }
  }

  /** Releases the optimizer's own memory. */
  @Override
  public final void close() {
    scope.close();
  }
}
