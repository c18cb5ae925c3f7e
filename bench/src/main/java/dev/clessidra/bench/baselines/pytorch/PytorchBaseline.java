package dev.clessidra.bench.baselines.pytorch;

import dev.clessidra.bench.baselines.AbsentException;
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
  private final String name;
  private final List<String> options;
  private final double tolerance;

  private PytorchBaseline(String name, List<String> options, double tolerance) {
    this.name = name;
    this.options = options;
    this.tolerance = tolerance;
  }

  /** Runs the script op by op. */
  public static PytorchBaseline eager() {
    return new PytorchBaseline("pytorch", List.of(), 0);
  }

  /** Compiles the models. */
  public static PytorchBaseline compiled() {
    return new PytorchBaseline("pytorch-compiled", List.of("--compiled"), 0);
  }

  /** Compiles the models, and multiplies in TF32. */
  public static PytorchBaseline compiledTf32() {
    return new PytorchBaseline("pytorch-compiled-tf32", List.of("--compiled", "--tf32"), 1e-2);
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
    return Pytorch.open(name, arguments, tolerance);
  }
}
