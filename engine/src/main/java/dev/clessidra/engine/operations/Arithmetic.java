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
import dev.clessidra.kernels.UnaryFunction;
import java.util.List;
import java.util.Locale;

/**
 * {@code y = f(a, b)}, element by element. b has a's shape, is one row that every row of a meets,
 * or has one element; its gradient is then summed over a's rows or over all.
 *
 * @param function add, subtract, multiply or divide
 */
public record Arithmetic(BinaryFunction function) implements Operation {
  @Override
  public String name() {
    return function.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public Tensor forward(ForwardContext context, List<Tensor> inputs) {
    Checks.count(name(), inputs, 2);
    Tensor a = inputs.get(0);
    Tensor b = inputs.get(1);
    boolean row = b.shape().rank() == 1 && b.shape().columns() == a.shape().columns();
    if (!b.shape().equals(a.shape()) && !row && b.shape().elements() != 1) {
      throw Checks.misfit(
          name(),
          "b "
              + b.shape()
              + " does not fit a "
              + a.shape()
              + ": expected b of the same shape, ["
              + a.shape().columns()
              + "] or one element");
    }
    Tensor y = context.allocate(a.shape());
    launch(context.kernels(), function, a, b, y, 1, 0);
    switch (function) {
      case ADD, SUBTRACT -> {}
      case MULTIPLY -> {
        context.save(b);
        context.save(a);
      }
      case DIVIDE -> {
        context.save(b);
        context.save(y);
      }
    }
    return y;
  }

  @Override
  public void backward(BackwardContext context) {
    // b first: what a gets may take the place of the output's gradient.
    if (context.needsGradient(1)) {
      backwardOfB(context);
    }
    if (context.needsGradient(0)) {
      switch (function) {
        case ADD, SUBTRACT -> context.passGradient(0);
        case MULTIPLY, DIVIDE -> {
          Tensor dy = context.outputGradient();
          GradientTarget da = context.inPlaceGradient(0);
          launch(context.kernels(), function, dy, context.saved(0), da.tensor(), 1, da.beta());
        }
      }
    }
  }

  private void backwardOfB(BackwardContext context) {
    Tensor dy = context.outputGradient();
    boolean elementwise = context.inputShape(1).equals(dy.shape());
    switch (function) {
      case ADD, SUBTRACT -> addReduced(context, dy, function == BinaryFunction.ADD ? 1 : -1);
      case MULTIPLY -> {
        Tensor a = context.saved(1);
        if (elementwise) {
          GradientTarget db = context.gradient(1);
          launch(context.kernels(), BinaryFunction.MULTIPLY, dy, a, db.tensor(), 1, db.beta());
        } else {
          Tensor product = context.temporary(dy.shape());
          launch(context.kernels(), BinaryFunction.MULTIPLY, dy, a, product, 1, 0);
          addReduced(context, product, 1);
        }
      }
      case DIVIDE -> {
        // d(a / b) / db = -y / b
        Tensor b = context.saved(0);
        Tensor product = context.temporary(dy.shape());
        launch(context.kernels(), BinaryFunction.MULTIPLY, dy, context.saved(1), product, 1, 0);
        if (elementwise) {
          GradientTarget db = context.gradient(1);
          launch(context.kernels(), BinaryFunction.DIVIDE, product, b, db.tensor(), -1, db.beta());
        } else {
          launch(context.kernels(), BinaryFunction.DIVIDE, product, b, product, 1, 0);
          addReduced(context, product, -1);
        }
      }
    }
  }

  /** Adds {@code sign * gradient} to b's gradient, summed to b's shape. */
  private static void addReduced(BackwardContext context, Tensor gradient, float sign) {
    Shape shape = gradient.shape();
    Shape bShape = context.inputShape(1);
    GradientTarget db = context.gradient(1);
    Buffer target = db.tensor().buffer();
    Kernels kernels = context.kernels();
    if (bShape.elements() == shape.elements()) {
      kernels.unary(
          UnaryFunction.AFFINE, gradient.buffer(), target, shape.elements(), sign, 0, db.beta());
    } else if (bShape.elements() == 1) {
      Buffer workspace = context.workspace(Kernels.reduceWorkspace(shape.elements()));
      kernels.reduce(
          Reduction.SUM, gradient.buffer(), target, workspace, shape.elements(), sign, db.beta());
    } else {
      Buffer workspace =
          context.workspace(Kernels.reduceColumnsWorkspace(shape.rows(), shape.columns()));
      kernels.reduceColumns(
          Reduction.SUM,
          gradient.buffer(),
          target,
          workspace,
          shape.rows(),
          shape.columns(),
          sign,
          db.beta());
    }
  }

  /** y = beta * y + alpha * f(a, b), with b repeated as often as needed. */
  private static void launch(
      Kernels kernels,
      BinaryFunction function,
      Tensor a,
      Tensor b,
      Tensor y,
      float alpha,
      float beta) {
    kernels.binary(
        function,
        a.buffer(),
        b.buffer(),
        y.buffer(),
        a.shape().elements(),
        b.shape().elements(),
        alpha,
        beta);
  }
}
