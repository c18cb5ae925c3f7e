package dev.clessidra.engine.optimizers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.clessidra.engine.Parameter;
import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.engine.initializers.Initializer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceOptions;
import dev.clessidra.kernels.OutOfDeviceMemoryException;
import dev.clessidra.kernels.Scope;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Each optimizer against its formula in float64, on the loss sum(w x^2). */
class OptimizerTest {
  private static final float[] START = {1, -2, 0.5f, 3};
  private static final double[] CURVATURE = {0.5, 2, 1, 0.25};
  private static final int STEPS = 20;

  private Device device;
  private Parameters parameters;
  private TrainingState state;

  @BeforeEach
  void open() {
    device = Device.open("cpu");
    parameters =
        Parameters.builder(device)
            .add("before", Shape.of(3), Initializer.constant(7))
            .add("x", Shape.of(4), Initializer.values(START))
            .build(1);
    state = new TrainingState(device, 1);
  }

  @AfterEach
  void close() {
    state.close();
    parameters.close();
    device.close();
  }

  private void run(Optimizer optimizer) {
    for (int i = 0; i < STEPS; i++) {
      try (Scope scope = device.scope()) {
        Tape tape = new Tape(device, scope);
        float[] weights = new float[4];
        for (int j = 0; j < 4; j++) {
          weights[j] = (float) CURVATURE[j];
        }
        Tensor w = Tensor.of(device, scope, "curvature", Shape.of(4), weights);
        tape.backward(tape.sum(tape.multiply(tape.square(parameters.get("x")), w)));
        optimizer.step();
        state.advance();
      }
    }
    optimizer.close();
  }

  /** One coordinate's step: p and its gradient to the new p; the index tells its state. */
  private interface Rule {
    double update(int index, int step, double p, double g);
  }

  private void assertFollows(Rule rule) {
    double[] expected = new double[4];
    for (int i = 0; i < 4; i++) {
      double p = START[i];
      for (int step = 0; step < STEPS; step++) {
        p = rule.update(i, step, p, 2 * CURVATURE[i] * p);
      }
      expected[i] = p;
    }
    float[] actual = parameters.get("x").copyToArray();
    for (int i = 0; i < 4; i++) {
      assertThat((double) actual[i]).isCloseTo(expected[i], within(2e-5));
      assertThat(actual[i]).isNotEqualTo(START[i]);
    }
    assertThat(state.step()).isEqualTo(STEPS);
  }

  @Test
  void gradientDescentWithMomentumFollowsItsFormula() {
    run(Sgd.builder(LearningRate.stepDecay(0.05, 5, 0.5)).momentum(0.8).build(parameters, state));
    double[] v = new double[4];
    assertFollows((i, step, p, g) -> {
      v[i] = (double) 0.8f * v[i] + g;
      return p - 0.05 * Math.pow(0.5, Math.floorDiv(step, 5)) * v[i];
    });
    assertThat(parameters.get("before").copyToArray()).containsOnly(7);
  }

  @Test
  void nesterovWithWeightDecayFollowsItsFormula() {
    run(
        Sgd.builder(LearningRate.constant(0.05))
            .momentum(0.8)
            .nesterov(true)
            .weightDecay(0.1)
            .build(parameters, state));
    double[] v = new double[4];
    assertFollows((i, step, p, g) -> {
      double decayed = g + (double) 0.1f * p;
      v[i] = (double) 0.8f * v[i] + decayed;
      return p - 0.05 * ((double) 0.8f * v[i] + decayed);
    });
  }

  @Test
  void whatIsNotTrainableHasNoDecayAndIsAveraged() {
    try (Parameters own =
            Parameters.builder(device)
                .add("x", Shape.of(4), Initializer.values(START))
                .addNonTrainable("statistics", Shape.of(4), Initializer.values(START))
                .build(1);
        Adam adam = Adam.builder(LearningRate.constant(0.05)).weightDecay(0.5).build(own, state);
        ParameterAverage average = new ParameterAverage(own, state, 0.5)) {
      adam.step();
      assertThat(own.get("statistics").copyToArray()).isEqualTo(START);
      assertThat(own.get("x").copyToArray()).isNotEqualTo(START);
      own.get("statistics").fill(9);
      average.update();
      assertThat(average.of(own.get("statistics")).copyToArray()[0]).isBetween(2f, 9f);
    }
  }

  @Test
  void adamFollowsItsFormula() {
    run(Adam.builder(LearningRate.constant(0.05)).build(parameters, state));
    double[] m = new double[4];
    double[] v = new double[4];
    assertFollows((i, step, p, g) -> p - 0.05 * adam(m, v, i, step, g));
    assertThat(parameters.get("before").copyToArray()).containsOnly(7);
  }

  @Test
  void adamWithDecoupledDecayFollowsItsFormula() {
    run(Adam.builder(LearningRate.constant(0.05)).weightDecay(0.1).build(parameters, state));
    double[] m = new double[4];
    double[] v = new double[4];
    assertFollows((i, step, p, g) -> p * (1 - 0.05 * 0.1) - 0.05 * adam(m, v, i, step, g));
  }

