package dev.clessidra.bench.work;

import dev.clessidra.engine.TrainingState;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Kernels;
import dev.clessidra.kernels.Scope;

/** The inputs of a work in device memory, and memory for what it writes. */
final class Operands implements AutoCloseable {
  private final Device device;
  private final Inputs inputs;
  private final Scope scope;
  private final TrainingState state;

  Operands(Device device, Inputs inputs) {
    this.device = device;
    this.inputs = inputs;
    scope = device.scope();
    state = new TrainingState(device, Work.SEED);
  }

  Device device() {
    return device;
  }

  Kernels kernels() {
    return device.kernels();
  }

  /** What optimizers and random numbers read the step from. */
  Buffer state() {
    return state.buffer();
  }

  /** Copies an input to the device. */
  Buffer input(String name) {
    return switch (inputs.array(name)) {
      case float[] values -> {
        Buffer buffer = results(name, values.length);
        device.copyToDevice(values, buffer);
        yield buffer;
      }
      case int[] values -> {
        Buffer buffer = results(name, values.length);
        device.copyToDevice(values, buffer);
        yield buffer;
      }
      case byte[] values -> {
        Buffer buffer = scope.allocate(name, values.length);
        device.copyToDevice(values, buffer);
        yield buffer;
      }
      case Object other -> throw new IllegalArgumentException("Input of " + other.getClass());
    };
  }

  /** Floats that are yet to be written. */
  Buffer results(String label, long count) {
    return scope.allocate(label, count * Float.BYTES);
  }

  /** What launches a kernel on these operands, and is closed with them. */
  Implementation launching(Buffer result, Runnable launch) {
    return new Implementation() {
      @Override
      public void run() {
        launch.run();
      }

      @Override
      public void await() {
        device.synchronize();
      }

      @Override
      public float[] result() {
        launch.run();
        float[] values = new float[Math.toIntExact(result.byteSize() / Float.BYTES)];
        device.copyToHost(result, values);
        return values;
      }

      @Override
      public void close() {
        Operands.this.close();
      }
    };
  }

  @Override
  public void close() {
    state.close();
    scope.close();
  }
}
