package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * That the random changes of images are what they are meant to be. What the kernels compute to the
 * bit is the conformance suite's business.
 */
final class AugmentationTest {
  private static final RandomKey KEY = new RandomKey(11, 5);

  private final Device device =
      Device.open(DeviceOptions.defaults().withDevice("cpu").withThreads(2));
  private final Kernels kernels = device.kernels();
  private final Scope scope = device.scope();

  @AfterEach
  void close() {
    scope.close();
    device.close();
  }

  private Buffer of(float... values) {
    Buffer buffer = scope.allocate("operand", 4L * values.length);
    device.copyToDevice(values, buffer);
    return buffer;
  }

  private Buffer ints(int... values) {
    Buffer buffer = scope.allocate("ints", 4L * values.length);
    device.copyToDevice(values, buffer);
    return buffer;
  }

  private float[] floats(Buffer buffer) {
    float[] values = new float[(int) (buffer.byteSize() / 4)];
    device.copyToHost(buffer, values);
    return values;
  }

  private float[] field(Images images, int height, int width, DeformationRange range, int step) {
    Buffer field = scope.allocate("field", 8L * images.count() * height * width);
    kernels.deformationField(images, height, width, range, field, ints(step, 0), KEY);
    return floats(field);
  }

  /** The part of a field that belongs to an image of a size. */
  private static float[] ofImage(float[] field, int image, int size) {
    return Arrays.copyOfRange(field, image * 2 * size, (image + 1) * 2 * size);
  }

  @Test
  void aViewWithoutAnyRangeIsTheImage() {
    float[] field = field(new Images(2, 2, 3, 1), 2, 3, DeformationRange.none(), 0);
    float[] places = {0, 0, 0, 1, 0, 2, 1, 0, 1, 1, 1, 2};
    assertThat(ofImage(field, 0, 6)).containsExactly(places);
    assertThat(ofImage(field, 1, 6)).containsExactly(places);
  }

  @Test
  void cropsLieEverywhereThatFits() {
    int images = 300;
    float[] field = field(new Images(images, 5, 4, 1), 3, 4, DeformationRange.none(), 0);
    Set<Float> tops = new TreeSet<>();
    for (int i = 0; i < images; i++) {
      float[] crop = ofImage(field, i, 12);
      tops.add(crop[0]);
      assertThat(crop[2 * 11] - crop[0]).isEqualTo(2);
      assertThat(crop[1]).isZero();
      assertThat(crop[2 * 11 + 1]).isEqualTo(3);
    }
    assertThat(tops).containsExactly(0f, 1f, 2f);
  }

  @Test
  void aViewThatIsLargerHasTheImageInside() {
    int images = 300;
    float[] field = field(new Images(images, 3, 1, 1), 5, 1, DeformationRange.none(), 0);
    Set<Float> tops = new TreeSet<>();
    for (int i = 0; i < images; i++) {
      tops.add(field[i * 10]);
    }
    assertThat(tops).containsExactly(-2f, -1f, 0f);
  }

  @Test
  void mirrorsAndQuarterTurnsGiveTheSymmetriesOfASquare() {
    assertThat(views(DeformationRange.none().withMirrors(true, false))).isEqualTo(2);
    assertThat(views(DeformationRange.none().withMirrors(false, true))).isEqualTo(2);
    assertThat(views(DeformationRange.none().withMirrors(true, true))).isEqualTo(4);
    assertThat(views(DeformationRange.none().withQuarterTurns(true))).isEqualTo(4);
    assertThat(views(DeformationRange.none().withMirrors(true, true).withQuarterTurns(true)))
        .isEqualTo(8);
  }

  /**
   * Counts the different views of 300 images of 2 x 2, whose pixels all have to be read exactly.
   */
  private int views(DeformationRange range) {
    int images = 300;
    float[] field = field(new Images(images, 2, 2, 1), 2, 2, range, 0);
    Set<String> views = new TreeSet<>();
    for (int i = 0; i < images; i++) {
      float[] view = ofImage(field, i, 4);
      Set<String> pixels = new TreeSet<>();
      for (int at = 0; at < view.length; at += 2) {
        view[at] += 0f; // a zero of its own sign is none of the view's
        view[at + 1] += 0f;
        pixels.add(view[at] + " " + view[at + 1]);
      }
      assertThat(pixels).containsExactly("0.0 0.0", "0.0 1.0", "1.0 0.0", "1.0 1.0");
      views.add(Arrays.toString(view));
    }
    return views.size();
  }

