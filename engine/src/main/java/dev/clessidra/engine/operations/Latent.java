package dev.clessidra.engine.operations;

import dev.clessidra.engine.BackwardContext;
import dev.clessidra.engine.ForwardContext;
import dev.clessidra.engine.GradientTarget;
import dev.clessidra.engine.Operation;
import dev.clessidra.engine.RandomStream;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Kernels;
import java.util.List;

/**
 * What a variational autoencoder needs: its diagonal Gaussian (Kingma and Welling 2014),
 * likelihoods, and a weight that grows.
 */
public final class Latent {
  private Latent() {}

  /**
   * {@code z = mean + exp(logVariance / 2) e} with normally distributed e. The backward draws the
   * same numbers again, so the step must not be advanced before it. Inputs: mean and log variance.
   *
   * @param stream where the numbers come from
   */
  public record Reparameterize(RandomStream stream) implements Operation {
    @Override
    public String name() {
      return "reparameterize";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      check(name(), inputs);
      Tensor mean = inputs.get(0);
      Tensor logVariance = inputs.get(1);
      Tensor z = context.allocate(mean.shape());
      context
          .kernels()
          .reparameterize(
              mean.buffer(),
              logVariance.buffer(),
              z.buffer(),
              stream.step(),
              z.shape().elements(),
              stream.key());
      context.save(logVariance);
      return z;
    }

    @Override
    public void backward(BackwardContext context) {
      Tensor dz = context.outputGradient();
      if (context.needsGradient(1)) {
        GradientTarget target = context.gradient(1);
        context
            .kernels()
            .reparameterizeBackward(
                dz.buffer(),
                context.saved(0).buffer(),
                target.tensor().buffer(),
                stream.step(),
                dz.shape().elements(),
                stream.key(),
                target.beta());
      }
      if (context.needsGradient(0)) {
        context.passGradient(0);
      }
    }
  }

  /**
   * {@code scale} times the sum over all rows of the divergence of {@code N(mean,
   * exp(logVariance))} to {@code N(0, 1)}. Inputs: mean and log variance.
   *
   * @param scale factor of the sum
   */
  public record GaussianKl(float scale) implements Operation {
    @Override
    public String name() {
      return "gaussianKl";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      check(name(), inputs);
      Buffer divergence = context.workspace(inputs.getFirst().shape().rows());
      Tensor loss = context.allocate(Shape.scalar());
      divergences(context, inputs, divergence, loss.buffer(), scale);
      return loss;
    }

    @Override
    public void backward(BackwardContext context) {
      divergenceGradients(context, false, scale);
    }
  }

  /** The divergence of each row. Inputs: mean and log variance. */
  public record GaussianKlRows() implements Operation {
    @Override
    public String name() {
      return "gaussianKlRows";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      check(name(), inputs);
      int rows = Checks.rows(name(), inputs.getFirst().shape());
      Tensor divergence = context.allocate(Shape.of(rows));
      Buffer total = context.workspace(1);
      divergences(context, inputs, divergence.buffer(), total, 1);
      return divergence;
    }

    @Override
    public void backward(BackwardContext context) {
      divergenceGradients(context, true, 1);
    }
  }

  /**
   * Logarithm of the probability of each row of targets under Bernoulli variables. Inputs: logits
   * [..., columns] and targets of the same columns, a constant.
   *
   * @param repeats successive rows of the logits for each row of the targets, at least 1
   */
  public record BernoulliLogLikelihood(int repeats) implements Operation {
    @Override
    public String name() {
      return "bernoulliLogLikelihood";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Checks.count(name(), inputs, 2);
      Tensor logits = inputs.get(0);
      Tensor target = inputs.get(1);
      Checks.constant(name(), "the target", context, 1);
      Checks.repeatedRows(name(), "logits", logits.shape(), "target", target.shape(), repeats);
      Tensor logLikelihood = context.allocate(Shape.of(Checks.rows(name(), logits.shape())));
      context
          .kernels()
          .bernoulliLogLikelihood(
              logits.buffer(),
              target.buffer(),
              logLikelihood.buffer(),
              target.shape().rows(),
              target.shape().columns(),
              repeats);
      context.save(logits);
      context.save(target);
      return logLikelihood;
    }

    @Override
    public void backward(BackwardContext context) {
      Tensor target = context.saved(1);
      GradientTarget dLogits = context.gradient(0);
      context
          .kernels()
          .bernoulliLogLikelihoodBackward(
              context.saved(0).buffer(),
              target.buffer(),
              context.outputGradient().buffer(),
              dLogits.tensor().buffer(),
              target.shape().rows(),
              target.shape().columns(),
              repeats,
              dLogits.beta());
    }
  }

