package dev.clessidra.models.examples;

import dev.clessidra.engine.BackwardContext;
import dev.clessidra.engine.ForwardContext;
import dev.clessidra.engine.GradientTarget;
import dev.clessidra.engine.Operation;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.BinaryFunction;
import dev.clessidra.kernels.Kernels;
import java.util.List;

/** An operation of one's own, of existing kernels: {@code y = x sigmoid(x)}. */
record Swish() implements Operation {
  @Override
  public String name() {
    return "swish";
  }

  @Override
  public Tensor forward(ForwardContext context, List<Tensor> inputs) {
    Tensor x = inputs.getFirst();
    Tensor sigmoid = context.allocate(x.shape());
    Tensor y = context.allocate(x.shape());
    long count = x.shape().elements();
    context.kernels().activationForward(x.buffer(), sigmoid.buffer(), count, Activation.SIGMOID);
    multiply(context.kernels(), x, sigmoid, y, 0);
    context.save(x);
    context.save(sigmoid);
    return y;
  }

  /** By the product rule: {@code dx = dy sigmoid(x) + dy x sigmoid'(x)}. */
  @Override
  public void backward(BackwardContext context) {
    Tensor x = context.saved(0);
    Tensor sigmoid = context.saved(1);
    Tensor dy = context.outputGradient();
    Tensor product = context.temporary(x.shape());
    GradientTarget dx = context.gradient(0);
    multiply(context.kernels(), dy, sigmoid, dx.tensor(), dx.beta());
    multiply(context.kernels(), dy, x, product, 0);
    context
        .kernels()
        .activationBackward(
            product.buffer(),
            sigmoid.buffer(),
            dx.tensor().buffer(),
            x.shape().elements(),
            Activation.SIGMOID,
            1);
  }

  /** {@code y = beta y + a b}. */
  private static void multiply(Kernels kernels, Tensor a, Tensor b, Tensor y, float beta) {
    long count = y.shape().elements();
    kernels.binary(
        BinaryFunction.MULTIPLY, a.buffer(), b.buffer(), y.buffer(), count, count, 1, beta);
  }
}
