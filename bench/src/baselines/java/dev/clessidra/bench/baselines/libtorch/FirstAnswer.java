package dev.clessidra.bench.baselines.libtorch;

import dev.clessidra.bench.baselines.Tuning;
import dev.clessidra.bench.work.ColdStart;
import dev.clessidra.bench.work.FirstResult;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.ProgramStart;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.InferenceMode;
import org.bytedeco.pytorch.InputArchive;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;

/**
 * The program whose start is timed: reads the deep autoencoder from libtorch's own format, and
 * prints what it makes of one image.
 */
public final class FirstAnswer {
  private static final int PIXELS = 784;

  private FirstAnswer() {}

  static List<Supplier<Implementation>> ways(ColdStart start, Inputs inputs) {
    return List.of(() -> {
      Path folder = ColdStart.folder();
      String file = folder.resolve("parameters.pt").toString();
      try (PointerScope _ = new PointerScope();
          Network network = Network.of(start.model(), inputs, MemoryFormat.Contiguous)) {
        network.save(file);
      }
      String threads = Integer.toString(torch.get_num_threads());
      return new ProgramStart(FirstAnswer.class, folder, file, threads);
    });
  }

  /** Arguments: the file of the parameters, the threads. */
  public static void main(String[] arguments) {
    Tuning.prepareBinding();
    try (PointerScope _ = new PointerScope();
        InferenceMode _ = new InferenceMode(true)) {
      torch.set_num_threads(Integer.parseInt(arguments[1]));
      InputArchive parameters = new InputArchive();
      parameters.load_from(arguments[0]);
      Tensor image = Tensors.of(FirstResult.image(PIXELS), 1, PIXELS);
      Tensor code = layers(parameters, "encoder.", image);
      FirstResult.print(Tensors.floats(layers(parameters, "decoder.", code).sigmoid_()));
    }
  }

  /** Linear layers with a ReLU between each two. */
  private static Tensor layers(InputArchive parameters, String part, Tensor x) {
    Tensor y = x;
    for (int i = 0; true; i++) {
      Tensor weight = new Tensor();
      if (!parameters.try_read(part + i + ".weight", weight)) {
        return y;
      }
      Tensor bias = new Tensor();
      parameters.read(part + i + ".bias", bias);
      y = torch.linear(i == 0 ? y : y.relu_(), weight, Tensors.optional(bias));
    }
  }
}
