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
import java.util.Arrays;
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

  /**
   * The mean over rows of the cross-entropy of softmax(logits) and INT32 labels, each row's times a
   * weight of its label's class and a weight of its own. Inputs: logits [..., classes], labels
   * [...], then the weights there are: [classes] and [...]; all but the logits are constants.
   *
   * @param classWeights whether there are weights of classes
   * @param rowWeights whether there are weights of rows, which are pixels
   */
  public record SoftmaxCrossEntropy(boolean classWeights, boolean rowWeights) implements Operation {
    @Override
    public String name() {
      return "softmaxCrossEntropy";
    }

    @Override
    public boolean accepts(int input, ElementType type) {
      return type == (input == 1 ? ElementType.INT32 : ElementType.FLOAT32);
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      int weights = (classWeights ? 1 : 0) + (rowWeights ? 1 : 0);
      Checks.count(name(), inputs, 2 + weights);
      Tensor logits = inputs.get(0);
      Tensor labels = inputs.get(1);
      Shape rowShape = checkLabels(name(), "logits", logits.shape(), labels);
      Tensor ofClasses = null;
      Tensor ofRows = null;
      if (classWeights) {
        ofClasses = inputs.get(2);
        Shape classes = Shape.of(logits.shape().columns());
        checkWeights(context, 2, "class weights", ofClasses, "the classes", classes);
      }
      if (rowWeights) {
        ofRows = inputs.get(1 + weights);
        checkWeights(context, 1 + weights, "row weights", ofRows, "the rows", rowShape);
      }
      long rows = logits.shape().rows();
      Tensor probabilities = context.allocate(logits.shape());
      Tensor loss = context.allocate(Shape.scalar());
      Buffer workspace = context.workspace(Kernels.softmaxCrossEntropyWorkspace(rows));
      context
          .kernels()
          .softmaxCrossEntropy(
              logits.buffer(),
              labels.buffer(),
              ofClasses == null ? null : ofClasses.buffer(),
              ofRows == null ? null : ofRows.buffer(),
              probabilities.buffer(),
              loss.buffer(),
              workspace,
              rows,
              logits.shape().columns(),
              scale(rows));
      context.save(probabilities);
      inputs.stream().skip(1).forEach(context::save);
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
              classWeights ? context.saved(2).buffer() : null,
              rowWeights ? context.saved(classWeights ? 3 : 2).buffer() : null,
              context.outputGradient().buffer(),
              dx.tensor().buffer(),
              rows,
              probabilities.shape().columns(),
              scale(rows),
              dx.beta());
    }

    private void checkWeights(
        ForwardContext context, int input, String role, Tensor given, String other, Shape shape) {
      Checks.sameShape(name(), role, given.shape(), other, shape);
      Checks.constant(name(), "the " + role, context, input);
    }

    private static float scale(long rows) {
      return (float) (1.0 / Math.max(1, rows));
    }
  }

  /**
   * The soft Dice loss: the mean over classes of {@code 1 - (2 overlap + smooth) / (total +
   * smooth)}. Inputs: probabilities [..., classes] and INT32 labels [...].
   *
   * @param perImage whether each entry of the outermost dimension counts by itself
   * @param smooth added above and below, 0 or more
   */
  public record Dice(boolean perImage, float smooth) implements Operation {
    @Override
    public String name() {
      return "dice";
    }

    @Override
    public boolean accepts(int input, ElementType type) {
      return type == (input == 1 ? ElementType.INT32 : ElementType.FLOAT32);
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Checks.count(name(), inputs, 2);
      Tensor probabilities = inputs.get(0);
      Tensor labels = inputs.get(1);
      Shape shape = probabilities.shape();
      checkLabels(name(), "probabilities", shape, labels);
      if (!(smooth >= 0)) {
        throw Checks.misfit(name(), "expected smooth of at least 0, got " + smooth);
      }
      int images = images(shape);
      long rows = rows(shape);
      int columns = shape.columns();
      Tensor sums = context.allocate(Shape.of(2, images, columns));
      Tensor loss = context.allocate(Shape.scalar());
      Buffer workspace = context.workspace(Kernels.diceWorkspace(images, rows, columns));
      context
          .kernels()
          .dice(
              probabilities.buffer(),
              labels.buffer(),
              sums.buffer(),
              loss.buffer(),
              workspace,
              images,
              rows,
              columns,
              smooth,
              scale(shape));
      context.save(labels);
      context.save(sums);
      return loss;
    }

    @Override
    public void backward(BackwardContext context) {
      Shape shape = context.inputShape(0);
      GradientTarget dx = context.gradient(0);
      context
          .kernels()
          .diceBackward(
              context.saved(0).buffer(),
              context.saved(1).buffer(),
              context.outputGradient().buffer(),
              dx.tensor().buffer(),
              images(shape),
              rows(shape),
              shape.columns(),
              smooth,
              scale(shape),
              dx.beta());
    }

    private int images(Shape shape) {
      return perImage ? shape.dim(0) : 1;
    }

    private long rows(Shape shape) {
      return shape.rows() / Math.max(1, images(shape));
    }

    private float scale(Shape shape) {
      return (float) (1.0 / Math.max(1, (long) images(shape) * shape.columns()));
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
      Buffer sums = context.workspace(rows);
      Buffer ones = context.workspace(columns);
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

  /** Checks that there is a label for each row of `given`, and returns the shape of the rows. */
  private static Shape checkLabels(String name, String role, Shape given, Tensor labels) {
    if (given.rank() < 2) {
      throw Checks.misfit(
          name, role + " " + given + " does not fit: expected [rows, classes] or [..., classes]");
    }
    Shape rows = Shape.of(Arrays.copyOf(given.dimensions(), given.rank() - 1));
    Checks.sameShape(name, "labels", labels.shape(), "the rows", rows);
    return rows;
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
    Buffer workspace = context.workspace(Kernels.lossWorkspace(count));
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
