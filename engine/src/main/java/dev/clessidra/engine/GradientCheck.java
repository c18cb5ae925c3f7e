package dev.clessidra.engine;

import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.function.IntPredicate;

/**
 * Compares the gradients that a function on the tape computes with central differences; for tests
 * of operations.
 *
 * <pre>{@code
 * GradientCheck.of((tape, x) -> tape.apply(new Swish(), x.getFirst()))
 *     .input(Shape.of(3, 5))
 *     .run(device);
 * }</pre>
 *
 * <p>The loss is a random weighting of the output. The function is applied twice to the same
 * inputs, so that gradients are added to others ({@code beta} 1) as well as written, and in place
 * where {@link BackwardContext#inPlaceGradient} allows it; then once more with an output whose
 * gradient is still needed and must be left as it is; and where there are several inputs, for each
 * with the others constant.
 *
 * <p>The differences are those of the function itself, in float32, or better those of a {@linkplain
 * #reference float64 definition}, which also checks the output and whose step is so small that a
 * kink (of a maximum, say) is hardly met. In {@linkplain
 * dev.clessidra.kernels.DeviceOptions#withDebug debug mode} a device fills fresh memory with NaN,
 * so that reading what was not written shows.
 *
 * <p>Not safe for use by several threads.
 */
public final class GradientCheck {
  // Truncation goes with its square, float32 rounding with its inverse.
  private static final float STEP = 0x1p-8f;
  private static final double TOLERANCE = 2e-3;
  // Of a sum of float32 numbers, as a share of the sum of their magnitudes.
  private static final double ROUNDING = 0x1p-21;
  private static final double REFERENCE_STEP = 1e-6;
  private static final double REFERENCE_TOLERANCE = 2e-5;

  /** A function on a tape; it must give the same output for the same inputs. */
  @FunctionalInterface
  public interface Function {
    /** Gives a FLOAT32 output of any shape. */
    Tensor apply(Tape tape, List<Tensor> inputs);
  }

  /** The same in float64. */
  @FunctionalInterface
  public interface Reference {
    /** Gives the output's elements from those of the inputs, which it must not change. */
    double[] apply(double[][] inputs);
  }

  /** How the values of an input are drawn. */
  public enum Values {
    /** Of magnitude 0.1 to 1, of either sign: away from the kinks at 0. */
    SIGNED,
    /** 0.1 to 1. */
    POSITIVE,
    /** 0.05 to 0.95: probabilities. */
    PROBABILITY;

    /** An array of the shape's elements. */
    float[] draw(Shape shape, Random random) {
      float[] drawn = new float[Math.toIntExact(shape.elements())];
      for (int i = 0; i < drawn.length; i++) {
        drawn[i] =
            switch (this) {
              case SIGNED -> (random.nextBoolean() ? 1 : -1) * (0.1f + 0.9f * random.nextFloat());
              case POSITIVE -> 0.1f + 0.9f * random.nextFloat();
              case PROBABILITY -> 0.05f + 0.9f * random.nextFloat();
            };
      }
      return drawn;
    }
  }

  private final Function function;
  private final List<Shape> shapes = new ArrayList<>();
  private final List<Values> values = new ArrayList<>();
  private Reference reference;

  private GradientCheck(Function function) {
    this.function = Objects.requireNonNull(function, "function");
  }

  /** A check of this function; it needs an {@linkplain #input input}. */
  public static GradientCheck of(Function function) {
    return new GradientCheck(function);
  }

  /** The next input, FLOAT32 of that shape, with values of either sign. */
  public GradientCheck input(Shape shape) {
    return input(Values.SIGNED, shape);
  }

  /** The next input, FLOAT32 of that shape, with such values. */
  public GradientCheck input(Values values, Shape shape) {
    this.values.add(Objects.requireNonNull(values, "values"));
    shapes.add(Objects.requireNonNull(shape, "shape"));
    return this;
  }

  /**
   * A definition to take the differences of, which the output is compared with as well; then the
   * tolerance is 2e-5 of the largest magnitude (at least 1), else 2e-3 of it and what differences
   * lose by rounding.
   */
  public GradientCheck reference(Reference definition) {
    reference = Objects.requireNonNull(definition, "definition");
    return this;
  }

