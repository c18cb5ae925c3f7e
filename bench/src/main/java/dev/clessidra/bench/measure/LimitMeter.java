package dev.clessidra.bench.measure;

import dev.clessidra.kernels.BinaryFunction;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;

/** Measures the limits of a device again and again. */
final class LimitMeter implements AutoCloseable {
  private static final int ARRAYS = 3;

  private final Device device;
  private final Effort effort;
  private final Scope scope;
  private final Runnable triad;

  LimitMeter(Device device, Effort effort) {
    this.device = device;
    this.effort = effort;
    scope = device.scope();
    long count = effort.triadElements();
    Buffer a = scope.allocate("a", Float.BYTES * count);
    Buffer b = scope.allocate("b", Float.BYTES * count);
    Buffer y = scope.allocate("y", Float.BYTES * count);
    device.kernels().fill(a, count, 1);
    device.kernels().fill(b, count, 2);
    triad = () -> device.kernels().binary(BinaryFunction.ADD, a, b, y, count, count, 1, 0);
    device.measureTime(triad);
  }

  Limits measure() {
    double operations = device.measurePeak(effort.limitSlice());
    int runs = 0;
    double seconds = 0;
    do {
      seconds += device.measureTime(triad);
      runs++;
    } while (seconds < effort.limitSlice().toNanos() * 1e-9);
    double bytes = (double) ARRAYS * Float.BYTES * effort.triadElements() * runs;
    return new Limits(operations, bytes / seconds);
  }

  @Override
  public void close() {
    scope.close();
  }
}
