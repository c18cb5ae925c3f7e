package dev.clessidra.engine.operations;

import dev.clessidra.engine.BackwardContext;
import dev.clessidra.engine.ForwardContext;
import dev.clessidra.engine.GradientTarget;
import dev.clessidra.engine.Operation;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.BinaryFunction;
import dev.clessidra.kernels.Kernels;
import dev.clessidra.kernels.UnaryFunction;
import java.util.List;

/** Functions of one tensor, element by element. */
public final class Functions {
  private Functions() {}

  /**
   * {@code y = activation(x)}.
   *
   * @param activation the function; its derivative is computed from y
   */
  public record Activate(Activation activation) implements Operation {
    @Override
    public String name() {
      return "activation";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      Tensor y = context.allocate(x.shape());
      context.kernels().activationForward(x.buffer(), y.buffer(), x.shape().elements(), activation);
      context.save(y);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      Tensor dy = context.outputGradient();
      GradientTarget dx = context.inPlaceGradient(0);
      context
          .kernels()
          .activationBackward(
              dy.buffer(),
              context.saved(0).buffer(),
              dx.tensor().buffer(),
              dy.shape().elements(),
              activation,
              dx.beta());
    }
  }

  /**
   * {@code y = fma(alpha, x, shift)}.
   *
   * @param alpha factor
   * @param shift summand
   */
  public record Affine(float alpha, float shift) implements Operation {
    @Override
    public String name() {
      return "affine";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      Tensor y = context.allocate(x.shape());
      context
          .kernels()
          .unary(
              UnaryFunction.AFFINE, x.buffer(), y.buffer(), x.shape().elements(), alpha, shift, 0);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      Tensor dy = context.outputGradient();
      GradientTarget dx = context.inPlaceGradient(0);
      context
          .kernels()
          .unary(
              UnaryFunction.AFFINE,
              dy.buffer(),
              dx.tensor().buffer(),
              dy.shape().elements(),
              alpha,
              0,
              dx.beta());
    }
  }

  /**
   * A function without attributes; saves what its derivative is cheapest to compute from.
   *
   * @param function {@code exp} (derivative y), {@code log} (1 / x), square (2 x), square root (1 /
   *     (2 y)), absolute (sign(x)) or reciprocal (-y y)
   */
  public record Elementary(UnaryFunction function) implements Operation {
    /**
     * Checks the function.
     *
     * @throws IllegalArgumentException for one that is not listed above
     */
    public Elementary {
      if (function == UnaryFunction.AFFINE || function == UnaryFunction.SIGN) {
        throw new IllegalArgumentException(
            "Elementary: " + function + " is not among its functions");
      }
    }

    @Override
    public String name() {
      return switch (function) {
        case EXP -> "exp";
        case LOG -> "log";
        case SQUARE -> "square";
        case SQUARE_ROOT -> "sqrt";
        case ABSOLUTE -> "abs";
        case RECIPROCAL -> "reciprocal";
        case AFFINE, SIGN -> throw new IllegalStateException("refused by the constructor");
      };
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      Tensor y = context.allocate(x.shape());
      context.kernels().unary(function, x.buffer(), y.buffer(), x.shape().elements(), 1, 0, 0);
      boolean savesInput =
          switch (function) {
            case LOG, SQUARE, ABSOLUTE -> true;
            default -> false;
          };
      context.save(savesInput ? x : y);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      Tensor saved = context.saved(0);
      switch (function) {
        case EXP -> combine(context, BinaryFunction.MULTIPLY, saved, 1);
        case LOG -> combine(context, BinaryFunction.DIVIDE, saved, 1);
        case SQUARE -> combine(context, BinaryFunction.MULTIPLY, saved, 2);
        case SQUARE_ROOT -> combine(context, BinaryFunction.DIVIDE, saved, 0.5f);
        case ABSOLUTE -> {
          Tensor sign = context.temporary(saved.shape());
          unary(context.kernels(), UnaryFunction.SIGN, saved, sign);
          combine(context, BinaryFunction.MULTIPLY, sign, 1);
        }
        case RECIPROCAL -> {
          Tensor squared = context.temporary(saved.shape());
          unary(context.kernels(), UnaryFunction.SQUARE, saved, squared);
          combine(context, BinaryFunction.MULTIPLY, squared, -1);
        }
        case AFFINE, SIGN -> throw new IllegalStateException("refused by the constructor");
      }
    }

    private static void unary(Kernels kernels, UnaryFunction function, Tensor x, Tensor y) {
      kernels.unary(function, x.buffer(), y.buffer(), x.shape().elements(), 1, 0, 0);
    }

    /** dx = beta * dx + alpha * f(dy, factor). */
    private static void combine(
        BackwardContext context, BinaryFunction function, Tensor factor, float alpha) {
      Tensor dy = context.outputGradient();
      long count = dy.shape().elements();
      GradientTarget dx = context.inPlaceGradient(0);
      context
          .kernels()
          .binary(
              function,
              dy.buffer(),
              factor.buffer(),
              dx.tensor().buffer(),
              count,
              count,
              alpha,
              dx.beta());
    }
  }
}
