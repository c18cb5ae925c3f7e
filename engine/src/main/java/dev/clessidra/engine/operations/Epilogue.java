package dev.clessidra.engine.operations;

import dev.clessidra.engine.BackwardContext;
import dev.clessidra.engine.ForwardContext;
import dev.clessidra.engine.GradientTarget;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Kernels;
import dev.clessidra.kernels.Reduction;

/** The bias and the activation that end products and convolutions, and their gradients. */
final class Epilogue {
  private Epilogue() {}

  /** Checks a bias of so many columns. */
  static void checkBias(
      String operation, Tensor bias, String other, Shape otherShape, int columns) {
    if (!bias.shape().equals(Shape.of(columns))) {
      throw Checks.misfit(
          operation,
          "bias %s does not fit %s %s: expected bias [%d]"
              .formatted(bias.shape(), other, otherShape, columns));
    }
  }

  /** Keeps the output where the activation's gradient needs it. */
  static void save(ForwardContext context, Activation activation, Tensor output) {
    if (!activation.equals(Activation.IDENTITY)) {
      context.save(output);
    }
  }

  /** The gradient before the activation; the output is the saved tensor of that index. */
  static Tensor gradientBeforeActivation(
      BackwardContext context, Activation activation, int saved) {
    Tensor dy = context.outputGradient();
    if (activation.equals(Activation.IDENTITY)) {
      return dy;
    }
    Tensor dz = context.overwritableGradient();
    context
        .kernels()
        .activationBackward(
            dy.buffer(),
            context.saved(saved).buffer(),
            dz.buffer(),
            dy.shape().elements(),
            activation,
            0);
    return dz;
  }

  /** Gives the gradient of a bias, which is an input of that index if there is one. */
  static void biasGradient(BackwardContext context, int input, Tensor dz) {
    if (input >= context.inputs() || !context.needsGradient(input)) {
      return;
    }
    long rows = dz.shape().rows();
    int columns = dz.shape().columns();
    GradientTarget db = context.gradient(input);
    Buffer workspace = context.workspace(Kernels.reduceColumnsWorkspace(rows, columns));
    context
        .kernels()
        .reduceColumns(
            Reduction.SUM,
            dz.buffer(),
            db.tensor().buffer(),
            workspace,
            rows,
            columns,
            1,
            db.beta());
  }
}
