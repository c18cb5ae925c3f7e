package dev.clessidra.engine;

import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.RandomKey;
import java.nio.charset.StandardCharsets;

/**
 * A sequence of random numbers that changes from step to step: Philox 4x32-10 indexed by (element,
 * stream, step) under the seed, so the numbers are the same bits on any device and do not depend on
 * what else is drawn.
 *
 * <p>Immutable; obtained from {@link TrainingState#stream}.
 *
 * @param seed the key
 * @param id the stream's number
 * @param step device memory whose first 8 bytes hold the step
 */
public record RandomStream(long seed, int id, Buffer step) {

  /** Seed and number, as kernels take them. */
  public RandomKey key() {
    return new RandomKey(seed, id);
  }

  /** The number of a named stream: the 32-bit FNV-1a hash of the name's UTF-8 bytes. */
  public static int idOf(String name) {
    int hash = 0x811c9dc5;
    for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
      hash = (hash ^ (b & 0xff)) * 0x01000193;
    }
    return hash;
  }
}
