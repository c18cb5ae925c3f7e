package dev.clessidra.engine;

import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What changes from step to step, in device memory so that a captured step follows it: the step
 * counter, the powers of Adam's betas, the learning rate and the last clipping. Also holds the
 * global seed from which all random numbers of a training run are drawn.
 *
 * <p>One training run has one state and one optimizer on it. Owns its memory until closed. Not safe
 * for use by several threads.
 */
public final class TrainingState implements AutoCloseable {
  /** Bytes of the state on the device. */
  public static final int BYTES = 40;

  private static final int STEP = 0;
  private static final int BETA1_POWER = 8;
  private static final int BETA2_POWER = 16;
  private static final int LEARNING_RATE = 24;
  private static final int GRADIENT_SCALE = 28;
  private static final int GRADIENT_NORM = 32;

  private final Device device;
  private final Scope scope;
  private final Buffer buffer;
  private final long seed;

  /**
   * The state read back.
   *
   * @param step steps done
   * @param beta1Power beta1 to the number of optimizer updates
   * @param beta2Power beta2 to the number of optimizer updates
   * @param learningRate of the last update
   * @param gradientScale that clipping gave the last gradients; 1 without clipping
   * @param gradientNorm before the last clipping; 0 without clipping
   */
  public record Snapshot(
      long step,
      double beta1Power,
      double beta2Power,
      float learningRate,
      float gradientScale,
      float gradientNorm) {}

  /** A state at step 0. */
  public TrainingState(Device device, long seed) {
    this.device = device;
    this.seed = seed;
    this.scope = device.scope();
    try {
      this.buffer = scope.allocate("training state", BYTES);
      restart(0);
    } catch (RuntimeException e) {
      scope.close();
      throw e;
    }
  }

  /** The device that holds the state. */
  public Device device() {
    return device;
  }

  /** The memory, for kernels; it starts with the step as 8 bytes. */
  public Buffer buffer() {
    return buffer;
  }

  /** The global seed. */
  public long seed() {
    return seed;
  }

  /** The random numbers of a name; the same name gives the same numbers at the same step. */
  public RandomStream stream(String name) {
    return new RandomStream(seed, RandomStream.idOf(name), buffer);
  }

  /**
   * Ends a step: adds 1 to the step counter, on the device; may be captured. To be called last in a
   * step, after the optimizer, as batches, noise and learning rate depend on the counter.
   */
  public void advance() {
    device.kernels().advance(buffer);
  }

  /** Sets the step counter and forgets everything else, as for a new optimizer. */
  public void restart(long step) {
    write(new Snapshot(step, 1, 1, 0, 1, 0));
  }

  /** Reads the state back; waits for the device. */
  public Snapshot read() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(BYTES, Long.BYTES);
      device.copyToHost(buffer, host);
      return new Snapshot(
          host.get(ValueLayout.JAVA_LONG, STEP),
          host.get(ValueLayout.JAVA_DOUBLE, BETA1_POWER),
          host.get(ValueLayout.JAVA_DOUBLE, BETA2_POWER),
          host.get(ValueLayout.JAVA_FLOAT, LEARNING_RATE),
          host.get(ValueLayout.JAVA_FLOAT, GRADIENT_SCALE),
          host.get(ValueLayout.JAVA_FLOAT, GRADIENT_NORM));
    }
  }

  /** The step counter; waits for the device. */
  public long step() {
    return read().step();
  }

  /** Restores a state that was read back. */
  public void write(Snapshot snapshot) {
    if (snapshot.step() < 0) {
      throw new IllegalArgumentException(
          "training state: step must not be negative, got " + snapshot.step());
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(BYTES, Long.BYTES);
      host.set(ValueLayout.JAVA_LONG, STEP, snapshot.step());
      host.set(ValueLayout.JAVA_DOUBLE, BETA1_POWER, snapshot.beta1Power());
      host.set(ValueLayout.JAVA_DOUBLE, BETA2_POWER, snapshot.beta2Power());
      host.set(ValueLayout.JAVA_FLOAT, LEARNING_RATE, snapshot.learningRate());
      host.set(ValueLayout.JAVA_FLOAT, GRADIENT_SCALE, snapshot.gradientScale());
      host.set(ValueLayout.JAVA_FLOAT, GRADIENT_NORM, snapshot.gradientNorm());
      device.copyToDevice(host, buffer);
    }
  }

  @Override
  public void close() {
    scope.close();
  }
}
