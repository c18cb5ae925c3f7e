package dev.clessidra.bench.work;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import dev.clessidra.engine.Parameter;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Window;
import dev.clessidra.models.Model;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What is timed does what its name says. */
class WorkTest {
  private static Device device;

  @BeforeAll
  static void open() {
    device = Device.open("cpu");
  }

  @AfterAll
  static void close() {
    assertThat(device.memory().liveBuffers()).isZero();
    device.close();
  }

  private static float[] result(Work work) {
    return result(work, work.inputs());
  }

  private static float[] result(Work work, Inputs inputs) {
    try (Implementation implementation = work.on(device, inputs)) {
      float[] result = implementation.result();
      assertThat(result).hasSize(work.resultSize());
      implementation.run();
      implementation.await();
      return result;
    }
  }

  @ParameterizedTest
  @CsvSource({"false, false", "false, true", "true, false", "true, true"})
  void aProductMultipliesItsOperandsAsTheyAreStored(boolean transposeA, boolean transposeB) {
    int m = 3;
    int n = 5;
    int k = 7;
    MatrixProduct work = new MatrixProduct(m, n, k, transposeA, transposeB);
    Inputs inputs = work.inputs();
    float[] a = inputs.floats("a");
    float[] b = inputs.floats("b");
    float[] c = result(work, inputs);

    for (int row = 0; row < m; row++) {
      for (int column = 0; column < n; column++) {
        double sum = 0;
        for (int i = 0; i < k; i++) {
          sum +=
              (double) a[transposeA ? i * m + row : row * k + i]
                  * b[transposeB ? column * k + i : i * n + column];
        }
        assertThat((double) c[row * n + column]).isCloseTo(sum, within(1e-5));
      }
    }
    assertThat(work.operations()).isEqualTo(2.0 * m * n * k);
    assertThat(work.bytes()).isEqualTo(4.0 * (m * k + k * n + m * n));
  }

  @ParameterizedTest
  @EnumSource(
      names = {
        "REDUCE",
        "REDUCE_ROWS",
        "REDUCE_COLUMNS",
        "LOSS",
        "CLIP_NORM",
        "KL_SPARSITY",
        "NORMALIZE_STATISTICS",
        "NORMALIZE_BACKWARD_STATISTICS"
      })
  void theBytesOfWhatReducesAreThoseOfItsInputs(FixedSizeKernel work) {
    Inputs inputs = work.inputs();
    long values = inputs.names().stream().mapToLong(name -> inputs.floats(name).length).sum();

    assertThat(work.bytes()).isCloseTo(4.0 * values, withinPercentage(1));
  }

  @Test
  void theProductsOfALayerHaveItsSizes() {
    assertThat(MatrixProduct.ofLayer(Direction.FORWARD, 256, 784, 1000).label())
        .isEqualTo("gemm 256x1000x784 NN");
    assertThat(MatrixProduct.ofLayer(Direction.DATA, 256, 784, 1000).label())
        .isEqualTo("gemm 256x784x1000 NT");
    assertThat(MatrixProduct.ofLayer(Direction.FILTER, 256, 784, 1000).label())
        .isEqualTo("gemm 784x1000x256 TN");
  }

  @Test
  void aConvolutionAddsUpItsTaps() {
    Images images = new Images(2, 5, 6, 3);
    Convolution convolution =
        new Convolution(images, 4, Window.of(3, 2).withStride(2).withPadding(1));
    Conv2d work = new Conv2d(Direction.FORWARD, convolution);
    Inputs inputs = work.inputs();
    float[] x = inputs.floats("x");
    float[] filter = inputs.floats("filter");
    float[] y = result(work, inputs);

    // The second image's output pixel (1, 1), third filter: rows 1 to 3, columns 1 and 2.
    double sum = 0;
    for (int r = 0; r < 3; r++) {
      for (int s = 0; s < 2; s++) {
        for (int c = 0; c < 3; c++) {
          sum +=
              (double) x[((5 + 1 + r) * 6 + 1 + s) * 3 + c] * filter[((2 * 3 + r) * 2 + s) * 3 + c];
        }
      }
    }
    Images output = convolution.output();
    int index = ((output.height() + 1) * output.width() + 1) * output.channels() + 2;
    assertThat((double) y[index]).isCloseTo(sum, within(1e-5));
    assertThat(work.operations()).isEqualTo(2.0 * y.length * 3 * 2 * 3);
  }

  /** Of y = f(x, w), linear in both: sum(y dy) = sum(x dx) = sum(w dw). */
  @Test
  void theDirectionsOfAConvolutionAreAdjoint() {
    Convolution convolution =
        new Convolution(new Images(2, 9, 8, 5), 6, Window.square(4).withStride(2).withPadding(1));
    requireAdjoint(
        new Conv2d(Direction.FORWARD, convolution),
        new Conv2d(Direction.DATA, convolution),
        new Conv2d(Direction.FILTER, convolution));
  }

