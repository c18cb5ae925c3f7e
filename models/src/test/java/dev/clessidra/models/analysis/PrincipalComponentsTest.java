package dev.clessidra.models.analysis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.data.Mnist;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class PrincipalComponentsTest {
  /** Rows around (10, -5, 3): much variance along (3, 4, 0) / 5, little along (0, 0, 1). */
  private static float[] cloud(int count) {
    Random random = new Random(1);
    float[] values = new float[3 * count];
    for (int i = 0; i < count; i++) {
      double along = 10 * random.nextGaussian();
      values[3 * i] = (float) (10 + 0.6 * along);
      values[3 * i + 1] = (float) (-5 + 0.8 * along);
      values[3 * i + 2] = (float) (3 + random.nextGaussian());
    }
    return values;
  }

  @Test
  void findsTheDirectionOfMostVariance() {
    PrincipalComponents fitted = PrincipalComponents.fit(cloud(20_000), 3, 2);
    assertThat(fitted.components()).isEqualTo(2);
    assertThat(fitted.dimension()).isEqualTo(3);
    assertThat(fitted.mean()).containsExactly(new float[] {10, -5, 3}, within(0.2f));
    assertThat(fitted.basis()).containsExactly(new float[] {0.6f, 0.8f, 0, 0, 0, 1}, within(0.01f));
    assertThat(fitted.variances()).containsExactly(new double[] {100, 1}, within(2.0));
    assertThat(fitted.totalVariance()).isCloseTo(101, within(2.0));
  }

  @Test
  void theErrorOnTheDataFittedToIsTheVarianceLeftOut() {
    ImageData images = Mnist.sample().train().subset(0, 2000);
    PrincipalComponents fitted = PrincipalComponents.fit(images, 30);
    double kept = 0;
    for (double variance : fitted.variances()) {
      kept += variance;
    }
    double left = fitted.totalVariance() - kept;
    assertThat(fitted.squaredError(images)).isCloseTo(left, within(1e-9 * left));
  }

  @Test
  void imagesAndTheirFloatsGiveTheSameFit() {
    ImageData images = Mnist.sample().train().subset(100, 700);
    PrincipalComponents ofImages = PrincipalComponents.fit(images, 5);
    PrincipalComponents ofFloats = PrincipalComponents.fit(images.floats(), 784, 5);
    assertThat(ofFloats.basis()).containsExactly(ofImages.basis(), within(1e-4f));
    assertThat(ofFloats.encode(images))
        .containsExactly(ofImages.encode(images.floats()), within(1e-3f));
    assertThat(ofFloats.squaredError(images.floats()))
        .isCloseTo(ofImages.squaredError(images), within(1e-4));
  }

  @Test
  void fittingTwiceGivesTheSameBits() {
    ImageData images = Mnist.sample().test().subset(0, 500);
    assertThat(PrincipalComponents.fit(images, 10).basis())
        .isEqualTo(PrincipalComponents.fit(images, 10).basis());
  }

  @Test
  void moreComponentsLeaveLessErrorAndAllOfThemNone() {
    float[] values = cloud(500);
    double one = PrincipalComponents.fit(values, 3, 1).squaredError(values);
    double two = PrincipalComponents.fit(values, 3, 2).squaredError(values);
    PrincipalComponents all = PrincipalComponents.fit(values, 3, 3);
    assertThat(one).isCloseTo(1, within(0.2)).isGreaterThan(100 * two);
    assertThat(all.squaredError(values)).isLessThan(1e-9);
    assertThat(all.reconstruct(values)).containsExactly(values, within(1e-4f));
  }

  @Test
  void decodingACodeOfZerosGivesTheMean() {
    PrincipalComponents fitted = PrincipalComponents.fit(cloud(50), 3, 2);
    assertThat(fitted.decode(new float[2])).containsExactly(fitted.mean());
    assertThat(fitted.encode(fitted.mean())).containsExactly(new float[2], within(1e-5f));
  }

  @Test
  void fewerRowsThanComponentsStillWork() {
    float[] values = {1, 2, 3, 4, 2, 2, 2, 2};
    PrincipalComponents fitted = PrincipalComponents.fit(values, 4, 3);
    assertThat(fitted.squaredError(values)).isLessThan(1e-9);
    assertThat(fitted.variances()[2]).isCloseTo(0, within(1e-9));
  }

  private static ImageData images(int count, int side, IntUnaryOperator pixel) {
    byte[] pixels = new byte[count * side * side];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) pixel.applyAsInt(i);
    }
    return ImageData.of(side, side, 1, pixels);
  }

  /** Few images, or many that differ in few ways. */
  static Stream<Arguments> ofLowRank() {
    IntUnaryOperator bars = i -> (i % 28 + i / 784) % 7 < 3 ? 255 : 0;
    Random random = new Random(1);
    byte[] noise = new byte[784 * 16];
    random.nextBytes(noise);
    return Stream.of(
        arguments("shifted bars", images(40, 28, bars)),
        arguments("many shifted bars", images(1000, 28, bars)),
        arguments("gradients", images(40, 28, i -> i % 28 * (i / 784 % 40) / 5)),
        arguments("many gradients", images(900, 28, i -> i % 28 * (i / 784 % 40) / 5)),
        arguments("black or white", images(40, 28, i -> i / 784 % 2 * 255)),
        arguments("many black or white", images(800, 28, i -> i / 784 % 2 * 255)),
        arguments("constant", images(40, 28, i -> 77)),
        arguments("many constant", images(800, 28, i -> 77)),
        arguments("black", images(800, 28, i -> 0)),
        arguments("one", images(1, 28, i -> i % 256)),
        arguments("two", images(2, 28, i -> noise[i])),
        arguments("two digits", Mnist.sample().train().subset(0, 2)),
        arguments("forty digits", Mnist.sample().train().subset(0, 40)),
        arguments("repeated noise", images(900, 28, i -> noise[i % noise.length])),
        arguments("larger than 48 x 48", images(40, 64, i -> noise[i % noise.length])));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("ofLowRank")
  void imagesOfLowRankAreFitted(String name, ImageData images) {
    PrincipalComponents fitted = PrincipalComponents.fit(images, 50);
    double kept = DoubleStream.of(fitted.variances()).sum();
    assertThat(fitted.squaredError(images))
        .as(name)
        .isCloseTo(fitted.totalVariance() - kept, within(1e-9));
    float[] basis = fitted.basis();
    int size = fitted.dimension();
    for (int a = 0; a < fitted.components(); a++) {
      for (int b = 0; b <= a; b++) {
        double product = 0;
        for (int i = 0; i < size; i++) {
          product += (double) basis[a * size + i] * basis[b * size + i];
        }
        assertThat(product).as("%d by %d", a, b).isCloseTo(a == b ? 1 : 0, within(1e-5));
      }
    }
  }

  @Test
  void fewRowsAndTheSameOnesTwiceGiveTheSameComponents() {
    float[] once = Mnist.sample().train().subset(0, 400).floats();
    float[] twice = Arrays.copyOf(once, 2 * once.length);
    System.arraycopy(once, 0, twice, once.length, once.length);
    PrincipalComponents byRows = PrincipalComponents.fit(once, 784, 20);
    PrincipalComponents byColumns = PrincipalComponents.fit(twice, 784, 20);
    assertThat(byColumns.basis()).containsExactly(byRows.basis(), within(1e-5f));
    assertThat(byColumns.variances()).containsExactly(byRows.variances(), within(1e-9));
  }

  @Test
  void componentsFittedToOtherDataDoWorse() {
    // Negative control: the same code size along the wrong directions does worse.
    float[] values = cloud(500);
    float[] wrong = values.clone();
    for (int i = 0; i < wrong.length; i += 3) {
      wrong[i] = values[i + 2] * 50;
      wrong[i + 2] = values[i];
    }
    double best = PrincipalComponents.fit(values, 3, 1).squaredError(values);
    assertThat(PrincipalComponents.fit(wrong, 3, 1).squaredError(values)).isGreaterThan(10 * best);
  }

  @Test
  void refusesWhatDoesNotFit() {
    assertThatThrownBy(() -> PrincipalComponents.fit(new float[6], 3, 4))
        .hasMessage("4 principal components of 3 values: expected 1 to 3");
    assertThatThrownBy(() -> PrincipalComponents.fit(new float[6], 3, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> PrincipalComponents.fit(new float[7], 3, 1))
        .hasMessage("7 values in rows of 3: expected a positive multiple");
    assertThatThrownBy(() -> PrincipalComponents.fit(new float[] {1, 2, Float.NaN, 3}, 2, 1))
        .hasMessageContaining("column 0 holds a value that is not finite");
    assertThatThrownBy(() -> PrincipalComponents.fit(new float[5000], 5000, 1))
        .hasMessageContaining("expected at most 4096");
    PrincipalComponents fitted = PrincipalComponents.fit(new float[] {1, 2, 3, 5}, 2, 1);
    assertThatThrownBy(() -> fitted.squaredError(Mnist.sample().test()))
        .hasMessageContaining("images of 784 values: expected 2");
  }

  @Test
  void thirtyComponentsOfMnistLeaveTheKnownError() {
    Path folder = Path.of(System.getProperty("clessidra.data", "../../shared/data"), "mnist");
    assumeTrue(
        Files.isDirectory(folder),
        folder + " is not there; -Dclessidra.data=DIR names the folder that has mnist/");
    Dataset mnist = Mnist.read(folder);
    PrincipalComponents fitted = PrincipalComponents.fit(mnist.train(), 30);
    assertThat(mnist.train().count()).isEqualTo(60_000);
    assertThat(mnist.test().count()).isEqualTo(10_000);
    // Hinton and Salakhutdinov, Science 313 (2006), report 13.87.
    assertThat(fitted.squaredError(mnist.test())).isCloseTo(13.87, within(0.1));
  }
}
