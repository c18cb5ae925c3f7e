package dev.clessidra.bench.baselines.libtorch;

import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Baseline;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.baselines.Tuning;
import dev.clessidra.kernels.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/** libtorch on the CPU, multiplying matrices with MKL. */
public final class Libtorch implements Baseline {
  static final String NAME = "libtorch";

  @Override
  public String name() {
    return NAME;
  }

  /** MKL has to use the OpenMP library that libtorch uses, or two pools of threads compete. */
  @Override
  public Map<String, String> environment() {
    Map<String, String> environment = new HashMap<>(Tuning.ENVIRONMENT);
    environment.put("MKL_THREADING_LAYER", "GNU");
    return Map.copyOf(environment);
  }

  @Override
  public Library open(Device device, int threads) throws AbsentException {
    Tuning.prepareBinding();
    try {
      Loader.load(torch.class);
      torch.set_num_threads(threads);
      return new LibtorchLibrary(
          "%s, %s, %d threads"
              .formatted(
                  Loader.getVersion("org.bytedeco", "pytorch"),
                  hasLoadedMkl() ? "MKL" : "OpenBLAS",
                  threads));
    } catch (IOException | LinkageError e) {
      throw new AbsentException("libtorch's native library cannot be loaded", e);
    }
  }

  /** MKL stands in for OpenBLAS under its name, from a folder of its own. */
  private static boolean hasLoadedMkl() throws IOException {
    try (Stream<String> mappings = Files.lines(Path.of("/proc/self/maps"))) {
      return mappings.anyMatch(line -> line.contains("/mkl/linux-x86_64/"));
    }
  }
}
