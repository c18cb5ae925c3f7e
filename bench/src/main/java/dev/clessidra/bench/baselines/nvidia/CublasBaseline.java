package dev.clessidra.bench.baselines.nvidia;

import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Arithmetic;
import dev.clessidra.bench.baselines.Baseline;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.kernels.Device;

/** cuBLAS through JCublas: {@code cublas} with float32, {@code cublas-tf32} with tensor cores. */
public final class CublasBaseline implements Baseline {
  private final Arithmetic arithmetic;

  private CublasBaseline(Arithmetic arithmetic) {
    this.arithmetic = arithmetic;
  }

  /** Multiplies in float32. */
  public static CublasBaseline float32() {
    return new CublasBaseline(Arithmetic.FLOAT32);
  }

  /** Multiplies in TF32. */
  public static CublasBaseline tf32() {
    return new CublasBaseline(Arithmetic.TF32);
  }

  @Override
  public String name() {
    return arithmetic.name("cublas");
  }

  @Override
  public Library open(Device device, int threads) throws AbsentException {
    NvidiaLibrary.requireGpu(device);
    return Cublas.open(device, arithmetic);
  }
}
