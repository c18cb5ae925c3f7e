package dev.clessidra.bench.measure;

import dev.clessidra.kernels.BinaryFunction;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;

/** Measures the limits of a device again and again. */
final class LimitMeter implements AutoCloseable {
  private static final int ARRAYS = 3;
  private static final int MOST_TRIADS = 1000;

  private final Device device;
  private final Effort effort;
  private final Scope scope;
  private final Runnable triad;
  // Of the measurement before; tells how many make a slice. Timed alone, a triad would be timed
  // with the way of its launch to a GPU.
  private double secondsOfTriad;

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
    secondsOfTriad = device.measureTime(triad);
  }

  Limits measure() {
    double operations = device.measurePeak(effort.limitSlice());
    int runs =
        (int) Math.clamp(effort.limitSlice().toNanos() * 1e-9 / secondsOfTriad, 1, MOST_TRIADS);
    double seconds =
        device.measureTime(() -> {
          for (int i = 0; i < runs; i++) {
            triad.run();
          }
        });
    secondsOfTriad = Math.max(seconds / runs, 1e-7);
    double bytes = (double) ARRAYS * Float.BYTES * effort.triadElements() * runs;
    return new Limits(operations, bytes / seconds);
  }

  @Override
  public void close() {
    scope.close();
  }
}
