package dev.clessidra.bench.work;

import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Kernel;

/** A work that is one launch of a kernel. */
public interface KernelWork extends Work {
  /** Which kernel Clessidra launches. */
  Kernel kernel();

  /** Prepares a launch. */
  Implementation on(Operands operands);

  @Override
  default Implementation on(Device device, Inputs inputs) {
    Operands operands = new Operands(device, inputs);
    try {
      return on(operands);
    } catch (RuntimeException e) {
      operands.close();
      throw e;
    }
  }
}
