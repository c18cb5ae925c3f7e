package dev.clessidra.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Compares an operation's output and gradients with a float64 reference: the output of a plain Java
 * definition, and its central finite differences. The loss is a random weighting of the output. The
 * operation is applied twice to the same inputs, so that gradients are added up as well as written.
 */
public final class GradientCheck {
  private static final double STEP = 1e-6;
  private static final double TOLERANCE = 2e-5;

  /** An operation on the tape. */
  @FunctionalInterface
  public interface Applied {
    Tensor apply(Tape tape, List<Tensor> inputs);
  }

  /** The same in float64: the output's elements from those of the inputs. */
  @FunctionalInterface
  public interface Reference {
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

    float draw(Random random) {
      return switch (this) {
        case SIGNED -> (random.nextBoolean() ? 1 : -1) * (0.1f + 0.9f * random.nextFloat());
        case POSITIVE -> 0.1f + 0.9f * random.nextFloat();
        case PROBABILITY -> 0.05f + 0.9f * random.nextFloat();
      };
    }
  }

  private GradientCheck() {}

  /** Checks the gradients of the inputs; all shapes are of FLOAT32 inputs that need a gradient. */
  public static void check(
      Device device, Applied operation, Reference reference, Values values, List<Shape> shapes) {
    Random random = new Random(shapes.hashCode());
    double[][] inputs = new double[shapes.size()][];
    try (Scope scope = device.scope()) {
      Tape tape = new Tape(device, scope);
      List<Tensor> tensors = new ArrayList<>();
      for (int i = 0; i < shapes.size(); i++) {
        float[] drawn = draw(shapes.get(i), values, random);
        inputs[i] = widen(drawn);
        tensors.add(tape.watch(Tensor.of(device, scope, "input " + i, shapes.get(i), drawn)));
      }
      Tensor first = tape.retain(operation.apply(tape, tensors));
      Tensor second = operation.apply(tape, tensors);
      float[] firstWeights = draw(first.shape(), Values.SIGNED, random);
      float[] secondWeights = draw(first.shape(), Values.SIGNED, random);
      Tensor loss =
          tape.add(weighted(tape, first, firstWeights), weighted(tape, second, secondWeights));
      tape.backward(loss);
      double[] weights = new double[firstWeights.length];
      for (int i = 0; i < weights.length; i++) {
        weights[i] = (double) firstWeights[i] + secondWeights[i];
      }

      double[] expected = reference.apply(inputs);
      assertClose("output " + shapes, first.copyToArray(), expected);
      for (int i = 0; i < inputs.length; i++) {
        assertClose(
            "gradient of input " + i + " of " + shapes,
            tape.gradient(tensors.get(i)).copyToArray(),
            differences(reference, inputs, i, weights));
      }
    }
  }

  private static Tensor weighted(Tape tape, Tensor output, float[] weights) {
    Tensor constant = Tensor.of(tape.device(), tape.scope(), "weights", output.shape(), weights);
    return tape.sum(tape.multiply(output, constant));
  }

  private static double[] differences(
      Reference reference, double[][] inputs, int input, double[] weights) {
    double[] x = inputs[input];
    double[] gradient = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      double value = x[i];
      x[i] = value + STEP;
      double above = dot(reference.apply(inputs), weights);
      x[i] = value - STEP;
      double below = dot(reference.apply(inputs), weights);
      x[i] = value;
      gradient[i] = (above - below) / (2 * STEP);
    }
    return gradient;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  static float[] draw(Shape shape, Values values, Random random) {
    float[] drawn = new float[(int) shape.elements()];
    for (int i = 0; i < drawn.length; i++) {
      drawn[i] = values.draw(random);
    }
    return drawn;
  }

  private static double[] widen(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }

  /** Each element to within the tolerance of the largest magnitude (at least 1). */
  static void assertClose(String what, float[] actual, double[] expected) {
    assertThat(actual).as(what).hasSameSizeAs(expected);
    double largest = 1;
    for (double value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    for (int i = 0; i < actual.length; i++) {
      double error = Math.abs(actual[i] - expected[i]) / largest;
      // A NaN is not below the tolerance either.
      assertThat(error < TOLERANCE)
          .as("%s at %s: %s, expected %s", what, i, actual[i], expected[i])
          .isTrue();
    }
  }
}
