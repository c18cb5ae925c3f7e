package dev.clessidra.bench.baselines.nvidia;

import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Arithmetic;
import dev.clessidra.bench.baselines.Baseline;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.kernels.Device;

/** cuDNN through JCudnn: {@code cudnn} with float32, {@code cudnn-tf32} with tensor cores. */
public final class CudnnBaseline implements Baseline {
  private final Arithmetic arithmetic;

  private CudnnBaseline(Arithmetic arithmetic) {
    this.arithmetic = arithmetic;
  }

  /** Convolves in float32. */
  public static CudnnBaseline float32() {
    return new CudnnBaseline(Arithmetic.FLOAT32);
  }

  /** Convolves in TF32. */
  public static CudnnBaseline tf32() {
    return new CudnnBaseline(Arithmetic.TF32);
  }

  @Override
  public String name() {
    return arithmetic.name("cudnn");
  }

  @Override
  public Library open(Device device, int threads) throws AbsentException {
    NvidiaLibrary.requireGpu(device);
    return Cudnn.open(device, arithmetic);
  }
}
