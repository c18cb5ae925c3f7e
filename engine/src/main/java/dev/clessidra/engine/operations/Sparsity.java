package dev.clessidra.engine.operations;

import dev.clessidra.engine.BackwardContext;
import dev.clessidra.engine.ForwardContext;
import dev.clessidra.engine.GradientTarget;
import dev.clessidra.engine.Operation;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.BinaryFunction;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Kernels;
import dev.clessidra.kernels.Reduction;
import java.util.List;

/** Operations that make activations sparse. */
public final class Sparsity {
  private Sparsity() {}

  /**
   * Keeps the k largest values of each row (of equal ones the lower column first).
   *
   * @param k 1 to the number of columns
   */
  public record TopK(int k) implements Operation {
    @Override
    public String name() {
      return "topK";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      int columns = x.shape().columns();
      if (k < 1 || k > columns) {
        throw Checks.misfit(
            name(), "k " + k + " does not fit input " + x.shape() + ": expected 1 to " + columns);
      }
      Tensor y = context.allocate(x.shape());
      Tensor mask = context.allocate(x.shape());
      context.kernels().topK(x.buffer(), y.buffer(), mask.buffer(), x.shape().rows(), columns, k);
      context.save(mask);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      Tensor dy = context.outputGradient();
      long count = dy.shape().elements();
      GradientTarget dx = context.inPlaceGradient(0);
      context
          .kernels()
          .binary(
              BinaryFunction.MULTIPLY,
              dy.buffer(),
              context.saved(0).buffer(),
              dx.tensor().buffer(),
              count,
              count,
              1,
              dx.beta());
    }
  }

  /**
   * {@code scale * sum_j KL(rho || q_j)} where q_j is the mean of column j, clamped to [1e-6, 1 -
   * 1e-6].
   *
   * @param rho the mean wanted, in (0, 1)
   * @param scale factor of the sum
   */
  public record KullbackLeibler(float rho, float scale) implements Operation {
    @Override
    public String name() {
      return "klSparsity";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      if (!(rho > 0 && rho < 1)) {
        throw Checks.misfit(name(), "expected rho in (0, 1), got " + rho);
      }
      long rows = x.shape().rows();
      int columns = x.shape().columns();
      Tensor mean = context.allocate(Shape.of(columns));
      Tensor loss = context.allocate(Shape.scalar());
      Buffer workspace = context.workspace(Kernels.reduceColumnsWorkspace(rows, columns));
      context
          .kernels()
          .reduceColumns(
              Reduction.SUM,
              x.buffer(),
              mean.buffer(),
              workspace,
              rows,
              columns,
              (float) (1.0 / Math.max(1, rows)),
              0);
      Buffer lossWorkspace = context.workspace(Kernels.klSparsityWorkspace(columns));
      context
          .kernels()
          .klSparsity(mean.buffer(), loss.buffer(), lossWorkspace, columns, rho, scale);
      context.save(mean);
      return loss;
    }

    @Override
    public void backward(BackwardContext context) {
      Shape shape = context.inputShape(0);
      GradientTarget dx = context.gradient(0);
      context
          .kernels()
          .klSparsityBackward(
              context.saved(0).buffer(),
              context.outputGradient().buffer(),
              dx.tensor().buffer(),
              shape.rows(),
              shape.columns(),
              rho,
              scale,
              dx.beta());
    }
  }
}