  /**
   * Logarithm of the density of each row under a diagonal Gaussian. Inputs: x, and mean and log
   * variance, which are those of the standard normal distribution where they are left out.
   *
   * @param repeats successive rows of x for each row of mean and log variance, at least 1
   */
  public record GaussianLogDensity(int repeats) implements Operation {
    @Override
    public String name() {
      return "gaussianLogDensity";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      boolean standard = inputs.size() == 1;
      Tensor x = inputs.getFirst();
      Tensor mean = null;
      Tensor logVariance = null;
      context.save(x);
      if (!standard) {
        List<Tensor> gaussian = inputs.subList(1, inputs.size());
        check(name(), gaussian);
        mean = gaussian.get(0);
        logVariance = gaussian.get(1);
        Checks.repeatedRows(name(), "input", x.shape(), "mean", mean.shape(), repeats);
        context.save(mean);
        context.save(logVariance);
      }
      int rows = Checks.rows(name(), x.shape());
      Tensor logDensity = context.allocate(Shape.of(rows));
      context
          .kernels()
          .gaussianLogDensity(
              x.buffer(),
              standard ? null : mean.buffer(),
              standard ? null : logVariance.buffer(),
              logDensity.buffer(),
              rows / repeats,
              x.shape().columns(),
              repeats);
      return logDensity;
    }

    @Override
    public void backward(BackwardContext context) {
      boolean standard = context.inputs() == 1;
      Tensor x = context.saved(0);
      GradientTarget dx = context.needsGradient(0) ? context.gradient(0) : null;
      GradientTarget dMean = !standard && context.needsGradient(1) ? context.gradient(1) : null;
      GradientTarget dLogVariance =
          !standard && context.needsGradient(2) ? context.gradient(2) : null;
      context
          .kernels()
          .gaussianLogDensityBackward(
              x.buffer(),
              standard ? null : context.saved(1).buffer(),
              standard ? null : context.saved(2).buffer(),
              context.outputGradient().buffer(),
              buffer(dx),
              buffer(dMean),
              buffer(dLogVariance),
              x.shape().rows() / repeats,
              x.shape().columns(),
              repeats,
              beta(dx),
              beta(dMean),
              beta(dLogVariance));
    }
  }

  /**
   * {@code min(1, step / steps)}, a scalar; takes no input.
   *
   * @param steps of the warm-up, 0 or more
   * @param step device memory whose first 8 bytes hold the step
   */
  public record LinearWarmup(long steps, Buffer step) implements Operation {
    @Override
    public String name() {
      return "linearWarmup";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Checks.count(name(), inputs, 0);
      if (steps < 0) {
        throw Checks.misfit(name(), "expected 0 steps or more, got " + steps);
      }
      Tensor weight = context.allocate(Shape.scalar());
      context.kernels().linearWarmup(step, weight.buffer(), steps);
      return weight;
    }

    @Override
    public void backward(BackwardContext context) {
      throw new IllegalStateException(name() + " has no input that could need a gradient");
    }
  }

  private static Buffer buffer(GradientTarget target) {
    return target == null ? null : target.tensor().buffer();
  }

  private static float beta(GradientTarget target) {
    return target == null ? 0 : target.beta();
  }

  private static void check(String operation, List<Tensor> inputs) {
    Checks.count(operation, inputs, 2);
    Tensor mean = inputs.get(0);
    Tensor logVariance = inputs.get(1);
    Checks.sameShape(operation, "log variance", logVariance.shape(), "mean", mean.shape());
  }

  private static void divergences(
      ForwardContext context, List<Tensor> inputs, Buffer divergence, Buffer loss, float scale) {
    Tensor mean = inputs.get(0);
    Tensor logVariance = inputs.get(1);
    long rows = mean.shape().rows();
    Buffer workspace = context.workspace(Kernels.gaussianKlWorkspace(rows));
    context
        .kernels()
        .gaussianKl(
            mean.buffer(),
            logVariance.buffer(),
            divergence,
            loss,
            workspace,
            rows,
            mean.shape().columns(),
            scale);
    context.save(mean);
    context.save(logVariance);
  }

  private static void divergenceGradients(BackwardContext context, boolean perRow, float scale) {
    Tensor mean = context.saved(0);
    GradientTarget dMean = context.needsGradient(0) ? context.gradient(0) : null;
    GradientTarget dLogVariance = context.needsGradient(1) ? context.gradient(1) : null;
    context
        .kernels()
        .gaussianKlBackward(
            mean.buffer(),
            context.saved(1).buffer(),
            context.outputGradient().buffer(),
            perRow,
            buffer(dMean),
            buffer(dLogVariance),
            mean.shape().rows(),
            mean.shape().columns(),
            scale,
            beta(dMean),
            beta(dLogVariance));
  }
}
