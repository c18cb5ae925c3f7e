package dev.clessidra.bench.baselines.pytorch;

import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Arithmetic;
import dev.clessidra.bench.baselines.Baseline;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.work.Cpu;
import dev.clessidra.kernels.Device;
import java.util.ArrayList;
import java.util.List;

/**
 * PyTorch's training steps and answers to one image, in a process of the machine's Python: {@code
 * pytorch} op by op, {@code pytorch-compiled} compiled and on a GPU replayed as one CUDA graph,
 * {@code pytorch-compiled-tf32} with tensor cores.
 */
public final class PytorchBaseline implements Baseline {
  private static final String COMPILED = "pytorch-compiled";

  private final String name;
  private final Arithmetic arithmetic;
  private final List<String> options;

  private PytorchBaseline(String name, Arithmetic arithmetic, String... options) {
    this.name = arithmetic.name(name);
    this.arithmetic = arithmetic;
    this.options = List.of(options);
  }

  /** Runs the script op by op. */
  public static PytorchBaseline eager() {
    return new PytorchBaseline("pytorch", Arithmetic.FLOAT32);
  }

  /** Compiles the models. */
  public static PytorchBaseline compiled() {
    return new PytorchBaseline(COMPILED, Arithmetic.FLOAT32, "--compiled");
  }

  /** Compiles the models, and multiplies in TF32. */
  public static PytorchBaseline compiledTf32() {
    return new PytorchBaseline(COMPILED, Arithmetic.TF32, "--compiled", "--tf32");
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Library open(Device device, int threads) throws AbsentException {
    List<String> arguments = new ArrayList<>(options);
    if (Cpu.is(device.name())) {
      arguments.addAll(List.of("--device", "cpu", "--threads", Integer.toString(threads)));
    } else if (device.name().startsWith("cuda")) {
      arguments.addAll(List.of("--device", device.name()));
    } else {
      throw new AbsentException(
          "it runs on GPUs and CPUs, and the device is %s".formatted(device.name()));
    }
    return Pytorch.open(name, arithmetic, arguments);
  }
}