  @Test
  void adamWithDecayInTheGradientFollowsItsFormula() {
    run(Adam.builder(LearningRate.constant(0.05)).gradientDecay(0.1).build(parameters, state));
    double[] m = new double[4];
    double[] v = new double[4];
    assertFollows((i, step, p, g) -> p - 0.05 * adam(m, v, i, step, g + 0.1 * p));
  }

  private static double adam(double[] m, double[] v, int i, int step, double g) {
    m[i] = 0.9 * m[i] + 0.1 * g;
    v[i] = 0.999 * v[i] + 0.001 * g * g;
    double mean = m[i] / (1 - Math.pow(0.9, step + 1));
    double square = v[i] / (1 - Math.pow(0.999, step + 1));
    return mean / (Math.sqrt(square) + 1e-8);
  }

  @Test
  void clippingScalesTheGradientsToTheMaximumNorm() {
    Sgd sgd = Sgd.builder(LearningRate.constant(1)).maximumNorm(0.5).build(parameters, state);
    Parameter x = parameters.get("x");
    try (Scope scope = device.scope()) {
      Tape tape = new Tape(device, scope);
      tape.backward(tape.scale(tape.sum(x), 3));
      sgd.step();
    }
    assertThat(state.read().gradientNorm()).isEqualTo(6);
    assertThat(state.read().gradientScale()).isEqualTo(0.5f / 6);
    float[] after = x.copyToArray();
    for (int i = 0; i < 4; i++) {
      assertThat(after[i]).isCloseTo(START[i] - 0.25f, within(1e-6f));
    }
    sgd.close();
  }

  @Test
  void paddingStaysZero() {
    run(Adam.builder(LearningRate.constant(0.05)).weightDecay(0.1).build(parameters, state));
    float[] values = parameters.values().copyToArray();
    assertThat(values).hasSize(32);
    for (int i = 0; i < values.length; i++) {
      boolean padding = (i >= 3 && i < 16) || i >= 20;
      assertThat(values[i] == 0).as("element %s", i).isEqualTo(padding);
    }
  }

  @Test
  void theAverageFollowsItsFormula() {
    ParameterAverage average = new ParameterAverage(parameters, state, 0.5);
    Parameter x = parameters.get("x");
    double expected = START[0];
    for (int step = 0; step < 6; step++) {
      x.fill(step);
      average.update();
      double decay = Math.min(0.5, (1.0 + step) / (10 + step));
      expected = decay * expected + (1 - decay) * step;
      assertThat((double) average.of(x).copyToArray()[0]).isCloseTo(expected, within(1e-5));
      state.advance();
    }
    average.restart();
    assertThat(average.of(x).copyToArray()).containsOnly(5);
    average.with(() ->
        assertThatThrownBy(average::update)
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("while the average stands in"));
    average.close();
  }

  @Test
  void oneThatFindsTooLittleMemoryKeepsNone() {
    DeviceOptions options = DeviceOptions.defaults().withDevice("cpu").withMemoryLimit(15L << 20);
    try (Device small = Device.open(options);
        Parameters large =
            Parameters.builder(small).add("x", Shape.of(1 << 20), Initializer.zeros()).build(1);
        TrainingState step = new TrainingState(small, 1)) {
      int before = small.memory().liveBuffers();
      LearningRate rate = LearningRate.constant(1);
      assertThatThrownBy(() -> Adam.builder(rate).build(large, step))
          .isInstanceOf(OutOfDeviceMemoryException.class);
      assertThat(small.memory().liveBuffers()).isEqualTo(before);
      assertThatThrownBy(() -> new ParameterAverage(large, step, 0.9))
          .isInstanceOf(OutOfDeviceMemoryException.class);
      assertThat(small.memory().liveBuffers()).isEqualTo(before);
    }
  }

  @Test
  void refusesSettingsOutOfRange() {
    LearningRate rate = LearningRate.constant(1);
    assertThatThrownBy(() -> Sgd.builder(rate).momentum(1))
        .hasMessage("optimizer: momentum must be in [0, 1), got 1.0");
    assertThatThrownBy(() -> Adam.builder(rate).betas(0.9, -1))
        .hasMessage("optimizer: beta2 must be in [0, 1), got -1.0");
    assertThatThrownBy(() -> Adam.builder(rate).betas(0.9, 0.99999999))
        .hasMessage("optimizer: beta2 must be in [0, 1) as a float, got 0.99999999");
    assertThatThrownBy(() -> Sgd.builder(rate).momentum(0.99999999))
        .hasMessage("optimizer: momentum must be in [0, 1) as a float, got 0.99999999");
    assertThatThrownBy(() -> Adam.builder(rate).epsilon(0))
        .hasMessage("optimizer: epsilon must be above 0, got 0.0");
    assertThatThrownBy(() -> Adam.builder(rate).weightDecay(Double.NaN))
        .hasMessage("optimizer: weight decay must be finite and not negative, got NaN");
    assertThatThrownBy(() -> Sgd.builder(rate).maximumNorm(0).build(parameters, state))
        .hasMessage("optimizer: the gradients' maximum norm must be above 0, got 0.0");
    try (Device other = Device.open("cpu");
        TrainingState elsewhere = new TrainingState(other, 1)) {
      assertThatThrownBy(() -> Adam.builder(rate).build(parameters, elsewhere))
          .hasMessageContaining("on different devices");
    }
  }
}
