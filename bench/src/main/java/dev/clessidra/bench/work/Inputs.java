package dev.clessidra.bench.work;

import java.util.LinkedHashMap;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.SplittableRandom;

/**
 * The inputs of a work on the Java heap, by name: arrays of {@code float}, {@code int} or {@code
 * byte}, which are not to be changed.
 */
public final class Inputs {
  private final SequencedMap<String, Object> arrays;

  private Inputs(SequencedMap<String, Object> arrays) {
    this.arrays = arrays;
  }

  /** Starts with no inputs. */
  public static Builder builder() {
    return new Builder();
  }

  /** The names of all inputs, in order. */
  public SequencedSet<String> names() {
    return arrays.sequencedKeySet();
  }

  /** Returns whether there is an input of this name. */
  public boolean has(String name) {
    return arrays.containsKey(name);
  }

  /** Returns an input of floats. */
  public float[] floats(String name) {
    return array(name, float[].class);
  }

  /** Returns an input of integers, such as labels. */
  public int[] integers(String name) {
    return array(name, int[].class);
  }

  /** Returns an input of bytes, such as pixels. */
  public byte[] bytes(String name) {
    return array(name, byte[].class);
  }

  /** Returns an input of any type: {@code float[]}, {@code int[]} or {@code byte[]}. */
  Object array(String name) {
    return array(name, Object.class);
  }

  private <T> T array(String name, Class<T> type) {
    Object array = arrays.get(name);
    if (!type.isInstance(array)) {
      throw new IllegalArgumentException(
          "Input '%s' of type %s: expected one of %s."
              .formatted(name, type.getSimpleName(), arrays.keySet()));
    }
    return type.cast(array);
  }

  /** Collects inputs. Random values depend on the seed and the input's name alone. */
  public static final class Builder {
    private final SequencedMap<String, Object> arrays = new LinkedHashMap<>();

    private Builder() {}

    /** Adds values as they are. */
    public Builder floats(String name, float[] values) {
      arrays.put(name, values);
      return this;
    }

    /** Adds values as they are. */
    public Builder integers(String name, int[] values) {
      arrays.put(name, values);
      return this;
    }

    /** Adds random floats from -1 to 1. */
    public Builder uniform(String name, long count) {
      return uniform(name, count, -1, 1);
    }

    /** Adds random floats from {@code from} to {@code to}. */
    public Builder uniform(String name, long count, float from, float to) {
      SplittableRandom random = random(name);
      float[] values = new float[Math.toIntExact(count)];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextDouble(from, to);
      }
      return floats(name, values);
    }

    /** Adds random integers from 0 to {@code classes - 1}. */
    public Builder labels(String name, long count, int classes) {
      return integers(name, random(name).ints(count, 0, classes).toArray());
    }

    /** Adds random bytes. */
    public Builder bytes(String name, long count) {
      byte[] values = new byte[Math.toIntExact(count)];
      random(name).nextBytes(values);
      arrays.put(name, values);
      return this;
    }

    private static SplittableRandom random(String name) {
      return new SplittableRandom(Work.SEED + name.hashCode());
    }

    /** Ends the collection. */
    public Inputs build() {
      return new Inputs(arrays);
    }
  }
}