  @Test
  void viewsAreTurnedAndScaledAboutTheirCentre() {
    int images = 300;
    DeformationRange range = DeformationRange.none().withRotation(0.125f).withScale(0.25f);
    float[] field = field(new Images(images, 9, 9, 1), 9, 9, range, 0);
    double leastScale = 2;
    double mostScale = 0;
    double leastAngle = 1;
    double mostAngle = -1;
    for (int i = 0; i < images; i++) {
      float[] view = ofImage(field, i, 81);
      assertThat(view[2 * 40]).isCloseTo(4, within(1e-5f));
      assertThat(view[2 * 40 + 1]).isCloseTo(4, within(1e-5f));
      double down = view[2 * 41] - view[2 * 40];
      double right = view[2 * 41 + 1] - view[2 * 40 + 1];
      double scale = Math.hypot(down, right);
      double angle = Math.atan2(down, right) / (2 * Math.PI);
      leastScale = Math.min(leastScale, scale);
      mostScale = Math.max(mostScale, scale);
      leastAngle = Math.min(leastAngle, angle);
      mostAngle = Math.max(mostAngle, angle);
    }
    assertThat(leastScale).isBetween(0.7499, 0.77);
    assertThat(mostScale).isBetween(1.23, 1.2501);
    assertThat(leastAngle).isBetween(-0.12501, -0.115);
    assertThat(mostAngle).isBetween(0.115, 0.12501);
  }

  @Test
  void elasticDeformationIsSmoothAndAsLargeAsAskedFor() {
    int images = 1000;
    int size = 33;
    DeformationRange range = DeformationRange.none().withElastic(4);
    float[] field = field(new Images(images, size, size, 1), size, size, range, 0);
    float[] plain = field(new Images(images, size, size, 1), size, size, range.withElastic(0), 0);
    double squares = 0;
    double largest = 0;
    int centre = size * size / 2;
    for (int i = 0; i < images; i++) {
      float[] view = ofImage(field, i, size * size);
      float[] still = ofImage(plain, i, size * size);
      squares += Math.pow(view[2 * centre] - still[2 * centre], 2);
      for (int at = 0; at < 2 * (size * size - 1); at++) {
        if (at / 2 % size < size - 1) {
          double step = view[at + 2] - view[at] - (still[at + 2] - still[at]);
          largest = Math.max(largest, Math.abs(step));
        }
      }
    }
    // The centre is a point of the grid.
    assertThat(Math.sqrt(squares / images)).isCloseTo(4, within(0.3));
    // Points 16 pixels apart, whose displacements differ by 6 standard deviations at most.
    assertThat(largest).isBetween(0.5, 3.0);
  }

  @Test
  void viewsFollowTheStep() {
    DeformationRange range = DeformationRange.none().withElastic(1);
    Images images = new Images(2, 3, 3, 1);
    float[] field = field(images, 3, 3, range, 7);
    assertThat(field(images, 3, 3, range, 7)).isEqualTo(field);
    assertThat(field(images, 3, 3, range, 8)).isNotEqualTo(field);
    assertThat(ofImage(field, 1, 9)).isNotEqualTo(ofImage(field, 0, 9));
  }

  /** Reads the columns of an image of one row. */
  private float[] sampled(Interpolation interpolation, float[] row, float... columns) {
    float[] places = new float[2 * columns.length];
    for (int i = 0; i < columns.length; i++) {
      places[2 * i + 1] = columns[i];
    }
    Buffer y = scope.allocate("y", 4L * columns.length);
    Images images = new Images(1, 1, row.length, 1);
    kernels.sampleImages(interpolation, images, 1, columns.length, of(row), of(places), y);
    return floats(y);
  }

  @Test
  void bordersAreMirroredAtTheCentresOfTheOutermostPixels() {
    float[] row = {0, 10, 40};
    float[] columns = {0, 0.25f, 1.5f, 2, -1, -0.5f, -2, -3, 3, 2.5f, 4, 5, 401};
    assertThat(sampled(Interpolation.BILINEAR, row, columns))
        .containsExactly(0, 2.5f, 25, 40, 10, 5, 40, 10, 10, 25, 0, 10, 10);
    assertThat(sampled(Interpolation.NEAREST, row, columns))
        .containsExactly(0, 0, 40, 40, 10, 10, 40, 10, 10, 40, 0, 10, 10);
  }

  @Test
  void anyPlaceIsInsideTheImage() {
    float[] places = {
      1e30f, -3e38f, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN, 1.7e9f, -0.0f
    };
    for (Interpolation interpolation : Interpolation.values()) {
      assertThat(sampled(interpolation, new float[] {3}, places)).containsOnly(3);
      assertThat(sampled(interpolation, new float[] {3, 3, 3}, places)).containsOnly(3);
      assertThat(sampled(interpolation, new float[] {5, 6}, Float.NaN, Float.POSITIVE_INFINITY))
          .containsOnly(5);
    }
  }

