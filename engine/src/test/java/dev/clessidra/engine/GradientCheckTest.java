package dev.clessidra.engine;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceOptions;
import dev.clessidra.kernels.Kernels;
import dev.clessidra.kernels.UnaryFunction;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** That the check finds each kind of mistake in an operation, with and without a reference. */
class GradientCheckTest {
  private static final Shape SHAPE = Shape.of(3, 5);

  private static Device device;

  @BeforeAll
  static void open() {
    device = Device.open(DeviceOptions.defaults().withDevice("cpu").withDebug(true));
  }

  @AfterAll
  static void close() {
    device.close();
  }

  enum Mistake {
    WRONG_DERIVATIVE("triple: gradient of input 0 [3, 5]: element "),
    FORGETS_BETA("triple: gradient of input 0 [3, 5]: element "),
    READS_WHAT_IT_OVERWROTE("triple: gradient of input 0 [3, 5]: element "),
    WRONG_UNLESS_IN_PLACE("triple: gradient of input 0 [3, 5] beside the output's: element "),
    OVERWRITES_THE_OUTPUTS_GRADIENT("triple: after backward the output has a gradient that was"),
    OVERWRITES_THE_OUTPUT("triple: after backward the output itself was changed: element ");

    private final String message;

    Mistake(String message) {
      this.message = message;
    }
  }

  /** {@code y = 3 x}. */
  private record Triple(Mistake mistake) implements Operation {
    @Override
    public String name() {
      return "triple";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = inputs.getFirst();
      Tensor y = context.allocate(x.shape());
      scale(context.kernels(), x, 3, y, 0);
      context.save(y);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      Kernels kernels = context.kernels();
      Tensor dy = context.outputGradient();
      switch (mistake) {
        case WRONG_DERIVATIVE -> {
          GradientTarget dx = context.gradient(0);
          scale(kernels, dy, 3.05f, dx.tensor(), dx.beta());
        }
        case FORGETS_BETA -> scale(kernels, dy, 3, context.gradient(0).tensor(), 0);
        case READS_WHAT_IT_OVERWROTE -> {
          GradientTarget dx = context.inPlaceGradient(0);
          scale(kernels, dy, 2, dx.tensor(), dx.beta());
          scale(kernels, dy, 1, dx.tensor(), 1);
        }
        case WRONG_UNLESS_IN_PLACE -> {
          GradientTarget dx = context.inPlaceGradient(0);
          boolean apart = dx.beta() == 0 && dx.tensor().root() != dy.root();
          scale(kernels, dy, apart ? 2 : 3, dx.tensor(), dx.beta());
        }
        case OVERWRITES_THE_OUTPUTS_GRADIENT -> {
          scale(kernels, dy, 3, dy, 0);
          GradientTarget dx = context.gradient(0);
          scale(kernels, dy, 1, dx.tensor(), dx.beta());
        }
        case OVERWRITES_THE_OUTPUT -> {
          scale(kernels, dy, 3, context.saved(0), 0);
          GradientTarget dx = context.gradient(0);
          scale(kernels, context.saved(0), 1, dx.tensor(), dx.beta());
        }
      }
    }

    private static void scale(Kernels kernels, Tensor x, float factor, Tensor y, float beta) {
      kernels.unary(
          UnaryFunction.AFFINE, x.buffer(), y.buffer(), x.shape().elements(), factor, 0, beta);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aMistakeIsFound(Mistake mistake) {
    assertThatThrownBy(() -> check(mistake).run(device))
        .isInstanceOf(AssertionError.class)
        .hasMessageStartingWith(mistake.message);
    assertThatThrownBy(() -> check(mistake).reference(x -> scaled(x[0], 3)).run(device))
        .isInstanceOf(AssertionError.class)
        .hasMessageStartingWith(mistake.message);
  }

  private static GradientCheck check(Mistake mistake) {
    return GradientCheck.of((tape, x) -> tape.apply(new Triple(mistake), x.getFirst()))
        .input(SHAPE);
  }

  private static double[] scaled(double[] x, double factor) {
    return Arrays.stream(x).map(v -> factor * v).toArray();
  }

  @Test
  void aFunctionWithoutEffectIsRight() {
    GradientCheck.of((tape, x) -> x.getFirst()).input(SHAPE).run(device);
  }

  @Test
  void aSmallGradientIsHeldToItsOwnMagnitude() {
    assertThatThrownBy(() ->
            GradientCheck.of((tape, x) ->
                    tape.scale(
                        tape.apply(new Triple(Mistake.WRONG_DERIVATIVE), x.getFirst()), 1e-6f))
                .input(SHAPE)
                .run(device))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("gradient of input 0");
  }

  @Test
  void anOutputUnlikeTheReferenceIsFound() {
    GradientCheck check =
        GradientCheck.of((tape, x) -> tape.scale(x.getFirst(), 2))
            .input(GradientCheck.Values.POSITIVE, SHAPE)
            .reference(x -> scaled(x[0], 2.001));
    assertThatThrownBy(() -> check.run(device))
        .isInstanceOf(AssertionError.class)
        .hasMessageStartingWith("affine: output of [[3, 5]]: element ");
  }

  /** {@code a + b}, whose backward does not ask which gradients are needed. */
  private record ThoughtlessSum() implements Operation {
    @Override
    public String name() {
      return "thoughtlessSum";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor y = context.allocate(inputs.getFirst().shape());
      Triple.scale(context.kernels(), inputs.get(0), 1, y, 0);
      Triple.scale(context.kernels(), inputs.get(1), 1, y, 1);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      for (int i = 0; i < 2; i++) {
        GradientTarget dx = context.gradient(i);
        Triple.scale(context.kernels(), context.outputGradient(), 1, dx.tensor(), dx.beta());
      }
    }
  }

  @Test
  void aGradientThatIsNotNeededIsNotGiven() {
    GradientCheck check =
        GradientCheck.of((tape, x) -> tape.apply(new ThoughtlessSum(), x.get(0), x.get(1)))
            .input(SHAPE)
            .input(SHAPE);
    assertThatThrownBy(() -> check.run(device))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith("thoughtlessSum: the gradient of input 1 is not wanted");
  }
}
