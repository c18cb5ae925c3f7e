package dev.clessidra.engine.optimizers;

import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.kernels.Kernels;
import dev.clessidra.kernels.SgdOptions;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Objects;
import java.util.SequencedMap;

/**
 * Stochastic gradient descent with momentum (velocity v = momentum v + g, then p = p - rate v), or
 * Nesterov's form as Sutskever et al. 2013 write it (p = p - rate (momentum v + g)).
 */
public final class Sgd extends Optimizer {
  private final SgdOptions options;
  private final Tensor velocity;

  private Sgd(Parameters parameters, TrainingState state, Builder builder) {
    super(parameters, state, builder.learningRate, 1, 1, builder.maximumNorm);
    this.options = new SgdOptions(builder.momentum, builder.weightDecay, builder.nesterov);
    this.velocity = newStateTensor("optimizer.velocity");
  }

  /** Settings; the learning rate has to be given, the rest is off unless set. */
  public static final class Builder {
    private final LearningRate learningRate;
    private float momentum;
    private float weightDecay;
    private boolean nesterov;
    private float maximumNorm = Float.POSITIVE_INFINITY;

    private Builder(LearningRate learningRate) {
      this.learningRate = Objects.requireNonNull(learningRate, "learningRate");
    }

    /** What is kept of the velocity each step, in [0, 1). */
    public Builder momentum(double value) {
      this.momentum = Settings.floatFraction("momentum", value);
      return this;
    }

    /** Nesterov's form of the momentum. */
    public Builder nesterov(boolean value) {
      this.nesterov = value;
      return this;
    }

    /** Added to each gradient, times the parameter. */
    public Builder weightDecay(double value) {
      this.weightDecay = Settings.notNegative("weight decay", value);
      return this;
    }

    /** Scales the gradients down when their joint Euclidean norm is above this. */
    public Builder maximumNorm(double value) {
      this.maximumNorm = (float) value;
      return this;
    }

    /** Makes the optimizer, whose velocity starts at 0. */
    public Sgd build(Parameters parameters, TrainingState state) {
      return new Sgd(parameters, state, this);
    }
  }

  /** Starts with plain gradient descent. */
  public static Builder builder(LearningRate learningRate) {
    return new Builder(learningRate);
  }

  @Override
  void update(Kernels kernels) {
    kernels.sgd(
        parameters().values().buffer(),
        parameters().gradients().buffer(),
        velocity.buffer(),
        state().buffer(),
        velocity.shape().elements(),
        options);
  }

  @Override
  public SequencedMap<String, Tensor> stateTensors() {
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put(velocity.label(), velocity);
    return Collections.unmodifiableSequencedMap(tensors);
  }
}
