package dev.clessidra.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Matrix;
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
    try (TrainingStep step = new TrainingStep(model, Mnist.sample().train().subset(0, 64), 16)) {
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
    try (TrainingStep step = new TrainingStep(model, Mnist.sample().train().subset(0, 9), 5)) {
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
