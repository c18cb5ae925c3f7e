package dev.clessidra.engine.optimizers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.clessidra.engine.TrainingState;
import dev.clessidra.kernels.Device;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LearningRateTest {
  static Stream<LearningRate> schedules() {
    return Stream.of(
        LearningRate.constant(0.01),
        LearningRate.warmupCosine(0.003, 4, 20, 1e-5),
        LearningRate.warmupCosine(0.003, 0, 20, 0),
        LearningRate.warmupCosine(0.003, 5, 5, 1e-4),
        LearningRate.stepDecay(0.1, 3, 0.5));
  }

  @ParameterizedTest
  @MethodSource("schedules")
  void theDeviceComputesTheSameRateAsTheHost(LearningRate rate) {
    try (Device device = Device.open("cpu");
        TrainingState state = new TrainingState(device, 1)) {
      for (int step = 0; step < 30; step++) {
        device.kernels().schedule(state.buffer(), rate.schedule());
        assertThat(state.read().learningRate())
            .as("%s at %s", rate, step)
            .isCloseTo(rate.at(step), within(Math.ulp(rate.at(step))));
        state.advance();
      }
    }
  }

  @Test
  void warmupRisesToTheBaseAndTheCosineFallsToTheFloor() {
    LearningRate rate = LearningRate.warmupCosine(1, 4, 12, 0.2);
    assertThat(rate.at(0)).isEqualTo(0.25f);
    assertThat(rate.at(3)).isEqualTo(1);
    assertThat(rate.at(4)).isEqualTo(1);
    assertThat(rate.at(8)).isCloseTo(0.6f, within(1e-6f));
    assertThat(rate.at(12)).isEqualTo(0.2f);
    assertThat(rate.at(1_000_000)).isEqualTo(0.2f);
  }

  @Test
  void stepDecayMultipliesEverySoManySteps() {
    LearningRate rate = LearningRate.stepDecay(1, 10, 0.5);
    assertThat(rate.at(9)).isEqualTo(1);
    assertThat(rate.at(10)).isEqualTo(0.5f);
    assertThat(rate.at(35)).isEqualTo(0.125f);
  }

  @Test
  void refusesWhatIsNoSchedule() {
    assertThatThrownBy(() -> LearningRate.constant(Double.NaN))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("learning rate: rate must be finite and not negative as a float, got NaN");
    assertThatThrownBy(() -> LearningRate.constant(1e300))
        .hasMessage("learning rate: rate must be finite and not negative as a float, got 1.0E300");
    assertThatThrownBy(() -> LearningRate.warmupCosine(1, 5, 4, 0))
        .hasMessage("warmupCosine: expected 0 <= warmup <= total, got warmup 5 and total 4");
    assertThatThrownBy(() -> LearningRate.warmupCosine(1, 0, 4, 2))
        .hasMessage("warmupCosine: floor 2.0 is above base 1.0");
    assertThatThrownBy(() -> LearningRate.stepDecay(1, 0, 0.5))
        .hasMessage("stepDecay: every must be at least 1 step, got 0");
    assertThatThrownBy(() -> LearningRate.stepDecay(1, 1, 1.5))
        .hasMessage("stepDecay: factor must be in [0, 1], got 1.5");
    assertThatThrownBy(() -> LearningRate.constant(1).at(-1))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
