package dev.clessidra.bench.baselines.openblas;

import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Baseline;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.kernels.Device;
import java.io.IOException;
import java.util.Map;

/** OpenBLAS on the CPU. */
public final class OpenBlas implements Baseline {
  static final String NAME = "openblas";

  @Override
  public String name() {
    return NAME;
  }

  /** Idle threads wait for 2^14 cycles before they sleep, not 2^26. */
  @Override
  public Map<String, String> environment() {
    return Map.of("OPENBLAS_THREAD_TIMEOUT", "14");
  }

  @Override
  public Library open(Device device, int threads) throws AbsentException {
    try {
      return new OpenBlasLibrary(threads);
    } catch (IOException | IllegalArgumentException | LinkageError e) {
      throw new AbsentException("libopenblas.so.0 cannot be loaded", e);
    }
  }
}
