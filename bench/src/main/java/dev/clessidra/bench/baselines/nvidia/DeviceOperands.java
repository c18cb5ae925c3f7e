package dev.clessidra.bench.baselines.nvidia;

import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;

/** The operands of a library's call, in memory of the device's pool. */
final class DeviceOperands implements AutoCloseable {
  private final Device device;
  private final Scope scope;

  DeviceOperands(Device device) {
    this.device = device;
    scope = device.scope();
  }

  Buffer input(String label, float[] values) {
    Buffer buffer = results(label, values.length);
    device.copyToDevice(values, buffer);
    return buffer;
  }

  Buffer results(String label, long count) {
    return bytes(label, count * Float.BYTES);
  }

  Buffer bytes(String label, long count) {
    return scope.allocate(label, count);
  }

  float[] read(Buffer buffer) {
    float[] values = new float[Math.toIntExact(buffer.byteSize() / Float.BYTES)];
    device.copyToHost(buffer, values);
    return values;
  }

  void await() {
    device.synchronize();
  }

  @Override
  public void close() {
    scope.close();
  }
}
