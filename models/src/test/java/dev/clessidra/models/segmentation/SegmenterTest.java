package dev.clessidra.models.segmentation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.clessidra.engine.Parameter;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;
import dev.clessidra.models.UNet;
import dev.clessidra.models.data.ImageData;
import java.util.Arrays;
import java.util.Collections;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class SegmenterTest {
  // Where a convolution's tiles of pixels lie decides about the last bits.
  private static final Offset<Float> ROUNDING = within(2e-6f);

  private static Device device;

  @BeforeAll
  static void open() {
    device = Device.open("cpu");
  }

  @AfterAll
  static void close() {
    device.close();
  }

  private static UNet model(UNet.Padding padding) {
    return UNet.builder(1, 2).depth(2).width(4).padding(padding).build(device);
  }

  private static float[] picture(int height, int width) {
    SyntheticCells cells = new SyntheticCells(Math.max(32, height), Math.max(32, width), 1, 0.1);
    ImageData drawn = cells.draw(1, 4).images();
    float[] values = new float[height * width];
    for (int i = 0; i < values.length; i++) {
      values[i] = drawn.pixel(0, i / width, i % width, 0) / 255f;
    }
    return values;
  }

  private static float[] whole(UNet model, float[] image, int height, int width) {
    try (Scope scope = device.scope()) {
      Tensor x = Tensor.of(device, scope, "image", Shape.of(1, height, width, 1), image);
      return model.probabilities(Tape.inference(device, scope), x).copyToArray();
    }
  }

  private static double largestDifference(float[] some, float[] others) {
    assertThat(some).hasSameSizeAs(others);
    double largest = 0;
    for (int i = 0; i < some.length; i++) {
      largest = Math.max(largest, Math.abs(some[i] - others[i]));
    }
    return largest;
  }

  @Test
  void tilesGiveWhatTheNetworkGivesTheWholeImage() {
    int height = 128;
    int width = 160;
    float[] image = picture(height, width);
    try (UNet model = model(UNet.Padding.SAME)) {
      float[] whole = whole(model, image, height, width);
      assertThat(Segmenter.of(model).probabilities(image, height, width)).isEqualTo(whole);
      // 24 pixels of context are more than the network looks at: 18 with two levels.
      float[] tiled = Segmenter.of(model).tile(80, 24).batch(3).probabilities(image, height, width);
      int differing = 0;
      for (int i = 0; i < whole.length; i++) {
        int row = i / 2 / width;
        int column = i / 2 % width;
        int toBorder =
            Math.min(Math.min(row, height - 1 - row), Math.min(column, width - 1 - column));
        if (toBorder >= 24) {
          assertThat(tiled[i]).isCloseTo(whole[i], ROUNDING);
        } else if (Math.abs(tiled[i] - whole[i]) > 1e-4) {
          differing++;
        }
      }
      // At the border the network saw a mirror image where it has zeros in the whole.
      assertThat(differing).isPositive();
      float[] lacking =
          Segmenter.of(model).tile(80, 4).batch(3).probabilities(image, height, width);
      assertThat(largestDifference(lacking, tiled)).isGreaterThan(1e-4);
    }
  }

  @Test
  void unpaddedConvolutionsSeeTheSameInTilesOfAnySize() {
    int height = 90;
    int width = 71;
    float[] image = picture(height, width);
    try (UNet model = model(UNet.Padding.VALID)) {
      Segmenter large = Segmenter.of(model).tile(200, 0);
      Segmenter small = Segmenter.of(model).tile(84, 0).batch(5);
      assertThat(
              largestDifference(
                  small.probabilities(image, height, width),
                  large.probabilities(image, height, width)))
          .isLessThan(ROUNDING.value);
    }
  }

  @Test
  void anImageOfAnySizeFromTheStrideOnIsSegmented() {
    try (UNet model = model(UNet.Padding.SAME)) {
      for (int[] size : new int[][] {{4, 4}, {5, 31}, {97, 4}, {33, 70}}) {
        float[] p =
            Segmenter.of(model)
                .tile(32, 8)
                .flips(true)
                .probabilities(picture(size[0], size[1]), size[0], size[1]);
        assertThat(p).hasSize(2 * size[0] * size[1]);
        for (int i = 0; i < p.length; i += 2) {
          assertThat((double) p[i] + p[i + 1]).isCloseTo(1, within(1e-6));
        }
      }
    }
  }

  @Test
  void flipsMakeThePredictionOfAMirrorImageTheMirrorImage() {
    int size = 32;
    float[] image = picture(size, size);
    float[] mirrored = new float[image.length];
    for (int i = 0; i < image.length; i++) {
      mirrored[i] = image[i / size * size + size - 1 - i % size];
    }
    try (UNet model = model(UNet.Padding.SAME)) {
      Segmenter flipping = Segmenter.of(model).flips(true);
      float[] p = flipping.probabilities(image, size, size);
      float[] q = flipping.probabilities(mirrored, size, size);
      float[] unflipped = Segmenter.of(model).probabilities(mirrored, size, size);
      double difference = 0;
      for (int i = 0; i < image.length; i++) {
        int other = i / size * size + size - 1 - i % size;
        assertThat((double) p[2 * i]).isCloseTo(q[2 * other], within(1e-6));
        difference += Math.abs(p[2 * i] - unflipped[2 * other]);
      }
      assertThat(difference).isPositive();
    }
  }

  @Test
  void flipsMakeThePredictionOfATurnedImageTheTurnedPrediction() {
    int height = 40;
    int width = 52;
    float[] image = picture(height, width);
    float[] turned = new float[image.length]; // by a quarter: 52 rows of 40
    for (int row = 0; row < height; row++) {
      for (int column = 0; column < width; column++) {
        turned[column * height + height - 1 - row] = image[row * width + column];
      }
    }
    for (UNet.Padding padding : UNet.Padding.values()) {
      try (UNet model = model(padding)) {
        Segmenter flipping = Segmenter.of(model).flips(true);
        float[] p = flipping.probabilities(image, height, width);
        float[] q = flipping.probabilities(turned, width, height);
        float[] once = Segmenter.of(model).probabilities(turned, width, height);
        double difference = 0;
        for (int row = 0; row < height; row++) {
          for (int column = 0; column < width; column++) {
            int place = row * width + column;
            int other = column * height + height - 1 - row;
            assertThat((double) p[2 * place]).isCloseTo(q[2 * other], within(1e-6));
            difference += Math.abs(p[2 * place] - once[2 * other]);
          }
        }
        assertThat(difference).isPositive();
      }
    }
  }

  @Test
  void tilesAreTurnedBackToTheirPlaces() {
    int height = 40;
    int width = 70;
    float[] image = picture(height, width);
    float[] transposed = new float[image.length];
    for (int i = 0; i < image.length; i++) {
      transposed[i % width * height + i / width] = image[i];
    }
    try (UNet model = model(UNet.Padding.SAME)) {
      Segmenter flipping = Segmenter.of(model).tile(32, 8).batch(3).flips(true);
      float[] p = flipping.probabilities(image, height, width);
      float[] q = flipping.probabilities(transposed, width, height);
      for (int i = 0; i < image.length; i++) {
        int other = i % width * height + i / width;
        assertThat((double) p[2 * i]).isCloseTo(q[2 * other], within(1e-6));
      }
    }
  }

  @Test
  void masksAreTheMostProbableClasses() {
    ImageData images = new SyntheticCells(48, 40, 1, 0.1).draw(2, 1).images();
    try (UNet model =
        UNet.builder(1, 3).depth(1).width(4).inputExposure(new Exposure(99, 0.5)).build(device)) {
      float[] p = Segmenter.of(model).probabilities(images);
      Masks masks = Segmenter.of(model).segment(images);
      assertThat(masks.classes()).isEqualTo(3);
      for (int i = 0; i < 2 * 48 * 40; i++) {
        int row = i / 40 % 48;
        float chosen = p[3 * i + masks.classOf(i / (48 * 40), row, i % 40)];
        assertThat(chosen).isEqualTo(Math.max(p[3 * i], Math.max(p[3 * i + 1], p[3 * i + 2])));
      }
      float[] scaled = new Exposure(99, 0.5).apply(images).floats(0, 1);
      assertThat(Segmenter.of(model).probabilities(scaled, 48, 40))
          .isEqualTo(Arrays.copyOf(p, 3 * 48 * 40));
    }
  }

  @Test
  void manyThreadsMaySegmentAtOnce() throws Exception {
    float[] image = picture(60, 50);
    try (UNet model = model(UNet.Padding.SAME);
        ExecutorService threads = Executors.newFixedThreadPool(4)) {
      Segmenter segmenter = Segmenter.of(model).tile(32, 8);
      float[] expected = segmenter.probabilities(image, 60, 50);
      long live = device.memory().liveBuffers();
      Callable<float[]> segment = () -> segmenter.probabilities(image, 60, 50);
      for (Future<float[]> p : threads.invokeAll(Collections.nCopies(24, segment))) {
        assertThat(p.get()).isEqualTo(expected);
      }
      assertThat(device.memory().liveBuffers()).isEqualTo(live);
    }
  }

  @Test
  void mistakesAreNamed() {
    try (UNet model = model(UNet.Padding.SAME)) {
      Segmenter segmenter = Segmenter.of(model);
      assertThatThrownBy(() -> segmenter.probabilities(new float[3 * 40], 3, 40))
          .hasMessage(
              "segment: an image of 3x40 is smaller than the network's stride: expected at least"
                  + " 4x4; enlarge it or train with fewer levels");
      float[] image = picture(8, 8);
      image[11] = Float.NaN;
      assertThatThrownBy(() -> segmenter.probabilities(image, 8, 8))
          .hasMessage(
              "segment: the image has the value NaN at row 1, column 3: expected finite numbers");
      assertThatThrownBy(() -> segmenter.probabilities(new float[63], 8, 8))
          .hasMessage("segment: expected the 8x8x1 values of an image, got 63");
      assertThatThrownBy(() -> segmenter.segment(ImageData.of(8, 8, 3, new byte[192])))
          .hasMessage(
              "segment: the images have 3 channels, the model was trained on 1: give such images");
      assertThatThrownBy(() -> segmenter.tile(32, 15)).hasMessageContaining("overlap by 15");
      assertThatThrownBy(() -> segmenter.batch(0)).hasMessageContaining("got 0");
    }
    try (UNet model = UNet.builder(1, 1 << 18).depth(1).width(1).build(device)) {
      assertThatThrownBy(() -> Segmenter.of(model).probabilities(picture(128, 128), 128, 128))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("segment: 1 times 128x128x262144 numbers are too many");
    }
    assertThatThrownBy(() -> Segmenter.of(null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("model");
  }

  @Test
  void runningStatisticsNormaliseWhatIsSegmented() {
    float[] image = picture(32, 32);
    try (UNet model = model(UNet.Padding.SAME)) {
      float[] before = Segmenter.of(model).probabilities(image, 32, 32);
      Parameter mean = model.parameters().get("encoder.0.0.running_mean");
      mean.fill(0.5f);
      assertThat(Segmenter.of(model).probabilities(image, 32, 32)).isNotEqualTo(before);
    }
  }
}
