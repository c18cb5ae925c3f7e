package dev.clessidra.bench.baselines.libtorch;

import dev.clessidra.bench.baselines.cpu.Owner;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/** Adam's update of parameters, all in one tensor. */
final class AdamUpdate implements Implementation {
  private final Owner owner = new Owner();
  private final FusedAdam adam;
  private final Tensor parameters;
  private final Tensor gradients;

  AdamUpdate(Inputs inputs, long count) {
    try (PointerScope _ = new PointerScope()) {
      parameters = owner.keep(Tensors.of(inputs.floats("parameters"), count));
      gradients = owner.keep(Tensors.of(inputs.floats("gradients"), count));
      adam =
          new FusedAdam(
              owner,
              List.of(parameters),
              List.of(Tensors.of(inputs.floats("first moment"), count)),
              List.of(Tensors.of(inputs.floats("second moment"), count)));
    }
  }

  @Override
  public void run() {
    try (PointerScope _ = new PointerScope()) {
      adam.step(List.of(gradients));
    }
  }

  @Override
  public float[] result() {
    run();
    try (PointerScope _ = new PointerScope()) {
      return Tensors.floats(parameters);
    }
  }

  @Override
  public void close() {
    owner.close();
  }
}
