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
import dev.clessidra.kernels.Kernels;
import dev.clessidra.kernels.Matrix;
import dev.clessidra.kernels.Reduction;
import java.util.List;

/** Sums and means. */
public final class Reductions {
  private Reductions() {}

  /**
   * The sum or mean of all elements, a scalar; 0 of nothing.
   *
   * @param mean whether to divide by the number of elements
   */
  public record All(boolean mean) implements Operation {
    @Override
    public String name() {
      return mean ? "mean" : "sum";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      long count = x.shape().elements();
      Tensor y = context.allocate(Shape.scalar());
      Buffer workspace = context.workspace(Kernels.reduceWorkspace(count));
      context
          .kernels()
          .reduce(Reduction.SUM, x.buffer(), y.buffer(), workspace, count, scale(mean, count), 0);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      repeat(context, scale(mean, context.inputShape(0).elements()));
    }
  }

  /**
   * The sum or mean of each column.
   *
   * @param mean whether to divide by the number of rows
   */
  public record Columns(boolean mean) implements Operation {
    @Override
    public String name() {
      return mean ? "meanColumns" : "sumColumns";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      long rows = x.shape().rows();
      int columns = x.shape().columns();
      Tensor y = context.allocate(Shape.of(columns));
      Buffer workspace = context.workspace(Kernels.reduceColumnsWorkspace(rows, columns));
      context
          .kernels()
          .reduceColumns(
              Reduction.SUM,
              x.buffer(),
              y.buffer(),
              workspace,
              rows,
              columns,
              scale(mean, rows),
              0);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      repeat(context, scale(mean, context.inputShape(0).rows()));
    }
  }

  /** The sum of each row. */
  public record Rows() implements Operation {
    @Override
    public String name() {
      return "sumRows";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      int rows = Checks.rows(name(), x.shape());
      Tensor y = context.allocate(Shape.of(rows));
      context
          .kernels()
          .reduceRows(Reduction.SUM, x.buffer(), y.buffer(), rows, x.shape().columns(), 1, 0);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      // dx = dy ones: each row's gradient in all its columns.
      int rows = (int) context.inputShape(0).rows();
      int columns = context.inputShape(0).columns();
      GradientTarget dx = context.gradient(0);
      Buffer ones = context.workspace(columns);
      context.kernels().fill(ones, columns, 1);
      context
          .kernels()
          .gemm(
              Matrix.of(context.outputGradient().buffer(), rows, 1),
              Matrix.of(ones, 1, columns),
              null,
              Matrix.of(dx.tensor().buffer(), rows, columns),
              Activation.IDENTITY,
              dx.beta());
    }
  }

  /** The logarithm of the sum of exponentials of each row. */
  public record LogSumExpRows() implements Operation {
    @Override
    public String name() {
      return "logSumExpRows";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      int rows = Checks.rows(name(), x.shape());
      Tensor y = context.allocate(Shape.of(rows));
      context.kernels().logSumExp(x.buffer(), y.buffer(), rows, x.shape().columns());
      context.save(x);
      context.save(y);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      Tensor x = context.saved(0);
      GradientTarget dx = context.gradient(0);
      context
          .kernels()
          .logSumExpBackward(
              x.buffer(),
              context.saved(1).buffer(),
              context.outputGradient().buffer(),
              dx.tensor().buffer(),
              x.shape().rows(),
              x.shape().columns(),
              dx.beta());
    }
  }

  private static float scale(boolean mean, long count) {
    return mean ? (float) (1.0 / Math.max(1, count)) : 1;
  }

  /** Adds {@code scale * dy} to every row of dx, or to every element when dy is a scalar. */
  private static void repeat(BackwardContext context, float scale) {
    Tensor dy = context.outputGradient();
    long count = context.inputShape(0).elements();
    GradientTarget dx = context.gradient(0);
    Buffer target = dx.tensor().buffer();
    Buffer scales = dx.beta() == 0 ? target : context.workspace(count);
    context.kernels().fill(scales, count, scale);
    context
        .kernels()
        .binary(
            BinaryFunction.MULTIPLY,
            scales,
            dy.buffer(),
            target,
            count,
            dy.shape().elements(),
            1,
            dx.beta());
  }
}
