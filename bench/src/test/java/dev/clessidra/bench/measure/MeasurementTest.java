package dev.clessidra.bench.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clessidra.bench.baselines.Arithmetic;
import dev.clessidra.bench.baselines.Clessidra;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.work.GaussianSample;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.MatrixProduct;
import dev.clessidra.bench.work.SelfTimed;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Device;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MeasurementTest {
  private static final MatrixProduct PRODUCT = new MatrixProduct(3, 5, 4, true, false);

  @ParameterizedTest
  @ValueSource(strings = {"cpu", "emulated"})
  void aRightResultIsTimedBesideClessidras(String name) {
    Result result = measure(name, PRODUCT, new StubLibrary("other", MeasurementTest::product));

    assertThat(result.failures()).isEmpty();
    assertThat(result.timings()).extracting(Timing::library).containsExactly("clessidra", "other");
    Timing own = result.timing(Clessidra.NAME).orElseThrow();
    assertThat(own.seconds().median()).isPositive();
    assertThat(own.endToEnd().median()).isPositive();
    assertThat(own.share().median()).isPositive();
    assertThat(own.seconds().rounds()).isEqualTo(Effort.TRIAL.rounds());
    assertThat(own.ratio()).isNull();
    Timing other = result.timing("other").orElseThrow();
    assertThat(other.ratio().median()).isPositive();
    assertThat(other.error()).isLessThan(1e-6);
  }

  @Test
  void tf32HasARatioButNoShareOfThePeak() {
    Result result =
        measure(
            "emulated",
            PRODUCT,
            new StubLibrary("some-tf32", Arithmetic.TF32, MeasurementTest::product));

    Timing tf32 = result.timing("some-tf32").orElseThrow();
    assertThat(tf32.arithmetic()).isEqualTo(Arithmetic.TF32);
    assertThat(tf32.ratio().median()).isPositive();
    assertThat(tf32.share()).isNull();
  }

  @Test
  void aWrongResultIsAnErrorAndNotTimed() {
    Result result =
        measure(
            "cpu",
            PRODUCT,
            new StubLibrary("wrong", (_, inputs) -> changed(product(PRODUCT, inputs), 1.01f)),
            new StubLibrary("short", (_, _) -> new float[] {1}),
            new StubLibrary("infinite", (_, _) -> changed(new float[15], Float.NaN)),
            new StubLibrary(
                "broken",
                (_, _) -> {
                  throw new IllegalStateException("it broke");
                }),
            new StubLibrary("without", (_, _) -> null));

    assertThat(result.timings()).extracting(Timing::library).containsExactly("clessidra");
    assertThat(result.failures())
        .hasSize(4)
        .containsEntry("short", "wrong result: 1 values, expected 15")
        .containsEntry("infinite", "wrong result: value 0 is NaN, expected finite numbers")
        .containsEntry("broken", "it broke");
    assertThat(result.failures().get("wrong"))
        .matches("wrong result: it differs by .* from what is right, expected at most 0.00010");
  }

  @Test
  void whatFailsWhileItIsTimedIsAnErrorAndTheOthersGoOn() {
    StubLibrary right = new StubLibrary("right", MeasurementTest::product);
    StubLibrary failing = new StubLibrary("failing", MeasurementTest::product).withRuns(2);

    Result result = measure("cpu", PRODUCT, failing, right);

    assertThat(result.failures()).isEqualTo(Map.of("failing", "it has run 2 times"));
    assertThat(result.timings()).extracting(Timing::library).containsExactly("clessidra", "right");
    assertThat(result.timing("right").orElseThrow().seconds().rounds())
        .isEqualTo(Effort.TRIAL.rounds());
  }

  /** Of what a library times itself, on a GPU. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void theTimeFromEndToEndIsToldWhereItIsKnown(boolean isEndToEnd) {
    Library timing = new SelfTiming(isEndToEnd);

    Timing timed = measure("emulated", PRODUCT, timing).timing("timing").orElseThrow();

    assertThat(timed.seconds().median()).isEqualTo(0.25);
    if (isEndToEnd) {
      assertThat(timed.endToEnd().median()).isEqualTo(0.25);
    } else {
      assertThat(timed.endToEnd()).isNull();
    }
  }

  /** Takes a quarter of a second, as it says. */
  private record SelfTiming(boolean isEndToEnd) implements Library {
    @Override
    public String name() {
      return "timing";
    }

    @Override
    public String version() {
      return "1";
    }

    @Override
    public Optional<Implementation> prepare(Work work, Inputs inputs) {
      return Optional.of(
          new SelfTimed() {
            @Override
            public void run() {}

            @Override
            public float[] result() {
              return product(work, inputs);
            }

            @Override
            public double seconds(int runs) {
              return 0.25 * runs;
            }

            @Override
            public boolean isEndToEnd() {
              return isEndToEnd;
            }

            @Override
            public void close() {}
          });
    }

    @Override
    public void close() {}
  }

  @Test
  void aGpuHasToComputeTheCpusBits() {
    float[] onCpu = {1, 2, 3};

    assertThatCode(() -> ResultCheck.requireSameBits(onCpu.clone(), onCpu))
        .doesNotThrowAnyException();
    assertThatThrownBy(
            () -> ResultCheck.requireSameBits(new float[] {1, Math.nextUp(2f), 3}, onCpu))
        .hasMessage("wrong result: value 1 is 2.0000002, expected 2.0 as on the CPU, to the bit");
  }

  @Test
  void samplesHaveToBeNormallyDistributed() {
    GaussianSample work = new GaussianSample(10_000);

    assertThat(
            measure(
                    "cpu",
                    work,
                    new StubLibrary("normal", (_, inputs) -> samples(inputs, true)),
                    new StubLibrary("uniform", (_, inputs) -> samples(inputs, false)))
                .failures())
        .containsOnlyKeys("uniform");
  }

  private static Result measure(String name, Work work, Library... libraries) {
    try (Device device = Device.open(name)) {
      Result result;
      try (Measurement measurement = new Measurement(device, List.of(libraries), Effort.TRIAL)) {
        assertThat(measurement.smallestLaunch().seconds().median()).isPositive();
        result = measurement.measure("group", work);
        assertThat(measurement.peak().median()).isPositive();
        assertThat(measurement.bandwidth().median()).isPositive();
        assertThat(measurement.roundTrip() != null)
            .isEqualTo(name.equals("cpu") && CacheLine.applies());
      }
      assertThat(device.memory().liveBuffers()).isZero();
      return result;
    }
  }

  private static float[] product(Work work, Inputs inputs) {
    assertThat(work).isEqualTo(PRODUCT);
    float[] a = inputs.floats("a");
    float[] b = inputs.floats("b");
    float[] c = new float[3 * 5];
    for (int row = 0; row < 3; row++) {
      for (int column = 0; column < 5; column++) {
        for (int i = 0; i < 4; i++) {
          c[row * 5 + column] += a[i * 3 + row] * b[i * 5 + column];
        }
      }
    }
    return c;
  }

  private static float[] changed(float[] values, float factor) {
    values[0] = factor * Math.max(values[0], 1);
    return values;
  }

  private static float[] samples(Inputs inputs, boolean normal) {
    Random random = new Random(1);
    float[] mean = inputs.floats("mean");
    float[] logVariance = inputs.floats("log variance");
    float[] z = new float[mean.length];
    for (int i = 0; i < z.length; i++) {
      // A uniform number of the same variance.
      double e = normal ? random.nextGaussian() : Math.sqrt(12) * (random.nextDouble() - 0.5);
      z[i] = (float) (mean[i] + Math.exp(logVariance[i] / 2) * e);
    }
    return z;
  }
}
