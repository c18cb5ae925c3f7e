package dev.clessidra.engine.initializers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Shape;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceOptions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class InitializerTest {
  private Device device;

  @BeforeAll
  void open() {
    device = Device.open(DeviceOptions.defaults().withDevice("cpu").withDebug(true));
  }

  @AfterAll
  void close() {
    device.close();
  }

  private float[] values(Initializer initializer, Shape shape, long seed) {
    return values(device, "weight", initializer, shape, seed);
  }

  private static float[] values(
      Device on, String name, Initializer initializer, Shape shape, long seed) {
    try (Parameters parameters = Parameters.builder(on).add(name, shape, initializer).build(seed)) {
      return parameters.get(name).copyToArray();
    }
  }

  private static double mean(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += value;
    }
    return sum / values.length;
  }

  private static double variance(float[] values) {
    double mean = mean(values);
    double sum = 0;
    for (float value : values) {
      sum += (value - mean) * (value - mean);
    }
    return sum / values.length;
  }

  @Test
  void theSimpleOnesGiveWhatTheySay() {
    assertThat(values(Initializer.zeros(), Shape.of(5), 1)).containsOnly(0);
    assertThat(values(Initializer.constant(2.5f), Shape.of(5), 1)).containsOnly(2.5f);
    assertThat(values(Initializer.values(1, 2, 3, 4), Shape.of(2, 2), 1))
        .containsExactly(1, 2, 3, 4);
    assertThatThrownBy(() -> values(Initializer.values(1, 2), Shape.of(3), 1))
        .hasMessage("copyFrom: \"weight\" [3] has 3 elements, got 2 values");
    float[] uniform = values(Initializer.uniform(2, 3), Shape.of(1000), 1);
    for (float value : uniform) {
      assertThat(value).isBetween(2f, 3f);
    }
    assertThat(mean(uniform)).isCloseTo(2.5, within(0.05));
    float[] normal = values(Initializer.normal(-1, 0.5f), Shape.of(4000), 1);
    assertThat(mean(normal)).isCloseTo(-1, within(0.05));
    assertThat(variance(normal)).isCloseTo(0.25, within(0.03));
  }

  @ParameterizedTest
  @CsvSource({
    "heNormal, 300, 100, 0.00666667",
    "heUniform, 300, 100, 0.00666667",
    "glorotNormal, 300, 100, 0.005",
    "glorotUniform, 300, 100, 0.005"
  })
  void scaledInitializersHaveTheirVariance(String name, int in, int out, double expected) {
    Initializer initializer =
        switch (name) {
          case "heNormal" -> Initializer.heNormal();
          case "heUniform" -> Initializer.heUniform();
          case "glorotNormal" -> Initializer.glorotNormal();
          default -> Initializer.glorotUniform();
        };
    float[] values = values(initializer, Shape.of(in, out), 3);
    assertThat(mean(values)).isCloseTo(0, within(0.002));
    assertThat(variance(values)).isCloseTo(expected, within(expected * 0.03));
  }

  @Test
  void filtersCountTheirWholeWindowAsFanIn() {
    float[] values = values(Initializer.heNormal(), Shape.of(64, 3, 3, 16), 3);
    assertThat(variance(values)).isCloseTo(2.0 / (3 * 3 * 16), within(0.001));
  }

  @ParameterizedTest
  @CsvSource({"30, 12", "12, 30", "20, 20", "1, 1"})
  void orthogonalMatricesHaveOrthonormalRowsOrColumns(int rows, int columns) {
    float gain = 1.5f;
    float[] w = values(Initializer.orthogonal(gain), Shape.of(rows, columns), 5);
    int count = Math.min(rows, columns);
    for (int a = 0; a < count; a++) {
      for (int b = 0; b < count; b++) {
        double dot = 0;
        for (int i = 0; i < Math.max(rows, columns); i++) {
          dot +=
              rows <= columns
                  ? (double) w[a * columns + i] * w[b * columns + i]
                  : (double) w[i * columns + a] * w[i * columns + b];
        }
        assertThat(dot).isCloseTo(a == b ? gain * gain : 0, within(1e-5));
      }
    }
  }

  @Test
  void sparseGivesEachUnitItsNumberOfIncomingWeights() {
    int rows = 40;
    int columns = 25;
    float[] w = values(Initializer.sparse(15, 1), Shape.of(rows, columns), 5);
    int[] usesOfInput = new int[rows];
    for (int column = 0; column < columns; column++) {
      int nonZeros = 0;
      for (int row = 0; row < rows; row++) {
        if (w[row * columns + column] != 0) {
          nonZeros++;
          usesOfInput[row]++;
        }
      }
      assertThat(nonZeros).isEqualTo(15);
    }
    assertThat(usesOfInput).as("inputs are chosen at random").doesNotContain(columns);
    assertThat(values(Initializer.sparse(15, 1), Shape.of(4, 3), 5)).doesNotContain(0);
    assertThatThrownBy(() -> Initializer.sparse(0, 1))
        .hasMessage("sparse: each unit needs at least 1 non-zero weight, got 0");
    assertThatThrownBy(() -> Initializer.sparse(1, Float.NaN))
        .hasMessage("sparse: expected a finite deviation of at least 0, got NaN");
  }

  @Test
  void refusesWhatIsNoDistribution() {
    assertThatThrownBy(() -> Initializer.normal(0, Float.NaN))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "normal: expected a finite mean and a finite deviation of at least 0, got 0.0 and NaN");
    assertThatThrownBy(() -> Initializer.uniform(1, -1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("uniform: expected finite numbers, low at most high, got 1.0 and -1.0");
  }

  @Test
  void aSeedGivesTheSameBitsForAnyThreadsAndInstructionSet() {
    DeviceOptions portable =
        DeviceOptions.defaults().withDevice("cpu").withThreads(3).withInstructionSet("portable");
    try (Device other = Device.open(portable)) {
      for (Initializer initializer :
          new Initializer[] {
            Initializer.heNormal(),
            Initializer.glorotUniform(),
            Initializer.orthogonal(1),
            Initializer.sparse(5, 1)
          }) {
        float[] expected = values(initializer, Shape.of(30, 21), 8);
        assertThat(values(other, "weight", initializer, Shape.of(30, 21), 8)).isEqualTo(expected);
        assertThat(values(initializer, Shape.of(30, 21), 9)).isNotEqualTo(expected);
        assertThat(values(device, "other", initializer, Shape.of(30, 21), 8))
            .isNotEqualTo(expected);
      }
    }
  }
}
