package dev.clessidra.bench.baselines.libtorch;

import dev.clessidra.bench.baselines.cpu.Owner;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.TrainedModel;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;

/** A training step: the next batch, forward, backward, Adam. */
final class TrainingStep implements Implementation {
  private final TrainedModel model;
  private final Owner owner = new Owner();
  private final Network network;
  private final FusedAdam adam;
  private final Tensor samples;
  private final Tensor labels;
  private final Tensor noise;
  private int steps;

  private TrainingStep(TrainedModel model, Inputs inputs, MemoryFormat format) {
    this.model = model;
    try (PointerScope _ = new PointerScope()) {
      network = Network.of(model, inputs, format);
      adam = new FusedAdam(owner, network.trained());
      samples = owner.keep(network.samples(inputs.floats(TrainedModel.BATCHES)));
      Tensor classes = network.labels();
      labels = classes == null ? null : owner.keep(classes);
      noise =
          network.latent() == 0
              ? null
              : owner.keep(
                  Tensors.of(inputs.floats(TrainedModel.NOISE), samples.size(0), network.latent()));
    }
  }

  static List<Supplier<Implementation>> ways(TrainedModel model, Inputs inputs) {
    return Network.formats(model).stream()
        .<Supplier<Implementation>>map(format -> () -> new TrainingStep(model, inputs, format))
        .toList();
  }

  /** Draws noise of its own, and takes its batch from the samples in memory in turn. */
  @Override
  public void run() {
    try (PointerScope _ = new PointerScope()) {
      Tensor codes = noise == null ? null : torch.randn(model.batch(), network.latent());
      step(network.drawn(batch(samples)), codes);
    }
  }

  @Override
  public float[] result() {
    float[] losses = new float[TrainedModel.CHECKED_STEPS];
    for (int i = 0; i < losses.length; i++) {
      try (PointerScope _ = new PointerScope()) {
        losses[i] = step(batch(samples), noise == null ? null : batch(noise)).item_float();
      }
    }
    return losses;
  }

  /** The rows of the step's batch, where they lie. */
  private Tensor batch(Tensor all) {
    int batch = model.batch();
    return all.narrow(0, (long) (steps % TrainedModel.CHECKED_STEPS) * batch, batch);
  }

  private Tensor step(Tensor x, Tensor codes) {
    Tensor loss = network.loss(x, labels == null ? null : batch(labels), codes);
    loss.backward();
    adam.step(network.trained().stream().map(Tensor::grad).toList());
    network.trained().forEach(parameter -> parameter.mutable_grad().reset());
    steps++;
    return loss;
  }

  @Override
  public void close() {
    network.close();
    owner.close();
  }
}
