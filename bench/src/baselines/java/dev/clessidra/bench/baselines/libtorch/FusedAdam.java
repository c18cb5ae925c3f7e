package dev.clessidra.bench.baselines.libtorch;

import dev.clessidra.bench.baselines.cpu.Owner;
import java.util.List;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Adam by the library's operator for all parameters at once, which Python's {@code
 * Adam(fused=True)} calls too; the C++ interface's optimizer works on one parameter after the
 * other, and is slower.
 */
final class FusedAdam {
  private static final double LEARNING_RATE = 1e-3;
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;
  private static final double EPSILON = 1e-8;

  private final OperatorHandle operator;
  private final IValue parameters;
  private final IValue firstMoments;
  private final IValue secondMoments;
  private final IValue none;
  private final IValue steps;
  private final Tensor step;

  /** Starts with moments of zero. */
  FusedAdam(Owner owner, List<Tensor> trained) {
    this(
        owner,
        trained,
        trained.stream().map(FusedAdam::zerosLike).toList(),
        trained.stream().map(FusedAdam::zerosLike).toList());
  }

  FusedAdam(
      Owner owner, List<Tensor> trained, List<Tensor> firstMoments, List<Tensor> secondMoments) {
    operator = owner.keep(Dispatcher.singleton().findSchemaOrThrow("aten::_fused_adam_", ""));
    step = owner.keep(torch.zeros());
    parameters = owner.keep(Tensors.list(trained));
    this.firstMoments = owner.keep(Tensors.list(firstMoments));
    this.secondMoments = owner.keep(Tensors.list(secondMoments));
    steps = owner.keep(Tensors.list(trained.stream().map(_ -> step).toList()));
    none = owner.keep(Tensors.list(List.of()));
  }

  private static Tensor zerosLike(Tensor parameter) {
    return torch.zeros_like(parameter).set_requires_grad(false);
  }

  /** Updates the parameters by their gradients. */
  void step(List<Tensor> gradients) {
    step.add_(Tensors.scalar(1));
    operator.callBoxed(
        new IValueVector(
            parameters,
            Tensors.list(gradients),
            firstMoments,
            secondMoments,
            none,
            steps,
            new IValue(LEARNING_RATE),
            new IValue(BETA1),
            new IValue(BETA2),
            new IValue(0.0),
            new IValue(EPSILON),
            new IValue(false),
            new IValue(false),
            new IValue(),
            new IValue()));
  }
}
