package dev.clessidra.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Matrix;
import dev.clessidra.kernels.Window;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.data.Mnist;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is timed does what its name says. */
class WorkloadTest {
  private static Device device;

  @BeforeAll
  static void open() {
    device = Device.open("cpu");
  }

  @AfterAll
  static void close() {
    device.close();
  }

  @ParameterizedTest
  @EnumSource(MatrixProduct.class)
  void aProductMultipliesItsOperands(MatrixProduct product) {
    try (KernelWorkload workload = product.on(device);
        Operands same = new Operands(device)) {
      Matrix a = product.a(same.uniform("a", product.a(workload.result()).extent()));
      Matrix b = product.b(same.uniform("b", product.b(workload.result()).extent()));
      float[] aValues = floats(a.buffer());
      float[] bValues = floats(b.buffer());
      workload.run();
      float[] c = floats(workload.result());

      assertThat(c).hasSize(a.rows() * b.columns());
      assertThat(workload.operations()).isEqualTo(2.0 * c.length * a.columns());
      Random random = new Random(1);
      for (int sample = 0; sample < 50; sample++) {
        int row = random.nextInt(a.rows());
        int column = random.nextInt(b.columns());
        double expected =
            IntStream.range(0, a.columns())
                .mapToDouble(i -> (double) at(a, aValues, row, i) * at(b, bValues, i, column))
                .sum();
        assertThat((double) c[row * b.columns() + column]).isCloseTo(expected, within(1e-4));
      }
    }
  }

  private static float at(Matrix matrix, float[] values, int row, int column) {
    return matrix.transposed()
        ? values[column * matrix.leadingDimension() + row]
        : values[row * matrix.leadingDimension() + column];
  }

  @ParameterizedTest
  @EnumSource(ConvolutionLayer.class)
  void aConvolutionAddsUpItsTaps(ConvolutionLayer layer) {
    Convolution convolution = layer.convolution();
    try (KernelWorkload workload = layer.on(device, ConvolutionLayer.Direction.FORWARD);
        Operands same = new Operands(device)) {
      float[] x = floats(same.uniform("x", convolution.images().elements()));
      float[] filter = floats(same.uniform("filter", convolution.filterElements()));
      workload.run();
      float[] y = floats(workload.result());

      assertThat(y).hasSize((int) convolution.output().elements());
      assertThat(workload.operations())
          .isEqualTo(2.0 * y.length * filter.length / convolution.filters());
      Random random = new Random(1);
      for (int sample = 0; sample < 50; sample++) {
        int index = random.nextInt(y.length);
        assertThat((double) y[index]).isCloseTo(tap(convolution, x, filter, index), within(1e-4));
      }
    }
  }

  private static double tap(Convolution convolution, float[] x, float[] filter, int index) {
    Images images = convolution.images();
    Images output = convolution.output();
    Window window = convolution.window();
    int k = index % output.channels();
    int q = index / output.channels() % output.width();
    int p = index / output.channels() / output.width() % output.height();
    int n = index / output.channels() / output.width() / output.height();
    double sum = 0;
    for (int r = 0; r < window.height(); r++) {
      for (int s = 0; s < window.width(); s++) {
        int row = p * window.strideHeight() - window.paddingHeight() + r;
        int column = q * window.strideWidth() - window.paddingWidth() + s;
        if (row < 0 || row >= images.height() || column < 0 || column >= images.width()) {
          continue;
        }
        for (int c = 0; c < images.channels(); c++) {
          sum +=
              (double)
                      x[
                          ((n * images.height() + row) * images.width() + column)
                                  * images.channels()
                              + c]
                  * filter[
                      ((k * window.height() + r) * window.width() + s) * images.channels() + c];
        }
      }
    }
    return sum;
  }

  /** Of y = f(x, w), linear in both: sum(y dy) = sum(x dx) = sum(w dw). */
  @ParameterizedTest
  @EnumSource(ConvolutionLayer.class)
  void theDirectionsOfAConvolutionAreAdjoint(ConvolutionLayer layer) {
    Convolution convolution = layer.convolution();
    try (KernelWorkload forward = layer.on(device, ConvolutionLayer.Direction.FORWARD);
        KernelWorkload data = layer.on(device, ConvolutionLayer.Direction.BACKWARD_DATA);
        KernelWorkload gradient = layer.on(device, ConvolutionLayer.Direction.BACKWARD_FILTER);
        Operands same = new Operands(device)) {
      forward.run();
      data.run();
      gradient.run();
      // The first and the second operand of each workload have the same numbers.
      float[] x = floats(same.uniform("x", convolution.images().elements()));
      float[] filter = floats(same.uniform("filter", convolution.filterElements()));
      float[] y = floats(forward.result());
      float[] dx = floats(data.result());
      float[] dw = floats(gradient.result());
      try (Operands again = new Operands(device)) {
        float[] dy = floats(again.uniform("dy", convolution.output().elements()));
        assertThat(dot(y, dy)).isCloseTo(dot(x, dx), within(1e-5 * norm(y) * norm(dy)));
      }
      try (Operands again = new Operands(device)) {
        again.uniform("x", convolution.images().elements());
        float[] dy = floats(again.uniform("dy", convolution.output().elements()));
        assertThat(dot(y, dy)).isCloseTo(dot(filter, dw), within(1e-5 * norm(y) * norm(dy)));
      }
    }
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }

  private static double norm(float[] a) {
    return Math.sqrt(dot(a, a));
  }

  @ParameterizedTest
  @EnumSource(MemoryBoundKernel.class)
  void aMemoryBoundKernelGivesNewNumbersFromItsOperands(MemoryBoundKernel kernel) {
    try (KernelWorkload workload = kernel.on(device)) {
      float[] before = floats(workload.result());
      workload.run();
      float[] after = floats(workload.result());

      assertThat(after).isNotEqualTo(before);
      long zeros = IntStream.range(0, after.length).filter(i -> after[i] == 0).count();
      assertThat(zeros).isLessThan(after.length * 6L / 10);
      for (float value : after) {
        assertThat(value).isFinite();
      }
      assertThat(workload.bytes()).isGreaterThanOrEqualTo((double) workload.result().byteSize());
    }
  }

  @Test
  void aTrainingStepLearns() {
    Autoencoder model = Autoencoder.builder(784).encoder(20, 5).build(device);
    try (TrainingStep step = TrainingStep.of(model, Mnist.sample().train().subset(0, 64), 16)) {
      step.run();
      float first = step.loss();
      for (int i = 0; i < 60; i++) {
        step.run();
      }

      assertThat(step.loss()).isLessThan(first);
    }
  }

  @Test
  void theOperationsOfATrainingStepAreThoseOfItsProducts() {
    Autoencoder model = Autoencoder.builder(784).encoder(3, 2).build(device);
    try (TrainingStep step = TrainingStep.of(model, Mnist.sample().train().subset(0, 9), 5)) {
      int outer = 784 * 3;
      int inner = 3 * 2;

      // Layer by layer: the first needs no gradient of its input.
      assertThat(step.operations())
          .isEqualTo(2.0 * 5 * (2 * outer + 3 * inner + 3 * inner + 3 * outer));
    }
  }

  private static float[] floats(Buffer buffer) {
    float[] values = new float[(int) (buffer.byteSize() / Float.BYTES)];
    device.copyToHost(buffer, values);
    return values;
  }
}
