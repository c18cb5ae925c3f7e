package dev.clessidra.engine.operations;

import dev.clessidra.engine.BackwardContext;
import dev.clessidra.engine.ForwardContext;
import dev.clessidra.engine.GradientTarget;
import dev.clessidra.engine.Operation;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Normalization;
import java.util.List;

/** Operations that give activations a mean of 0 and a variance of 1, then scale and shift them. */
public final class Normalizations {
  private Normalizations() {}

  /**
   * Batch normalisation (Ioffe and Szegedy 2015), followed by an activation. Inputs: x, scale,
   * shift, running mean and running variance, each [columns]; the last two are constants for the
   * gradient. In training they are brought nearer to the batch's statistics, else they are used.
   *
   * @param training whether the batch's statistics normalise
   * @param momentum the weight of the batch in the running statistics, in [0, 1]
   * @param epsilon added to the variance
   * @param activation applied to each element
   */
  public record BatchNorm(boolean training, float momentum, float epsilon, Activation activation)
      implements Operation {
    @Override
    public String name() {
      return "batchNorm";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Checks.count(name(), inputs, 5);
      Tensor x = inputs.get(0);
      checkColumns(name(), inputs, List.of("scale", "shift", "running mean", "running variance"));
      Checks.constant(name(), "the running mean", context, 3);
      Checks.constant(name(), "the running variance", context, 4);
      Tensor mean = inputs.get(3);
      Tensor variance = inputs.get(4);
      Normalization normalization = normalization(x.shape());
      if (training) {
        Shape columns = Shape.of(x.shape().columns());
        mean = context.allocate(columns);
        variance = context.allocate(columns);
        context
            .kernels()
            .normalizeStatistics(
                normalization,
                x.buffer(),
                mean.buffer(),
                variance.buffer(),
                inputs.get(3).buffer(),
                inputs.get(4).buffer(),
                context.workspace(normalization.statisticsWorkspace()),
                momentum);
      }
      return normalize(context, normalization, inputs, mean, variance, activation);
    }

    @Override
    public void backward(BackwardContext context) {
      normalizeBackward(context, normalization(context.inputShape(0)), activation, training);
    }

    private Normalization normalization(Shape shape) {
      return Normalization.batch(shape.rows(), shape.columns(), epsilon);
    }
  }

  /**
   * Group normalisation (Wu and He 2018), followed by an activation: of each image, each group of
   * channels. Inputs: x [n, ..., channels], scale and shift, each [channels]. One group is layer
   * normalisation, as many groups as channels is instance normalisation.
   *
   * @param groups of channels, a divisor of their number
   * @param epsilon added to the variance
   * @param activation applied to each element
   */
  public record GroupNorm(int groups, float epsilon, Activation activation) implements Operation {
    @Override
    public String name() {
      return "groupNorm";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Checks.count(name(), inputs, 3);
      Tensor x = inputs.get(0);
      checkColumns(name(), inputs, List.of("scale", "shift"));
      if (groups < 1 || x.shape().columns() % groups != 0) {
        throw Checks.misfit(
            name(),
            "%d groups do not fit input %s: expected a divisor of its %d channels"
                .formatted(groups, x.shape(), x.shape().columns()));
      }
      Normalization normalization = normalization(x.shape());
      Shape statistics = Shape.of(x.shape().dim(0), groups);
      Tensor mean = context.allocate(statistics);
      Tensor variance = context.allocate(statistics);
      context
          .kernels()
          .normalizeStatistics(
              normalization,
              x.buffer(),
              mean.buffer(),
              variance.buffer(),
              null,
              null,
              context.workspace(normalization.statisticsWorkspace()),
              0);
      return normalize(context, normalization, inputs, mean, variance, activation);
    }

    @Override
    public void backward(BackwardContext context) {
      normalizeBackward(context, normalization(context.inputShape(0)), activation, true);
    }

    private Normalization normalization(Shape shape) {
      long pixels = shape.dim(0) == 0 ? 0 : shape.rows() / shape.dim(0);
      return new Normalization(shape.dim(0), pixels, shape.columns(), groups, epsilon);
    }
  }

  /** Checks x, and that the inputs after it are rows of its columns. */
  private static void checkColumns(String operation, List<Tensor> inputs, List<String> roles) {
    Tensor x = inputs.getFirst();
    if (x.shape().rank() < 2 || x.shape().columns() < 1) {
      throw Checks.misfit(
          operation, "input " + x.shape() + " does not fit: expected [n, ..., channels]");
    }
    Shape columns = Shape.of(x.shape().columns());
    for (int i = 0; i < roles.size(); i++) {
      Tensor row = inputs.get(i + 1);
      Checks.sameShape(operation, roles.get(i), row.shape(), "the channels", columns);
    }
  }

  private static Tensor normalize(
      ForwardContext context,
      Normalization normalization,
      List<Tensor> inputs,
      Tensor mean,
      Tensor variance,
      Activation activation) {
    Tensor x = inputs.get(0);
    Tensor scale = inputs.get(1);
    Tensor shift = inputs.get(2);
    Tensor y = context.allocate(x.shape());
    context
        .kernels()
        .normalize(
            normalization,
            x.buffer(),
            mean.buffer(),
            variance.buffer(),
            scale.buffer(),
            shift.buffer(),
            y.buffer(),
            activation);
    context.save(x);
    context.save(scale);
    context.save(shift);
    context.save(mean);
    context.save(variance);
    return y;
  }

  /** The gradients of x, scale and shift; without `dependent`, mean and variance are constants. */
  private static void normalizeBackward(
      BackwardContext context,
      Normalization normalization,
      Activation activation,
      boolean dependent) {
    Tensor x = context.saved(0);
    Tensor scale = context.saved(1);
    Tensor shift = context.saved(2);
    Tensor mean = context.saved(3);
    Tensor variance = context.saved(4);
    Tensor dy = context.outputGradient();
    GradientTarget dScale = context.needsGradient(1) ? context.gradient(1) : null;
    GradientTarget dShift = context.needsGradient(2) ? context.gradient(2) : null;
    long statistics = 2 * normalization.statistics();
    Buffer sums = context.workspace(statistics);
    context
        .kernels()
        .normalizeBackwardStatistics(
            normalization,
            x.buffer(),
            dy.buffer(),
            mean.buffer(),
            variance.buffer(),
            scale.buffer(),
            shift.buffer(),
            dScale == null ? null : dScale.tensor().buffer(),
            dShift == null ? null : dShift.tensor().buffer(),
            sums,
            context.workspace(normalization.backwardWorkspace()),
            activation,
            dScale == null ? 0 : dScale.beta(),
            dShift == null ? 0 : dShift.beta());
    if (context.needsGradient(0)) {
      if (!dependent) {
        context.kernels().fill(sums, statistics, 0);
      }
      GradientTarget dx = context.gradient(0);
      context
          .kernels()
          .normalizeBackward(
              normalization,
              x.buffer(),
              dy.buffer(),
              mean.buffer(),
              variance.buffer(),
              scale.buffer(),
              shift.buffer(),
              sums,
              dx.tensor().buffer(),
              activation,
              dx.beta());
    }
  }
}
