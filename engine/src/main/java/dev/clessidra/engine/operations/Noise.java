package dev.clessidra.engine.operations;

import dev.clessidra.engine.BackwardContext;
import dev.clessidra.engine.ForwardContext;
import dev.clessidra.engine.GradientTarget;
import dev.clessidra.engine.Operation;
import dev.clessidra.engine.RandomStream;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Distribution;
import java.util.List;

/** Random numbers. They depend on the step, which must not be advanced before the backward. */
public final class Noise {
  private Noise() {}

  /**
   * Sets elements to 0 with a probability and scales the others. The backward draws the same
   * numbers again instead of keeping a mask.
   *
   * @param name in messages
   * @param probability of 0, in [0, 1]
   * @param scale factor of what is kept
   * @param stream where the numbers come from
   */
  public record Mask(String name, float probability, float scale, RandomStream stream)
      implements Operation {
    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name, inputs);
      if (!(probability >= 0 && probability <= 1)) {
        throw Checks.misfit(name, "expected a probability in [0, 1], got " + probability);
      }
      Tensor y = context.allocate(x.shape());
      context
          .kernels()
          .maskNoise(
              x.buffer(),
              y.buffer(),
              stream.step(),
              x.shape().elements(),
              stream.key(),
              probability,
              scale);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      Tensor dy = context.outputGradient();
      GradientTarget dx = context.inPlaceGradient(0);
      boolean first = dx.beta() == 0;
      Buffer masked = first ? dx.tensor().buffer() : context.temporary(dy.shape()).buffer();
      context
          .kernels()
          .maskNoise(
              dy.buffer(),
              masked,
              stream.step(),
              dy.shape().elements(),
              stream.key(),
              probability,
              scale);
      if (!first) {
        int columns = dy.shape().columns();
        context
            .kernels()
            .copy(
                masked,
                columns,
                dx.tensor().buffer(),
                columns,
                dy.shape().rows(),
                columns,
                dx.beta());
      }
    }
  }

  /**
   * 1 with the probability that the input gives, else 0. Probabilities are constants.
   *
   * @param stream where the numbers come from
   */
  public record Binarize(RandomStream stream) implements Operation {
    @Override
    public String name() {
      return "binarize";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      Checks.constant(name(), "the probability", context, 0);
      Tensor y = context.allocate(x.shape());
      context
          .kernels()
          .binarize(x.buffer(), y.buffer(), stream.step(), x.shape().elements(), stream.key());
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      throw new IllegalStateException(name() + " has no input that could need a gradient");
    }
  }

  /**
   * Normally distributed numbers; takes no input.
   *
   * @param shape of the output
   * @param mean of the numbers
   * @param standardDeviation of the numbers, not negative
   * @param stream where the numbers come from
   */
  public record Normal(Shape shape, float mean, float standardDeviation, RandomStream stream)
      implements Operation {
    @Override
    public String name() {
      return "randomNormal";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Checks.count(name(), inputs, 0);
      if (!(standardDeviation >= 0)) {
        throw Checks.misfit(
            name(), "expected a standard deviation of at least 0, got " + standardDeviation);
      }
      Tensor y = context.allocate(shape);
      context
          .kernels()
          .random(
              Distribution.NORMAL,
              y.buffer(),
              stream.step(),
              shape.elements(),
              stream.key(),
              mean,
              standardDeviation);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      throw new IllegalStateException(name() + " has no input that could need a gradient");
    }
  }
}