  @Test
  void theDirectionsOfATransposedConvolutionAreAdjoint() {
    Images images = new Images(2, 5, 4, 3);
    Window window = Window.square(4).withStride(2).withPadding(1);
    ConvTranspose2d forward = new ConvTranspose2d(Direction.FORWARD, images, 6, window);
    requireAdjoint(
        forward,
        new ConvTranspose2d(Direction.DATA, images, 6, window),
        new ConvTranspose2d(Direction.FILTER, images, 6, window));
    assertThat(forward.output()).isEqualTo(new Images(2, 10, 8, 6));
    assertThat(forward.operations()).isEqualTo(2.0 * 2 * 5 * 4 * 3 * 6 * 4 * 4);
  }

  private static void requireAdjoint(Work forward, Work data, Work filter) {
    float[] x = forward.inputs().floats("x");
    float[] weights = forward.inputs().floats("filter");
    float[] dy = data.inputs().floats("dy");
    double product = dot(result(forward), dy);

    assertThat(filter.inputs().floats("x")).isEqualTo(x);
    assertThat(product).isCloseTo(dot(x, result(data)), within(1e-3));
    assertThat(product).isCloseTo(dot(weights, result(filter)), within(1e-3));
  }

  private static double dot(float[] a, float[] b) {
    assertThat(a).hasSameSizeAs(b);
    return IntStream.range(0, a.length).mapToDouble(i -> (double) a[i] * b[i]).sum();
  }

  @Test
  void channelsAreConcatenatedPixelByPixel() {
    Concatenation work = new Concatenation(new Images(1, 2, 1, 3), 2);
    Inputs inputs = work.inputs();
    float[] first = inputs.floats("first");
    float[] second = inputs.floats("second");

    assertThat(result(work, inputs))
        .containsExactly(
            first[0], first[1], first[2], second[0], second[1], first[3], first[4], first[5],
            second[2], second[3]);
  }

  @Test
  void aBiasIsAddedBeforeTheActivation() {
    BiasActivation work = new BiasActivation(3, 4, Activation.SIGMOID);
    Inputs inputs = work.inputs();
    float[] y = result(work, inputs);

    for (int i = 0; i < y.length; i++) {
      double sum = inputs.floats("x")[i] + inputs.floats("bias")[i % 4];
      assertThat((double) y[i]).isCloseTo(1 / (1 + Math.exp(-sum)), within(1e-6));
    }
  }

  @Test
  void theDivergenceIsAddedUpOverAllGaussians() {
    GaussianDivergence work = new GaussianDivergence(5, 6);
    Inputs inputs = work.inputs();
    double sum = 0;
    for (int i = 0; i < 30; i++) {
      double mean = inputs.floats("mean")[i];
      double logVariance = inputs.floats("log variance")[i];
      sum += (Math.exp(logVariance) + mean * mean - 1 - logVariance) / 2;
    }
    assertThat((double) result(work, inputs)[0]).isCloseTo(sum, within(1e-4));
  }

  @Test
  void theErrorIsRelativeByNorm() {
    MatrixProduct work = new MatrixProduct(1, 2, 1, false, false);
    Inputs inputs = work.inputs();

    assertThat(work.error(inputs, new float[] {3, 4}, new float[] {3, 4})).isZero();
    // |(0, -1)| / |(3, 4)|
    assertThat(work.error(inputs, new float[] {3, 3}, new float[] {3, 4}))
        .isCloseTo(0.2, within(1e-12));
    assertThat(work.error(inputs, new float[] {0, 0}, new float[] {0, 0})).isZero();
    assertThat(work.error(inputs, new float[] {0, 1}, new float[] {0, 0})).isInfinite();
  }

  @ParameterizedTest
  @EnumSource(FixedSizeKernel.class)
  void aKernelGivesFiniteNumbers(FixedSizeKernel work) {
    Inputs inputs = work.inputs();
    float[] result = result(work, inputs);
    float first = result[0];
    int zeros = 0;
    boolean varied = false;
    for (float value : result) {
      assertThat(value).isFinite();
      zeros += value == 0 ? 1 : 0;
      varied |= value != first;
    }
    assertThat(zeros).isLessThan(result.length);
    assertThat(varied).isEqualTo(result.length > 1 && work != FixedSizeKernel.FILL);
    assertThat(work.bytes()).isGreaterThanOrEqualTo(4.0 * Math.min(result.length, 10));
    Inputs same = work.inputs();
    assertThat(same.names())
        .allSatisfy(name -> assertThat(same.array(name)).isEqualTo(inputs.array(name)));
  }

