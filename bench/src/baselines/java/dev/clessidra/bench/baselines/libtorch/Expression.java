package dev.clessidra.bench.baselines.libtorch;

import dev.clessidra.bench.baselines.cpu.Owner;
import dev.clessidra.bench.work.Implementation;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/** An expression of tensors, without gradients. */
final class Expression implements Implementation {
  private final Owner owner = new Owner();
  private final Supplier<Tensor> operation;
  private final Function<Tensor, Tensor> layout;

  private Expression(
      List<Supplier<Tensor>> operands,
      Function<List<Tensor>, Supplier<Tensor>> expression,
      Function<Tensor, Tensor> layout) {
    try (PointerScope _ = new PointerScope()) {
      operation = expression.apply(operands.stream().map(Supplier::get).map(owner::keep).toList());
    }
    this.layout = layout;
  }

  /**
   * A way of doing a work.
   *
   * @param operands each makes an operand
   * @param expression of the operands
   */
  static Supplier<Implementation> of(
      List<Supplier<Tensor>> operands, Function<List<Tensor>, Supplier<Tensor>> expression) {
    return of(operands, expression, Function.identity());
  }

  /**
   * As the other form.
   *
   * @param layout gives the result the order of dimensions that the work has
   */
  static Supplier<Implementation> of(
      List<Supplier<Tensor>> operands,
      Function<List<Tensor>, Supplier<Tensor>> expression,
      Function<Tensor, Tensor> layout) {
    return () -> new Expression(operands, expression, layout);
  }

  @Override
  public void run() {
    try (PointerScope _ = new PointerScope()) {
      var _ = operation.get();
    }
  }

  @Override
  public float[] result() {
    try (PointerScope _ = new PointerScope()) {
      return Tensors.floats(layout.apply(operation.get()));
    }
  }

  @Override
  public void close() {
    owner.close();
  }
}
