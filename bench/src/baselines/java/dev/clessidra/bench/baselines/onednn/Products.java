package dev.clessidra.bench.baselines.onednn;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC_1;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WEIGHTS;

import dev.clessidra.bench.baselines.onednn.PrimitiveSearch.Input;
import dev.clessidra.bench.baselines.onednn.PrimitiveSearch.Result;
import dev.clessidra.bench.work.BiasActivation;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.MatrixProduct;
import dev.clessidra.kernels.Activation;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.dnnl.binary;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.memory.format_tag;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive_attr;

/** Matrix products, and what follows them. */
final class Products {
  private Products() {}

  static List<Supplier<Implementation>> ways(PrimitiveSearch search, MatrixProduct product) {
    memory.desc a = matrix(product.m(), product.k(), product.transposeA());
    memory.desc b = matrix(product.k(), product.n(), product.transposeB());
    memory.desc c = matrix(product.m(), product.n(), false);
    search.add(
        new matmul.primitive_desc(search.cpu(), a, b, c, PrimitiveSearch.strict(), true),
        new Result(DNNL_ARG_DST, c),
        new Input(DNNL_ARG_SRC, a, "a"),
        new Input(DNNL_ARG_WEIGHTS, b, "b"));
    return search.ways();
  }

  private static memory.desc matrix(int rows, int columns, boolean transposed) {
    return PrimitiveSearch.description(
        new long[] {rows, columns}, transposed ? format_tag.ba : format_tag.ab);
  }

  /** The sum with the bias, with the activation behind it. */
  static List<Supplier<Implementation>> ways(PrimitiveSearch search, BiasActivation work) {
    memory.desc x = matrix(work.rows(), work.columns(), false);
    memory.desc bias = matrix(1, work.columns(), false);
    primitive_attr attributes = PrimitiveSearch.strict();
    post_ops after = new post_ops();
    append(after, work.activation());
    attributes.set_post_ops(after);
    Result result = new Result(DNNL_ARG_DST, x);
    Input first = new Input(DNNL_ARG_SRC, x, "x");
    Input second = new Input(DNNL_ARG_SRC_1, bias, "bias");
    search.add(sum(search, x, bias, attributes), result, first, second);
    search.addInPlace(sum(search, x, bias, attributes), result, first, second);
    return search.ways();
  }

  private static binary.primitive_desc sum(
      PrimitiveSearch search, memory.desc x, memory.desc bias, primitive_attr attributes) {
    return new binary.primitive_desc(
        search.cpu(), dnnl.algorithm.binary_add, x, bias, x, attributes, true);
  }

  private static void append(post_ops operations, Activation activation) {
    switch (activation.function()) {
      case IDENTITY -> {}
      case RELU -> operations.append_eltwise(dnnl.algorithm.eltwise_relu, 0, 0);
      case LEAKY_RELU ->
          operations.append_eltwise(dnnl.algorithm.eltwise_relu, activation.slope(), 0);
      case SIGMOID -> operations.append_eltwise(dnnl.algorithm.eltwise_logistic, 0, 0);
      case TANH -> operations.append_eltwise(dnnl.algorithm.eltwise_tanh, 0, 0);
      case SOFTPLUS -> operations.append_eltwise(dnnl.algorithm.eltwise_soft_relu, 1, 0);
    }
  }
}