  @ParameterizedTest
  @EnumSource(
      value = TrainedModel.class,
      names = {"SPARSE_AUTOENCODER", "DENSE_VAE"})
  void theInputsOfATrainingAreWhatItsFirstStepUses(TrainedModel work) {
    Inputs inputs = work.inputs();
    try (TrainingStep step = work.step(device);
        Model untrained = work.model(device)) {
      float[] losses = step.result();
      assertThat(losses).hasSize(TrainedModel.CHECKED_STEPS);
      assertThat(losses[9]).isLessThan(losses[0]);
      for (Parameter parameter : untrained.parameters()) {
        assertThat(inputs.floats(parameter.name())).hasSize((int) parameter.shape().elements());
      }
    }
    float[] batches = inputs.floats(TrainedModel.BATCHES);
    assertThat(batches).hasSize(TrainedModel.CHECKED_STEPS * work.batch() * 784);
    assertThat(IntStream.range(0, batches.length).filter(i -> batches[i] > 0).count())
        .isGreaterThan(batches.length / 10);
    assertThat(inputs.has(TrainedModel.NOISE)).isEqualTo(work == TrainedModel.DENSE_VAE);
    if (inputs.has(TrainedModel.NOISE)) {
      float[] noise = inputs.floats(TrainedModel.NOISE);
      assertThat(noise).hasSize(TrainedModel.CHECKED_STEPS * work.batch() * 20);
      assertThat(dot(noise, noise) / noise.length).isCloseTo(1, within(0.05));
    }
  }

  /** 784-1000-500-250-30 and back: all products three times, but no gradient of the samples. */
  @Test
  void theOperationsOfATrainingAreThoseOfItsProducts() {
    long weights = 2 * (784 * 1000 + 1000 * 500 + 500 * 250 + 250 * 30);
    double operations = 2.0 * 256 * (3 * weights - 784 * 1000);

    assertThat(TrainedModel.DEEP_AUTOENCODER.operations()).isEqualTo(operations);
    assertThat(TrainedModel.TIED_AUTOENCODER.operations()).isEqualTo(operations);
  }

  /** Mean and variance; the decoder passes gradients on to the codes. */
  @Test
  void theOperationsOfTheDenseVariationalAutoencoderAreThoseOfItsProducts() {
    long first = 784 * 400;
    long others = 2 * 400 * 20 + 20 * 400 + 400 * 784;

    assertThat(TrainedModel.DENSE_VAE.operations()).isEqualTo(2.0 * 128 * (2 * first + 3 * others));
  }

  @Test
  void theCostOfAnAnswerIsThatOfItsLayers() {
    long weights = 2 * (784 * 1000 + 1000 * 500 + 500 * 250 + 250 * 30);
    long biases = 2 * (1000 + 500 + 250) + 30 + 784;

    assertThat(ModelLatency.DEEP_AUTOENCODER.operations()).isEqualTo(2.0 * weights);
    assertThat(ModelLatency.DEEP_AUTOENCODER.bytes())
        .isEqualTo(4.0 * (weights + biases + 784 + 784));
  }

  /** An image of 256 x 256, base width 16, four poolings. */
  @Test
  void theOperationsOfUNetAreThoseOfItsConvolutions() {
    double operations = 0;
    int channels = 1;
    for (int level = 0; level <= 4; level++) {
      double pixels = (256 >> level) * (256 >> level);
      int width = 16 << level;
      operations += pixels * 9 * (channels * width + width * width);
      if (level < 4) {
        // From below: a transposed convolution of 2 x 2, one pixel of the input for each four.
        operations += pixels * 2 * width * width;
        operations += pixels * 9 * (2 * width * width + width * width);
      }
      channels = width;
    }
    operations += 256 * 256 * 16 * 2;

    assertThat(ModelLatency.U_NET.operations()).isEqualTo(2 * operations);
  }

  @Test
  void inputsAreAskedForByNameAndType() {
    Inputs inputs = new MatrixProduct(1, 1, 1, false, false).inputs();

    assertThatIllegalArgumentException()
        .isThrownBy(() -> inputs.floats("c"))
        .withMessage("Input 'c' of type float[]: expected one of [a, b].");
    assertThatIllegalArgumentException().isThrownBy(() -> inputs.integers("a"));
  }

  @Test
  void noWorkOfASuiteIsTwice() {
    for (Suite suite : Suite.values()) {
      List<String> labels = suite.entries().stream().map(entry -> entry.work().label()).toList();
      assertThat(labels).doesNotHaveDuplicates().isNotEmpty();
    }
  }
}