  @Test
  void labelsAreMovedBitByBit() {
    // The second would be a NaN with a quiet bit that an operation on floats sets.
    int[] labels = {-1, 0x7f800001, 3, 4};
    Buffer y = ints(0, 0, 0, 0);
    kernels.sampleImages(
        Interpolation.NEAREST,
        new Images(1, 2, 2, 1),
        2,
        2,
        ints(labels),
        of(1, 1, 1, 0, 0, 1, 0, 0),
        y);
    int[] moved = new int[4];
    device.copyToHost(y, moved);
    assertThat(moved).containsExactly(4, 3, 0x7f800001, -1);
  }

  private float[] brightened(float contrast, float brightness, float gamma, float... x) {
    int images = 300;
    Buffer many = scope.allocate("many", 4L * images * x.length);
    for (int i = 0; i < images; i++) {
      device.copyToDevice(x, many.slice(4L * i * x.length, 4L * x.length));
    }
    kernels.randomBrightness(
        many, many, ints(0, 0), KEY, images, x.length, contrast, brightness, gamma);
    return floats(many);
  }

  private static void assertSpread(float[] values, int from, int step, double low, double high) {
    double least = Double.POSITIVE_INFINITY;
    double most = Double.NEGATIVE_INFINITY;
    for (int i = from; i < values.length; i += step) {
      least = Math.min(least, values[i]);
      most = Math.max(most, values[i]);
    }
    double margin = (high - low) / 50;
    assertThat(least).isBetween(low - 1e-6, low + margin);
    assertThat(most).isBetween(high - margin, high + 1e-6);
  }

  @Test
  void brightnessContrastAndGammaAreDrawnForEachImage() {
    float[] shifted = brightened(0, 0.2f, 0, 0.5f, 1);
    assertSpread(shifted, 0, 2, 0.3, 0.7);
    assertThat(shifted[1] - shifted[0]).isCloseTo(0.5f, within(1e-6f));
    float[] stretched = brightened(0.4f, 0, 0, 0.5f, 1);
    assertSpread(stretched, 1, 2, 0.8, 1.2);
    assertThat(stretched[0]).isEqualTo(0.5f);
    float[] powers = brightened(0, 0, 0.5f, 0.25f, 0, -1, 1);
    assertSpread(powers, 0, 4, 0.125, 0.5);
    assertThat(Arrays.copyOfRange(powers, 1, 4)).containsExactly(0, -1, 1);
  }

  private static void assertRefused(ThrowingCallable call, String message) {
    assertThatIllegalArgumentException().isThrownBy(call).withMessage(message);
  }

  @Test
  void badArgumentsAreRefused() {
    Buffer x = scope.allocate("x", 64);
    Images images = new Images(1, 4, 4, 1);
    DeformationRange none = DeformationRange.none();
    assertRefused(
        () -> none.withRotation(0.6f), "deformation_field: rotation is 0.6: expected 0 to 0.5.");
    assertRefused(
        () -> none.withScale(1), "deformation_field: scale is 1.0: expected 0 to 0.99999994.");
    assertRefused(
        () -> none.withElastic(Float.NaN),
        "deformation_field: elastic is NaN: expected 0 to 1000.0.");
    assertRefused(
        () -> none.withGrid(17), "deformation_field: grid is 17: expected 2 to 16 points.");
    assertRefused(() -> none.withGrid(1), "deformation_field: grid is 1: expected 2 to 16 points.");
    assertRefused(
        () -> kernels.deformationField(images, 2, 3, none.withQuarterTurns(true), x, x, KEY),
        "deformation_field: views are 2 x 3: expected squares, which quarter turns need.");
    assertRefused(
        () -> kernels.deformationField(images, 3, 3, none, x, x, KEY),
        "deformation_field: operand field needs 18 elements of 4 bytes, but buffer 'x' has 64"
            + " bytes.");
    assertRefused(
        () -> kernels.deformationField(images, 1 << 24, 1, none, x, x, KEY),
        "deformation_field: images are of 16777216 x 1 pixels: expected at most 8388608 rows and"
            + " columns.");
    assertRefused(
        () -> kernels.sampleImages(Interpolation.NEAREST, images, 3, 3, x, x, x),
        "sample_images: operand field needs 18 elements of 4 bytes, but buffer 'x' has 64 bytes.");
    assertRefused(
        () -> kernels.randomBrightness(x, x, x, KEY, 1, 4, 0, 2, 0),
        "random_brightness: brightness is 2.0: expected 0 to 1.");
  }
}
