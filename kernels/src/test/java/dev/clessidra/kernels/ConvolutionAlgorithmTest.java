package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Which algorithm a convolution has, and how far from the exact result each of them is. */
final class ConvolutionAlgorithmTest {
  private static final Window THREE = Window.square(3).withPadding(1);

  private final Device device =
      Device.open(DeviceOptions.defaults().withDevice("cpu").withThreads(2));
  private final Kernels kernels = device.kernels();
  private final Scope scope = device.scope();

  @AfterEach
  void close() {
    scope.close();
    device.close();
  }

  @ParameterizedTest
  @CsvSource({
    // height, width, channels, filters
    "256, 256, 8, 8, WINOGRAD",
    "256, 256, 7, 16, DIRECT",
    "256, 256, 16, 7, DIRECT",
    "4, 4, 64, 64, WINOGRAD",
    "6, 6, 64, 64, WINOGRAD",
    "5, 5, 64, 64, DIRECT",
    "1, 64, 64, 64, DIRECT",
  })
  void theSizesOfAnImageAskForAnAlgorithm(
      int height, int width, int channels, int filters, ConvolutionAlgorithm expected) {
    for (int count : new int[] {0, 1, 100}) {
      Images images = new Images(count, height, width, channels);
      assertThat(new Convolution(images, filters, THREE).algorithm()).isEqualTo(expected);
    }
  }

  @Test
  void otherWindowsAreDirect() {
    Images images = new Images(1, 16, 16, 16);
    for (Window window :
        new Window[] {
          Window.square(1),
          Window.square(5),
          Window.of(3, 1),
          Window.of(1, 3),
          THREE.withStride(2),
          THREE.withDilation(2)
        }) {
      Convolution convolution = new Convolution(images, 16, window);
      assertThat(convolution.algorithm()).isEqualTo(ConvolutionAlgorithm.DIRECT);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> convolution.withAlgorithm(ConvolutionAlgorithm.WINOGRAD))
          .withMessageStartingWith("Convolution by winograd has taps of ")
          .withMessageEndingWith(": expected 3 x 3, stride 1 and dilation 1.");
    }
  }

  /** Images of both signs, as a normalisation leaves them, and of one, as ReLU does. */
  @ParameterizedTest
  @CsvSource({"16, false", "64, true", "256, true"})
  void roundingErrorIsAFewTimesThatOfDirectSums(int channels, boolean positive) {
    Images images = new Images(1, 12, 12, channels);
    Convolution convolution = new Convolution(images, 16, THREE);
    Random random = new Random(5);
    float[] x = normal(random, images.elements());
    for (int i = 0; positive && i < x.length; i++) {
      x[i] = Math.max(x[i], 0);
    }
    float[] filter = normal(random, convolution.filterElements());
    float[] dy = normal(random, convolution.output().elements());
    for (int direction = 0; direction < 3; direction++) {
      double[] exact = exact(convolution, direction, x, filter, dy);
      double direct =
          error(run(convolution, ConvolutionAlgorithm.DIRECT, direction, x, filter, dy), exact);
      double winograd =
          error(run(convolution, ConvolutionAlgorithm.WINOGRAD, direction, x, filter, dy), exact);
      assertThat(winograd).as("direction %d", direction).isBetween(0.1 * direct, 4 * direct);
      assertThat(winograd).isLessThan(3e-6);
    }
  }

  @ParameterizedTest
  @EnumSource
  void batchesDoNotChangeAnImagesResult(ConvolutionAlgorithm algorithm) {
    Random random = new Random(6);
    Images one = new Images(1, 13, 10, 9);
    Images many = new Images(40, 13, 10, 9);
    Convolution alone = new Convolution(one, 17, THREE).withAlgorithm(algorithm);
    Convolution together = new Convolution(many, 17, THREE).withAlgorithm(algorithm);
    float[] x = normal(random, many.elements());
    float[] filter = normal(random, alone.filterElements());
    float[] expected = run(together, algorithm, 0, x, filter, null);
    int size = (int) one.elements();
    int results = (int) alone.output().elements();
    for (int image = 0; image < 40; image += 13) {
      float[] part = Arrays.copyOfRange(x, image * size, (image + 1) * size);
      assertThat(run(alone, algorithm, 0, part, filter, null))
          .containsExactly(Arrays.copyOfRange(expected, image * results, (image + 1) * results));
    }
  }

  private float[] run(
      Convolution sizes,
      ConvolutionAlgorithm algorithm,
      int direction,
      float[] x,
      float[] filter,
      float[] dy) {
    Convolution convolution = sizes.withAlgorithm(algorithm);
    long count =
        switch (direction) {
          case 0 -> convolution.output().elements();
          case 1 -> convolution.images().elements();
          default -> convolution.filterElements();
        };
    Buffer result = scope.allocate("result", 4 * count);
    switch (direction) {
      case 0 ->
          kernels.conv2d(convolution, of(x), of(filter), null, result, Activation.IDENTITY, 0);
      case 1 ->
          kernels.conv2dBackwardData(
              convolution, of(dy), of(filter), null, result, Activation.IDENTITY, 0);
      default -> {
        Buffer workspace = scope.allocate("workspace", 4 * convolution.backwardFilterWorkspace());
        kernels.conv2dBackwardFilter(convolution, of(x), of(dy), result, workspace, 0);
      }
    }
    float[] values = new float[(int) count];
    device.copyToHost(result, values);
    return values;
  }

  /** The same in double precision, tap by tap. */
  private static double[] exact(
      Convolution convolution, int direction, float[] x, float[] filter, float[] dy) {
    Images images = convolution.images();
    int channels = images.channels();
    int filters = convolution.filters();
    double[] result =
        new double[direction == 0 ? dy.length : direction == 1 ? x.length : filter.length];
    for (int p = 0; p < images.height(); p++) {
      for (int q = 0; q < images.width(); q++) {
        for (int tap = 0; tap < 9; tap++) {
          int row = p + tap / 3 - 1;
          int column = q + tap % 3 - 1;
          if (row < 0 || row >= images.height() || column < 0 || column >= images.width()) {
            continue;
          }
          int to = (p * images.width() + q) * filters;
          int from = (row * images.width() + column) * channels;
          for (int k = 0; k < filters; k++) {
            int weights = (k * 9 + tap) * channels;
            for (int c = 0; c < channels; c++) {
              switch (direction) {
                case 0 -> result[to + k] += (double) x[from + c] * filter[weights + c];
                case 1 -> result[from + c] += (double) dy[to + k] * filter[weights + c];
                default -> result[weights + c] += (double) dy[to + k] * x[from + c];
              }
            }
          }
        }
      }
    }
    return result;
  }

  private Buffer of(float[] values) {
    Buffer buffer = scope.allocate("operand", 4L * values.length);
    device.copyToDevice(values, buffer);
    return buffer;
  }

  private static float[] normal(Random random, long count) {
    float[] values = new float[(int) count];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** The root of the mean squared error, relative to that of the results. */
  private static double error(float[] results, double[] exact) {
    double errors = 0;
    double squares = 0;
    for (int i = 0; i < exact.length; i++) {
      errors += (results[i] - exact[i]) * (results[i] - exact[i]);
      squares += exact[i] * exact[i];
    }
    return Math.sqrt(errors / squares);
  }
}
