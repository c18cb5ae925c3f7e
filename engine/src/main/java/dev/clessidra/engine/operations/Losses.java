package dev.clessidra.engine.operations;

import dev.clessidra.engine.BackwardContext;
import dev.clessidra.engine.ForwardContext;
import dev.clessidra.engine.GradientTarget;
import dev.clessidra.engine.Operation;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.BinaryFunction;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.ElementType;
import dev.clessidra.kernels.Kernels;
import dev.clessidra.kernels.LossFunction;
import dev.clessidra.kernels.Matrix;
import dev.clessidra.kernels.Reduction;
import java.util.List;

/** Losses and the softmax. Targets and labels are constants. */
public final class Losses {
  private Losses() {}

  /**
   * {@code scale * sum((x - target)^2)}.
   *
   * @param scale factor of the sum
   */
  public record SquaredError(float scale) implements Operation {
    @Override
    public String name() {
      return "squaredError";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      return withTarget(context, name(), inputs, LossFunction.SQUARED_ERROR, scale);
    }

    @Override
    public void backward(BackwardContext context) {
      backwardWithTarget(context, LossFunction.SQUARED_ERROR, scale);
    }
  }

  /**
   * {@code scale * sum(max(x, 0) - x target + log(1 + exp(-|x|)))} of logits x.
   *
   * @param scale factor of the sum
   */
  public record BinaryCrossEntropy(float scale) implements Operation {
    @Override
    public String name() {
      return "binaryCrossEntropyWithLogits";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      return withTarget(context, name(), inputs, LossFunction.BINARY_CROSS_ENTROPY, scale);
    }

    @Override
    public void backward(BackwardContext context) {
      backwardWithTarget(context, LossFunction.BINARY_CROSS_ENTROPY, scale);
    }
  }

  /**
   * {@code scale * sum(|x|)}.
   *
   * @param scale factor of the sum
   */
  public record AbsolutePenalty(float scale) implements Operation {
    @Override
    public String name() {
      return "absolutePenalty";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      context.save(x);
      return loss(context, x, null, LossFunction.ABSOLUTE_VALUE, scale);
    }

    @Override
    public void backward(BackwardContext context) {
      gradient(context, context.saved(0), null, LossFunction.ABSOLUTE_VALUE, scale);
    }
  }

  /** The mean over rows of the cross-entropy of softmax(logits) and INT32 labels. */
  public record SoftmaxCrossEntropy() implements Operation {
    @Override
    public String name() {
      return "softmaxCrossEntropy";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Checks.count(name(), inputs, 2);
      Tensor logits = inputs.get(0);
      Tensor labels = inputs.get(1);
      Checks.type(name(), "logits", logits, ElementType.FLOAT32);
      Checks.type(name(), "labels", labels, ElementType.INT32);
      Checks.rank(name(), "logits", logits.shape(), 2, "[rows, classes]");
      Checks.sameShape(
          name(), "labels", labels.shape(), "the rows", Shape.of(logits.shape().dim(0)));
      long rows = logits.shape().rows();
      Tensor probabilities = context.allocate(logits.shape());
      Tensor loss = context.allocate(Shape.scalar());
      Buffer workspace =
          context.workspace(Checks.bytes(Kernels.softmaxCrossEntropyWorkspace(rows)));
      context
          .kernels()
          .softmaxCrossEntropy(
              logits.buffer(),
              labels.buffer(),
              null,
              null,
              probabilities.buffer(),
              loss.buffer(),
              workspace,
              rows,
              logits.shape().columns(),
              scale(rows));
      context.save(probabilities);
      context.save(labels);
      return loss;
    }

    @Override
    public void backward(BackwardContext context) {
      Tensor probabilities = context.saved(0);
      long rows = probabilities.shape().rows();
      GradientTarget dx = context.gradient(0);
      context
          .kernels()
          .softmaxCrossEntropyBackward(
              probabilities.buffer(),
              context.saved(1).buffer(),
              null,
              null,
              context.outputGradient().buffer(),
              dx.tensor().buffer(),
              rows,
              probabilities.shape().columns(),
              scale(rows),
              dx.beta());
    }

    private static float scale(long rows) {
      return (float) (1.0 / Math.max(1, rows));
    }
  }

  /** The probabilities of each row of logits: {@code exp(x) / sum(exp(x))}. */
  public record Softmax() implements Operation {
    @Override
    public String name() {
      return "softmax";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      Tensor y = context.allocate(x.shape());
      context.kernels().softmax(x.buffer(), y.buffer(), x.shape().rows(), x.shape().columns());
      context.save(y);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      // dx = y (dy - sum over the row of dy y); the product with a row of ones repeats the sum.
      Kernels kernels = context.kernels();
      Buffer y = context.saved(0).buffer();
      Tensor dy = context.outputGradient();
      long count = dy.shape().elements();
      int rows = Checks.rows(name(), dy.shape());
      int columns = dy.shape().columns();
      Buffer difference = context.temporary(dy.shape()).buffer();
      Buffer sums = context.workspace(Checks.bytes(rows));
      Buffer ones = context.workspace(Checks.bytes(columns));
      kernels.binary(BinaryFunction.MULTIPLY, dy.buffer(), y, difference, count, count, 1, 0);
      kernels.reduceRows(Reduction.SUM, difference, sums, rows, columns, -1, 0);
      kernels.copy(dy.buffer(), columns, difference, columns, rows, columns, 0);
      kernels.fill(ones, columns, 1);
      kernels.gemm(
          Matrix.of(sums, rows, 1),
          Matrix.of(ones, 1, columns),
          null,
          Matrix.of(difference, rows, columns),
          Activation.IDENTITY,
          1);
      GradientTarget dx = context.inPlaceGradient(0);
      kernels.binary(
          BinaryFunction.MULTIPLY, difference, y, dx.tensor().buffer(), count, count, 1, dx.beta());
    }
  }

  private static Tensor withTarget(
      ForwardContext context,
      String name,
      List<Tensor> inputs,
      LossFunction function,
      float scale) {
    Checks.count(name, inputs, 2);
    Tensor x = inputs.get(0);
    Tensor target = inputs.get(1);
    Checks.type(name, "input", x, ElementType.FLOAT32);
    Checks.type(name, "target", target, ElementType.FLOAT32);
    Checks.sameShape(name, "target", target.shape(), "input", x.shape());
    Checks.constant(name, "the target", context, 1);
    context.save(x);
    context.save(target);
    return loss(context, x, target.buffer(), function, scale);
  }

  private static Tensor loss(
      ForwardContext context, Tensor x, Buffer target, LossFunction function, float scale) {
    long count = x.shape().elements();
    Tensor loss = context.allocate(Shape.scalar());
    Buffer workspace = context.workspace(Checks.bytes(Kernels.lossWorkspace(count)));
    context.kernels().loss(function, x.buffer(), target, loss.buffer(), workspace, count, scale);
    return loss;
  }

  private static void backwardWithTarget(
      BackwardContext context, LossFunction function, float scale) {
    gradient(context, context.saved(0), context.saved(1).buffer(), function, scale);
  }

  private static void gradient(
      BackwardContext context, Tensor x, Buffer target, LossFunction function, float scale) {
    GradientTarget dx = context.gradient(0);
    context
        .kernels()
        .lossBackward(
            function,
            x.buffer(),
            target,
            context.outputGradient().buffer(),
            dx.tensor().buffer(),
            x.shape().elements(),
            scale,
            dx.beta());
  }
}
