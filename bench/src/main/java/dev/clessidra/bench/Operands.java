package dev.clessidra.bench;

import dev.clessidra.engine.TrainingState;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Distribution;
import dev.clessidra.kernels.RandomKey;
import dev.clessidra.kernels.Scope;
import java.util.Random;

/**
 * Buffers for kernels to work on, filled with random numbers: never with zeros, of which processors
 * write, multiply and add faster than of others. The same numbers on every device.
 */
final class Operands implements AutoCloseable {
  private static final long SEED = 1;

  private final Device device;
  private final Scope scope;
  private final TrainingState state;
  private int streams;

  Operands(Device device) {
    this.device = device;
    scope = device.scope();
    state = new TrainingState(device, SEED);
  }

  /** What optimizers and random numbers read the step from. */
  Buffer state() {
    return state.buffer();
  }

  /** Floats that are yet to be written. */
  Buffer results(String label, long count) {
    return scope.allocate(label, count * Float.BYTES);
  }

  /** Floats from {@code from} to {@code to}. */
  Buffer uniform(String label, long count, float from, float to) {
    Buffer buffer = results(label, count);
    RandomKey key = new RandomKey(SEED, streams++);
    device.kernels().random(Distribution.UNIFORM, buffer, state(), count, key, from, to);
    return buffer;
  }

  /** Floats from -1 to 1. */
  Buffer uniform(String label, long count) {
    return uniform(label, count, -1, 1);
  }

  /** Bytes of all values. */
  Buffer bytes(String label, int count) {
    Buffer buffer = scope.allocate(label, count);
    byte[] values = new byte[count];
    new Random(SEED).nextBytes(values);
    device.copyToDevice(values, buffer);
    return buffer;
  }

  /** Integers from 0 to {@code classes - 1}. */
  Buffer labels(String label, int count, int classes) {
    Buffer buffer = scope.allocate(label, (long) count * Integer.BYTES);
    device.copyToDevice(new Random(SEED).ints(count, 0, classes).toArray(), buffer);
    return buffer;
  }

  @Override
  public void close() {
    state.close();
    scope.close();
  }
}
