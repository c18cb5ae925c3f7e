package dev.clessidra.engine;

import dev.clessidra.engine.initializers.Initializer;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.function.UnaryOperator;

/**
 * The named parameters of a model in two flat arenas, values and gradients, so that one kernel
 * updates all. Each parameter starts at a multiple of {@value #ALIGNMENT} floats; the padding
 * between them is and stays 0.
 *
 * <pre>{@code
 * Parameters parameters = Parameters.builder(device)
 *     .add("encoder.0.weight", Shape.of(784, 1000), Initializer.heNormal())
 *     .add("encoder.0.bias", Shape.of(1000), Initializer.zeros())
 *     .build(seed);
 * }</pre>
 *
 * <p>What belongs to a model but is not learnt by gradient, as the running statistics of batch
 * normalisation, is {@linkplain Builder#addNonTrainable added as non-trainable}: it is saved,
 * loaded, copied and averaged with the rest, and no optimizer changes it. In the arena of values it
 * follows all that is trainable; the arena of gradients ends before it.
 *
 * <p>Owns its memory until it is closed. Many threads may read it at once, as inference does;
 * gradients, copies into it and closing must not run beside them.
 */
public final class Parameters implements Iterable<Parameter>, AutoCloseable {
  /** Every parameter starts at a multiple of this many floats (64 bytes). */
  public static final int ALIGNMENT = 16;

  /** The arenas are vectors, which a dimension counts. */
  private static final long MAXIMUM_FLOATS = Integer.MAX_VALUE / ALIGNMENT * ALIGNMENT;

  private final Scope scope;
  private final Tensor values;
  private final Tensor gradients;
  private final SequencedMap<String, Parameter> byName;
  private final long count;

  private Parameters(Device device, List<Specification> specifications, long seed) {
    List<Specification> ordered = new ArrayList<>(specifications);
    ordered.sort(Comparator.comparing(specification -> !specification.trainable()));
    long arena = 0;
    long trainableArena = 0;
    long elements = 0;
    for (Specification specification : ordered) {
      if (specification.shape().elements() > MAXIMUM_FLOATS - arena) {
        throw new IllegalArgumentException(
            "parameters: with \"%s\" %s there are too many numbers: expected at most %d; make the layers smaller"
                .formatted(specification.name(), specification.shape(), MAXIMUM_FLOATS));
      }
      arena += aligned(specification.shape().elements());
      if (specification.trainable()) {
        trainableArena = arena;
        elements += specification.shape().elements();
      }
    }
    this.count = elements;
    this.scope = device.scope();
    try {
      Shape flat = Shape.of(Math.toIntExact(arena));
      this.values = Tensor.filled(device, scope, "parameters", flat, 0).markAsParameters();
      this.gradients =
          Tensor.filled(device, scope, "gradients", Shape.of(Math.toIntExact(trainableArena)), 0);
      SequencedMap<String, Parameter> parameters = new LinkedHashMap<>();
      long offset = 0;
      for (Specification specification : ordered) {
        Shape shape = specification.shape();
        long bytes = shape.elements() * Float.BYTES;
        Buffer valueBuffer = values.buffer().slice(offset * Float.BYTES, bytes);
        Buffer gradientBuffer =
            specification.trainable()
                ? gradients.buffer().slice(offset * Float.BYTES, bytes)
                : null;
        Parameter parameter =
            new Parameter(
                device,
                valueBuffer,
                gradientBuffer,
                shape,
                specification.name(),
                values,
                (int) offset);
        specification
            .initializer()
            .initialize(parameter, seed, RandomStream.idOf("parameters/" + specification.name()));
        parameters.put(specification.name(), parameter);
        offset += aligned(shape.elements());
      }
      this.byName = Collections.unmodifiableSequencedMap(parameters);
    } catch (RuntimeException e) {
      scope.close();
      throw e;
    }
  }

  private static long aligned(long elements) {
    return Math.ceilDiv(elements, ALIGNMENT) * ALIGNMENT;
  }

  private record Specification(
      String name, Shape shape, Initializer initializer, boolean trainable) {
    Specification {
      Objects.requireNonNull(name, "name");
      Objects.requireNonNull(shape, "shape");
      Objects.requireNonNull(initializer, "initializer");
    }
  }

  /** Collects parameters; their order is that of the arenas. */
  public static final class Builder {
    private final Device device;
    private final List<Specification> specifications = new ArrayList<>();
    private final Map<Integer, String> streams = new HashMap<>();

    private Builder(Device device) {
      this.device = device;
    }

    /**
     * Adds a parameter.
     *
     * @param name unique; by custom dotted, as {@code "encoder.0.weight"}
     * @throws IllegalArgumentException when the name is taken
     */
    public Builder add(String name, Shape shape, Initializer initializer) {
      return add(new Specification(name, shape, initializer, true));
    }

    /**
     * Adds a tensor that belongs to the model and is not trained: no tape computes its gradient and
     * no optimizer changes it.
     *
     * @param name unique among all parameters
     * @throws IllegalArgumentException when the name is taken
     */
    public Builder addNonTrainable(String name, Shape shape, Initializer initializer) {
      return add(new Specification(name, shape, initializer, false));
    }

