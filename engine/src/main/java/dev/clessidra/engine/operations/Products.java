package dev.clessidra.engine.operations;

import dev.clessidra.engine.BackwardContext;
import dev.clessidra.engine.ForwardContext;
import dev.clessidra.engine.GradientTarget;
import dev.clessidra.engine.Operation;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Kernels;
import dev.clessidra.kernels.Matrix;
import java.util.List;

/** Operations whose work is a matrix product. */
public final class Products {
  private Products() {}

  /**
   * {@code y = activation(x w + b)}, or with w transposed, as one kernel. Inputs: x, w and maybe b.
   *
   * @param activation applied to each element
   * @param transposed whether w is [n, k] instead of [k, n]
   */
  public record Linear(Activation activation, boolean transposed) implements Operation {
    @Override
    public String name() {
      return transposed ? "linearTransposed" : "linear";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      if (inputs.size() != 2 && inputs.size() != 3) {
        throw Checks.misfit(name(), "expected input, weight and maybe bias, got " + inputs.size());
      }
      Tensor x = inputs.get(0);
      Tensor w = inputs.get(1);
      Tensor b = inputs.size() == 3 ? inputs.get(2) : null;
      int k = x.shape().columns();
      String expected = transposed ? "[n, " + k + "]" : "[" + k + ", n]";
      if (x.shape().rank() == 0
          || w.shape().rank() != 2
          || w.shape().dim(transposed ? 1 : 0) != k) {
        throw Checks.misfit(
            name(),
            "input "
                + x.shape()
                + " does not fit weight "
                + w.shape()
                + ": expected weight "
                + expected);
      }
      int n = w.shape().dim(transposed ? 0 : 1);
      if (b != null) {
        Epilogue.checkBias(name(), b, "weight", w.shape(), n);
      }
      int m = Checks.rows(name(), x.shape());
      Tensor y = context.allocate(withColumns(x.shape(), n));
      context
          .kernels()
          .gemm(
              Matrix.of(x.buffer(), m, k),
              weight(w),
              b == null ? null : b.buffer(),
              Matrix.of(y.buffer(), m, n),
              activation,
              0);
      context.save(x);
      context.save(w);
      Epilogue.save(context, activation, y);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      Tensor x = context.saved(0);
      Tensor w = context.saved(1);
      Shape outputShape = context.outputGradient().shape();
      int m = (int) outputShape.rows();
      int k = x.shape().columns();
      int n = outputShape.columns();
      Kernels kernels = context.kernels();
      Tensor gradient = Epilogue.gradientBeforeActivation(context, activation, 2);
      Epilogue.biasGradient(context, 2, gradient);
      Buffer dz = gradient.buffer();
      Matrix dzMatrix = Matrix.of(dz, m, n);
      if (context.needsGradient(1)) {
        GradientTarget dw = context.gradient(1);
        Matrix xMatrix = Matrix.of(x.buffer(), m, k);
        Buffer target = dw.tensor().buffer();
        if (transposed) {
          product(kernels, dzMatrix.transpose(), xMatrix, Matrix.of(target, n, k), dw.beta());
        } else {
          product(kernels, xMatrix.transpose(), dzMatrix, Matrix.of(target, k, n), dw.beta());
        }
      }
      if (context.needsGradient(0)) {
        GradientTarget dx = context.gradient(0);
        Matrix target = Matrix.of(dx.tensor().buffer(), m, k);
        product(kernels, dzMatrix, weight(w).transpose(), target, dx.beta());
      }
    }

    private Matrix weight(Tensor w) {
      Matrix stored = Matrix.of(w.buffer(), w.shape().dim(0), w.shape().dim(1));
      return transposed ? stored.transpose() : stored;
    }
  }

  /**
   * {@code c = op(a) op(b)} of two matrices.
   *
   * @param transposeA whether op(a) is the transpose of a
   * @param transposeB whether op(b) is the transpose of b
   */
  public record MatrixProduct(boolean transposeA, boolean transposeB) implements Operation {
    @Override
    public String name() {
      return "matmul";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Checks.count(name(), inputs, 2);
      Tensor a = inputs.get(0);
      Tensor b = inputs.get(1);
      Checks.rank(name(), "a", a.shape(), 2, "a matrix");
      Checks.rank(name(), "b", b.shape(), 2, "a matrix");
      Matrix opA = operand(a, transposeA);
      Matrix opB = operand(b, transposeB);
      if (opA.columns() != opB.rows()) {
        throw Checks.misfit(
            name(),
            "a "
                + a.shape()
                + (transposeA ? " (transposed)" : "")
                + " does not fit b "
                + b.shape()
                + (transposeB ? " (transposed)" : "")
                + ": expected b "
                + (transposeB ? "[n, " + opA.columns() + "]" : "[" + opA.columns() + ", n]"));
      }
      Tensor c = context.allocate(Shape.of(opA.rows(), opB.columns()));
      product(context.kernels(), opA, opB, operand(c, false), 0);
      context.save(a);
      context.save(b);
      return c;
    }

    @Override
    public void backward(BackwardContext context) {
      Matrix a = operand(context.saved(0), transposeA);
      Matrix b = operand(context.saved(1), transposeB);
      Matrix dc = operand(context.outputGradient(), false);
      if (context.needsGradient(0)) {
        GradientTarget da = context.gradient(0);
        Matrix target = operand(da.tensor(), false);
        if (transposeA) {
          product(context.kernels(), b, dc.transpose(), target, da.beta());
        } else {
          product(context.kernels(), dc, b.transpose(), target, da.beta());
        }
      }
      if (context.needsGradient(1)) {
        GradientTarget db = context.gradient(1);
        Matrix target = operand(db.tensor(), false);
        if (transposeB) {
          product(context.kernels(), dc.transpose(), a, target, db.beta());
        } else {
          product(context.kernels(), a.transpose(), dc, target, db.beta());
        }
      }
    }

    private static Matrix operand(Tensor tensor, boolean transposed) {
      Matrix stored = Matrix.of(tensor.buffer(), tensor.shape().dim(0), tensor.shape().dim(1));
      return transposed ? stored.transpose() : stored;
    }
  }

  private static void product(Kernels kernels, Matrix a, Matrix b, Matrix c, float beta) {
    kernels.gemm(a, b, null, c, Activation.IDENTITY, beta);
  }

  private static Shape withColumns(Shape shape, int columns) {
    int[] dimensions = shape.dimensions();
    dimensions[dimensions.length - 1] = columns;
    return Shape.of(dimensions);
  }
}
