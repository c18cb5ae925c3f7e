package dev.clessidra.bench.baselines.libtorch;

import dev.clessidra.bench.work.BiasActivation;
import dev.clessidra.bench.work.GaussianDivergence;
import dev.clessidra.bench.work.GaussianSample;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.MatrixProduct;
import dev.clessidra.kernels.Activation;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Matrix products and functions of each element. Results go where there is memory already. */
final class Elements {
  private Elements() {}

  static List<Supplier<Implementation>> ways(MatrixProduct product, Inputs inputs) {
    float[] a = inputs.floats("a");
    float[] b = inputs.floats("b");
    return List.of(
        Expression.of(
            List.of(
                () -> matrix(a, product.m(), product.k(), product.transposeA()),
                () -> matrix(b, product.k(), product.n(), product.transposeB()),
                () -> torch.empty(product.m(), product.n())),
            operands -> () -> torch.mm_out(operands.get(2), operands.get(0), operands.get(1))));
  }

  private static Tensor matrix(float[] values, int rows, int columns, boolean transposed) {
    return transposed ? Tensors.of(values, columns, rows).t() : Tensors.of(values, rows, columns);
  }

  /** Into other memory, and in place. */
  static List<Supplier<Implementation>> ways(BiasActivation work, Inputs inputs) {
    List<Supplier<Tensor>> operands =
        List.of(
            () -> Tensors.of(inputs.floats("x"), work.rows(), work.columns()),
            () -> Tensors.of(inputs.floats("bias"), work.columns()),
            () -> torch.empty(work.rows(), work.columns()));
    return List.of(
        Expression.of(
            operands,
            all ->
                () ->
                    activate(torch.add_out(all.get(2), all.get(0), all.get(1)), work.activation())),
        Expression.of(
            operands, all -> () -> activate(all.get(0).add_(all.get(1)), work.activation())));
  }

  private static Tensor activate(Tensor x, Activation activation) {
    return switch (activation.function()) {
      case IDENTITY -> x;
      case RELU -> x.relu_();
      case LEAKY_RELU -> torch.leaky_relu(x, Tensors.scalar(activation.slope()));
      case SIGMOID -> x.sigmoid_();
      case TANH -> x.tanh_();
      case SOFTPLUS -> torch.softplus(x);
    };
  }

  /**
   * As the formula stands, in place where that can be, and with the sum of squares as a product.
   */
  static List<Supplier<Implementation>> ways(GaussianDivergence work, Inputs inputs) {
    long count = (long) work.rows() * work.columns();
    Function<Tensor, Tensor> finish =
        sum -> sum.sub_(Tensors.scalar((double) count)).mul_(Tensors.scalar(0.5));
    List<Supplier<Tensor>> operands = gaussians(inputs, count);
    return List.of(
        Expression.of(
            operands,
            all ->
                () -> {
                  Tensor mean = all.get(0);
                  Tensor logVariance = all.get(1);
                  return finish.apply(
                      logVariance.exp().addcmul_(mean, mean).sub_(logVariance).sum());
                }),
        Expression.of(
            operands,
            all ->
                () -> {
                  Tensor mean = all.get(0);
                  Tensor logVariance = all.get(1);
                  return finish.apply(
                      logVariance.exp().sub_(logVariance).sum().add_(mean.dot(mean)));
                }));
  }

  /**
   * By a draw of standard normal numbers, and by the library's own function of mean and deviation.
   */
  static List<Supplier<Implementation>> ways(GaussianSample work, Inputs inputs) {
    List<Supplier<Tensor>> operands = gaussians(inputs, work.count());
    return List.of(
        Expression.of(
            operands,
            all -> () -> all.get(2).normal_().mul_(deviation(all.get(1))).add_(all.get(0))),
        Expression.of(
            operands,
            all ->
                () ->
                    torch.addcmul_out(
                        all.get(2),
                        all.get(0),
                        deviation(all.get(1)),
                        torch.randn_like(all.get(0)))),
        Expression.of(operands, all -> () -> torch.normal(all.get(0), deviation(all.get(1)))));
  }

  private static Tensor deviation(Tensor logVariance) {
    return logVariance.mul(Tensors.scalar(0.5)).exp_();
  }

  /** Mean, logarithm of the variance, and memory for a result. */
  private static List<Supplier<Tensor>> gaussians(Inputs inputs, long count) {
    return List.of(
        () -> Tensors.of(inputs.floats("mean"), count),
        () -> Tensors.of(inputs.floats("log variance"), count),
        () -> torch.empty(count));
  }
}