    private Builder add(Specification specification) {
      String name = specification.name();
      String other = streams.putIfAbsent(RandomStream.idOf("parameters/" + name), name);
      if (other != null) {
        throw new IllegalArgumentException(
            other.equals(name)
                ? "parameters: there are two named \"" + name + "\""
                : "parameters: \""
                    + name
                    + "\" and \""
                    + other
                    + "\" would draw the same random numbers (equal hash): rename one");
      }
      specifications.add(specification);
      return this;
    }

    /** The shapes so far by name, in the order they were added. */
    public SequencedMap<String, Shape> shapes() {
      SequencedMap<String, Shape> shapes = new LinkedHashMap<>();
      specifications.forEach(each -> shapes.put(each.name(), each.shape()));
      return shapes;
    }

    /**
     * Allocates and initialises.
     *
     * @param seed key of the random numbers; each parameter has a stream of its own, derived from
     *     its name, so its initial value does not depend on the other parameters
     * @throws IllegalArgumentException when there are more numbers, padding included, than an int
     *     can count
     */
    public Parameters build(long seed) {
      return new Parameters(device, specifications, seed);
    }
  }

  /** Starts an empty set of parameters. */
  public static Builder builder(Device device) {
    return new Builder(device);
  }

  /** The device whose memory holds the parameters. */
  public Device device() {
    return values.device();
  }

  /**
   * The parameter of a name.
   *
   * @throws IllegalArgumentException when there is none
   */
  public Parameter get(String name) {
    Parameter parameter = byName.get(name);
    if (parameter == null) {
      throw new IllegalArgumentException(
          "there is no parameter \"" + name + "\"; there are " + byName.keySet());
    }
    return parameter;
  }

  /**
   * All parameters by name, the trainable ones first, else in the order they were added;
   * unmodifiable.
   */
  public SequencedMap<String, Parameter> byName() {
    return byName;
  }

  /** All parameters in the order of {@link #byName}. */
  @Override
  public Iterator<Parameter> iterator() {
    return byName.values().iterator();
  }

  /** The number of trainable numbers, padding not counted. */
  public long count() {
    return count;
  }

  /** All values as one vector, padding included. */
  public Tensor values() {
    return values;
  }

  /** All gradients as one vector, at the same places as the trainable values. */
  public Tensor gradients() {
    return gradients;
  }

  /**
   * A parameter's counterpart in another vector as long as {@link #values}: a view with the
   * parameter's shape.
   *
   * @throws IllegalArgumentException when the parameter is not one of these or the vector has
   *     another length
   */
  public Tensor sameIn(Tensor vector, Parameter parameter) {
    if (byName.get(parameter.name()) != parameter || !vector.shape().equals(values.shape())) {
      throw new IllegalArgumentException(
          vector.describe() + " has no counterpart of parameter " + parameter.describe());
    }
    return vector
        .slice(parameter.offset(), Math.toIntExact(parameter.shape().elements()))
        .reshape(parameter.shape());
  }

  /**
   * Switches the gradients of all parameters off or on, but of those that were added as
   * non-trainable; see {@link Parameter#trainable}.
   */
  public void trainable(boolean value) {
    byName.values().stream()
        .filter(Parameter::isLearnt)
        .forEach(parameter -> parameter.trainable(value));
  }

  /**
   * Forgets the gradients, so that the next contribution to each overwrites it. An optimizer's step
   * does this; it is needed only to drop gradients that no step has used.
   */
  public void forgetGradients() {
    byName.values().forEach(Parameter::forgetGradient);
  }

  /**
   * Sets the gradients to 0 of those parameters that no backward computation has reached since the
   * last step; an optimizer calls this before it uses {@link #gradients}.
   */
  public void completeGradients() {
    for (Parameter parameter : byName.values()) {
      if (parameter.isLearnt() && !parameter.hasGradient()) {
        parameter.gradient().fill(0);
      }
    }
  }

  /**
   * Copies the values of all parameters that both have, on the device.
   *
   * @param source may be on the same device only
   * @return how many parameters were copied
   * @throws IllegalArgumentException when shapes of the same name differ
   */
  public int copyFrom(Parameters source) {
    return copyFrom(source, UnaryOperator.identity());
  }

  /**
   * Copies values under other names: each parameter takes the value of the source's parameter
   * {@code rename(name)} where there is one.
   *
   * @param rename from a name here to the name in the source
   * @return how many parameters were copied
   * @throws IllegalArgumentException when the shapes of such a pair differ
   */
  public int copyFrom(Parameters source, UnaryOperator<String> rename) {
    int copied = 0;
    for (Parameter parameter : byName.values()) {
      Parameter from = source.byName.get(rename.apply(parameter.name()));
      if (from != null) {
        if (!from.shape().equals(parameter.shape())) {
          throw new IllegalArgumentException(
              "copyFrom: " + from.describe() + " does not fit into " + parameter.describe());
        }
        parameter.copyFrom(from);
        copied++;
      }
    }
    return copied;
  }

  /** Releases the memory of all parameters and gradients. */
  @Override
  public void close() {
    scope.close();
  }
}