  /**
   * Runs the check.
   *
   * @throws AssertionError when something differs; it names the operation, the input and the
   *     element, and says what that is and what was expected
   * @throws IllegalStateException when backward gives no gradient for an input that needs one, or
   *     one for an input that needs none
   */
  public void run(Device device) {
    Random random = new Random(shapes.hashCode());
    double[][] inputs = new double[shapes.size()][];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = widen(values.get(i).draw(shapes.get(i), random));
    }
    Output output = evaluate(device, inputs);
    if (reference != null) {
      assertClose(
          output.operation + ": output of " + shapes, output.elements, reference.apply(inputs));
    }
    float[][] weights = new float[2][];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = Values.SIGNED.draw(output.shape, random);
    }
    float[][] gradients = gradients(device, inputs, output, weights, input -> true, false);
    float[][] besideOutputs = gradients(device, inputs, output, weights, input -> true, true);
    for (int i = 0; i < inputs.length; i++) {
      int input = i;
      double[] expected = differences(device, inputs, input, sum(weights));
      double tolerance = tolerance(expected, output, sum(weights));
      String what =
          "%s: gradient of input %d %s".formatted(output.operation, input, shapes.get(input));
      assertClose(what, gradients[input], expected, tolerance);
      assertClose(what + " beside the output's", besideOutputs[input], expected, tolerance);
      if (inputs.length > 1) {
        float[][] alone = gradients(device, inputs, output, weights, only -> only == input, false);
        assertClose(what + " without the others'", alone[input], expected, tolerance);
      }
    }
  }

  /** What the function gave, and the operation that it ended with. */
  private static final class Output {
    private final String operation;
    private final Shape shape;
    private final float[] elements;

    Output(Tensor tensor) {
      operation = tensor.label();
      shape = tensor.shape();
      elements = tensor.copyToArray();
    }
  }

  private Output evaluate(Device device, double[][] inputs) {
    try (Scope scope = device.scope()) {
      // Recording, as in training: some operations do nothing on an inference tape.
      Tape tape = new Tape(device, scope);
      return new Output(function.apply(tape, tensors(tape, inputs, input -> true)));
    }
  }

  private List<Tensor> tensors(Tape tape, double[][] inputs, IntPredicate needed) {
    List<Tensor> tensors = new ArrayList<>();
    for (int i = 0; i < inputs.length; i++) {
      float[] elements = narrow(inputs[i]);
      Tensor tensor = Tensor.of(tape.device(), tape.scope(), "input " + i, shapes.get(i), elements);
      tensors.add(needed.test(i) ? tape.watch(tensor) : tensor);
    }
    return tensors;
  }

  /**
   * The gradients of the inputs that are needed.
   *
   * @param weights of the output, for each time that the function is applied
   * @param ofOutputs whether the gradients of the outputs are needed afterwards too
   * @return null for the other inputs
   */
  private float[][] gradients(
      Device device,
      double[][] inputs,
      Output expected,
      float[][] weights,
      IntPredicate needed,
      boolean ofOutputs) {
    try (Scope scope = device.scope()) {
      Tape tape = new Tape(device, scope);
      List<Tensor> tensors = tensors(tape, inputs, needed);
      List<Tensor> outputs = new ArrayList<>();
      List<Tensor> losses = new ArrayList<>();
      for (float[] weight : weights) {
        Tensor output = tape.retain(function.apply(tape, tensors));
        outputs.add(ofOutputs ? tape.watch(output) : output);
        Tensor constant = Tensor.of(device, scope, "weights", output.shape(), weight);
        losses.add(tape.sum(tape.multiply(output, constant)));
      }
      tape.backward(tape.addLosses(losses.toArray(Tensor[]::new)));
      for (int i = 0; i < weights.length; i++) {
        String what = expected.operation + ": after backward the output ";
        assertSame(what + "itself", outputs.get(i).copyToArray(), expected.elements);
        // A function without effect may give an input back, which has other contributions too.
        if (ofOutputs && !tensors.contains(outputs.get(i))) {
          float[] gradient = tape.gradient(outputs.get(i)).copyToArray();
          assertSame(what + "has a gradient that", gradient, weights[i]);
        }
      }
      float[][] gradients = new float[inputs.length][];
      for (int i = 0; i < gradients.length; i++) {
        gradients[i] = needed.test(i) ? tape.gradient(tensors.get(i)).copyToArray() : null;
      }
      return gradients;
    }
  }

  /** The gradient of the weighted output, by central differences. */
  private double[] differences(Device device, double[][] inputs, int input, double[] weights) {
    Reference definition = reference != null ? reference : x -> widen(evaluate(device, x).elements);
    double step = reference != null ? REFERENCE_STEP : STEP;
    double[] x = inputs[input];
    double[] gradient = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      double value = x[i];
      x[i] = value + step;
      double above = dot(definition.apply(inputs), weights);
      x[i] = value - step;
      double below = dot(definition.apply(inputs), weights);
      x[i] = value;
      gradient[i] = (above - below) / (2 * step);
    }
    return gradient;
  }

  private double tolerance(double[] gradient, Output output, double[] weights) {
    if (reference != null) {
      return referenceTolerance(gradient);
    }
    double summands = 0;
    for (int i = 0; i < weights.length; i++) {
      summands += Math.abs(output.elements[i] * weights[i]);
    }
    return TOLERANCE * largest(gradient) + ROUNDING * summands / STEP;
  }

  private static double referenceTolerance(double[] expected) {
    return REFERENCE_TOLERANCE * Math.max(1, largest(expected));
  }

  private static double largest(double[] values) {
    return Arrays.stream(values).map(Math::abs).max().orElse(0);
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  private static double[] sum(float[][] vectors) {
    double[] sum = new double[vectors[0].length];
    for (float[] vector : vectors) {
      for (int i = 0; i < sum.length; i++) {
        sum[i] += vector[i];
      }
    }
    return sum;
  }

  private static double[] widen(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }

  private static float[] narrow(double[] values) {
    float[] narrow = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      narrow[i] = (float) values[i];
    }
    return narrow;
  }

  /** Each element to within the tolerance of a float64 reference. */
  static void assertClose(String what, float[] actual, double[] expected) {
    assertClose(what, actual, expected, referenceTolerance(expected));
  }

  private static void assertClose(
      String what, float[] actual, double[] expected, double tolerance) {
    if (actual.length != expected.length) {
      throw new AssertionError(
          "%s: has %d elements, expected %d".formatted(what, actual.length, expected.length));
    }
    for (int i = 0; i < actual.length; i++) {
      // A NaN is not within the tolerance either.
      if (!(Math.abs(actual[i] - expected[i]) <= tolerance)) {
        throw new AssertionError(
            "%s: element %d is %s, expected %s within %s"
                .formatted(what, i, actual[i], (float) expected[i], (float) tolerance));
      }
    }
  }

  private static void assertSame(String what, float[] actual, float[] expected) {
    int i = Arrays.mismatch(actual, expected);
    if (i >= 0) {
      throw new AssertionError(
          "%s was changed: element %d is %s, expected %s"
              .formatted(what, i, actual[i], expected[i]));
    }
  }
}
