package dev.clessidra.bench.baselines.libtorch;

import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.ModelLatency;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.InferenceMode;
import org.bytedeco.pytorch.global.torch.MemoryFormat;

/** From an image on the Java heap to a trained model's answer there. */
final class Answer implements Implementation {
  private final float[] image;
  private final Network network;

  private Answer(ModelLatency latency, Inputs inputs, MemoryFormat format) {
    image = inputs.floats(ModelLatency.IMAGE);
    try (PointerScope _ = new PointerScope()) {
      network = Network.of(latency.model(), inputs, format);
    }
  }

  static List<Supplier<Implementation>> ways(ModelLatency latency, Inputs inputs) {
    return Network.formats(latency.model()).stream()
        .<Supplier<Implementation>>map(format -> () -> new Answer(latency, inputs, format))
        .toList();
  }

  @Override
  public void run() {
    result();
  }

  @Override
  public float[] result() {
    try (PointerScope _ = new PointerScope();
        InferenceMode _ = new InferenceMode(true)) {
      return Tensors.floats(network.answer(network.samples(image)));
    }
  }

  @Override
  public void close() {
    network.close();
  }
}
