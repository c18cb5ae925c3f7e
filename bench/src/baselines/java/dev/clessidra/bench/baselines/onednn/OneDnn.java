package dev.clessidra.bench.baselines.onednn;

import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Baseline;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.baselines.Tuning;
import dev.clessidra.bench.baselines.cpu.OpenMp;
import dev.clessidra.kernels.Device;
import java.nio.file.Path;
import java.util.Map;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.javacpp.Loader;

/** oneDNN on the CPU. */
public final class OneDnn implements Baseline {
  static final String NAME = "onednn";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Map<String, String> environment() {
    return Tuning.ENVIRONMENT;
  }

  @Override
  public Library open(Device device, int threads) throws AbsentException {
    Tuning.prepareBinding();
    try {
      Path library = Path.of(Loader.load(dnnl.class));
      OpenMp.setThreads(library, threads);
    } catch (LinkageError | IllegalArgumentException e) {
      throw new AbsentException("oneDNN's native library cannot be loaded", e);
    }
    return new OneDnnLibrary(threads);
  }
}
