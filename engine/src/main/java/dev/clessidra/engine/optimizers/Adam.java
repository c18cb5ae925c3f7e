package dev.clessidra.engine.optimizers;

import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.kernels.AdamOptions;
import dev.clessidra.kernels.Kernels;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Objects;
import java.util.SequencedMap;

/** Adam (Kingma and Ba 2015), with decoupled weight decay AdamW (Loshchilov and Hutter 2019). */
public final class Adam extends Optimizer {
  private final AdamOptions options;
  private final Tensor firstMoment;
  private final Tensor secondMoment;

  private Adam(Parameters parameters, TrainingState state, Builder builder) {
    super(
        parameters, state, builder.learningRate, builder.beta1, builder.beta2, builder.maximumNorm);
    this.options =
        new AdamOptions(
            builder.beta1, builder.beta2, builder.epsilon, builder.weightDecay, builder.decoupled);
    this.firstMoment = newStateTensor("optimizer.first_moment");
    this.secondMoment = newStateTensor("optimizer.second_moment");
  }

  /** Settings; the learning rate has to be given, the rest has the papers' values. */
  public static final class Builder {
    private final LearningRate learningRate;
    private float beta1 = 0.9f;
    private float beta2 = 0.999f;
    private float epsilon = 1e-8f;
    private float weightDecay;
    private boolean decoupled = true;
    private float maximumNorm = Float.POSITIVE_INFINITY;

    private Builder(LearningRate learningRate) {
      this.learningRate = Objects.requireNonNull(learningRate, "learningRate");
    }

    /** Decay rates of the moments, each in [0, 1); 0.9 and 0.999 unless set. */
    public Builder betas(double first, double second) {
      this.beta1 = Settings.floatFraction("beta1", first);
      this.beta2 = Settings.floatFraction("beta2", second);
      return this;
    }

    /** Added to the root of the second moment, above 0; 1e-8 unless set. */
    public Builder epsilon(double value) {
      this.epsilon = Settings.notNegative("epsilon", value);
      if (epsilon == 0) {
        throw new IllegalArgumentException("optimizer: epsilon must be above 0, got " + value);
      }
      return this;
    }

    /** Decoupled weight decay (AdamW): p loses rate * decay * p each step. */
    public Builder weightDecay(double value) {
      this.weightDecay = Settings.notNegative("weight decay", value);
      this.decoupled = true;
      return this;
    }

    /** Weight decay as part of the gradient, which the moments then scale (plain Adam with L2). */
    public Builder gradientDecay(double value) {
      this.weightDecay = Settings.notNegative("gradient decay", value);
      this.decoupled = false;
      return this;
    }

    /** Scales the gradients down when their joint Euclidean norm is above this. */
    public Builder maximumNorm(double value) {
      this.maximumNorm = (float) value;
      return this;
    }

    /** Makes the optimizer, whose moments start at 0. */
    public Adam build(Parameters parameters, TrainingState state) {
      return new Adam(parameters, state, this);
    }
  }

  /** Starts with the papers' values and no weight decay. */
  public static Builder builder(LearningRate learningRate) {
    return new Builder(learningRate);
  }

  @Override
  void update(Kernels kernels) {
    kernels.adam(
        parameters().values().buffer(),
        parameters().gradients().buffer(),
        firstMoment.buffer(),
        secondMoment.buffer(),
        state().buffer(),
        firstMoment.shape().elements(),
        options);
  }

  @Override
  public SequencedMap<String, Tensor> stateTensors() {
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put(firstMoment.label(), firstMoment);
    tensors.put(secondMoment.label(), secondMoment);
    return Collections.unmodifiableSequencedMap(tensors);
  }
}
