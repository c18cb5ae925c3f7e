package dev.clessidra.bench;

import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;

/**
 * One kernel on operands of its own.
 *
 * @param device where it runs
 * @param operands all memory of the workload, closed with it
 * @param launch launches the kernel
 * @param result what it writes
 */
record KernelWorkload(
    Device device,
    Operands operands,
    Runnable launch,
    Buffer result,
    double operations,
    double bytes)
    implements Workload {
  @Override
  public void run() {
    launch.run();
    device.synchronize();
  }

  @Override
  public void close() {
    operands.close();
  }
}
