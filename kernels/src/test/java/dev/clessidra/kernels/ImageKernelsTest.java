package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * That the typed methods for images hand their operands to the right fields, and refuse bad ones.
 * What the kernels compute to the bit is the conformance suite's business.
 */
final class ImageKernelsTest {
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

  private Buffer results(long count) {
    Buffer buffer = scope.allocate("output", 4 * count);
    kernels.fill(buffer, count, Float.NaN);
    return buffer;
  }

  private void assertValues(Buffer buffer, double... expected) {
    float[] values = new float[(int) (buffer.byteSize() / 4)];
    device.copyToHost(buffer, values);
    assertThat(values).hasSize(expected.length);
    for (int i = 0; i < expected.length; i++) {
      assertThat((double) values[i]).as("element %d", i).isCloseTo(expected[i], within(1e-5));
    }
  }

  private static void assertRefused(ThrowingCallable call, String message) {
    assertThatIllegalArgumentException().isThrownBy(call).withMessage(message);
  }

  @Test
  void convolutionAddsBiasAndWhatWasThere() {
    // One image of 2 x 3, one channel, two filters of 1 x 2, stride 1 x 2, one column of padding.
    Window window = new Window(1, 2, 1, 2, 0, 1, 1, 1);
    Convolution convolution = new Convolution(new Images(1, 2, 3, 1), 2, window);
    Buffer x = of(1, 2, 3, 4, 5, 6);
    Buffer filter = of(1, 10, -1, 100);
    Buffer y = of(1, 1, 1, 1, 1, 1, 1, 1);
    kernels.conv2d(convolution, x, filter, of(0.5f, -1000), y, Activation.RELU, 2);
    assertValues(y, 12.5, 0, 34.5, 0, 42.5, 0, 67.5, 0);
  }

  @Test
  void convolutionOfTwoOperandsReadsAndWritesBoth() {
    // Two pixels with two channels and one, one filter of one pixel.
    Convolution convolution = new Convolution(new Images(1, 1, 2, 3), 1, Window.square(1), 1);
    Buffer x = of(1, 2, 4, 5);
    Buffer second = of(3, 6);
    Buffer filter = of(1, 10, 100);
    Buffer y = results(2);
    kernels.conv2d(convolution, x, second, filter, null, y, Activation.IDENTITY, 0);
    assertValues(y, 321, 654);
    Buffer dx = of(1, 1, 1, 1);
    Buffer secondDx = of(1, 1);
    kernels.conv2dBackwardData(
        convolution, of(1, 2), filter, null, dx, secondDx, Activation.IDENTITY, 0, 3);
    assertValues(dx, 1, 10, 2, 20);
    assertValues(secondDx, 103, 203);
    Buffer gradient = results(3);
    Buffer workspace = results(convolution.backwardFilterWorkspace());
    kernels.conv2dBackwardFilter(convolution, x, second, of(1, 2), gradient, workspace, 0);
    assertValues(gradient, 9, 12, 15);
    assertRefused(
        () -> kernels.conv2d(convolution, x, of(3), filter, null, y, Activation.IDENTITY, 0),
        "conv2d: operand second_x needs 2 elements of 4 bytes, but buffer 'operand' has 4 bytes.");
    Convolution single = new Convolution(new Images(1, 1, 2, 2), 1, Window.square(1));
    assertRefused(
        () -> kernels.conv2d(single, x, second, filter, null, y, Activation.IDENTITY, 0),
        "conv2d: operand second_x is given, but the convolution is of one operand: expected null.");
    assertRefused(
        () -> new Convolution(new Images(1, 1, 2, 2), 1, Window.square(1), 2),
        "Convolution has 2 channels, 2 of them in a second operand: expected 0 to 1.");
  }

  @Test
  void transposedConvolutionSpreadsEachPixel() {
    Convolution convolution =
        new Convolution(new Images(1, 2, 4, 1), 1, Window.square(2).withStride(2));
    Buffer y = results(8);
    kernels.conv2dBackwardData(
        convolution, of(1, -2), of(1, 2, 3, 4), of(1), y, Activation.IDENTITY, 0);
    assertValues(y, 2, 3, -1, -3, 4, 5, -5, -7);
    Buffer gradient = of(1, 1, 1, 1);
    Buffer workspace = results(convolution.backwardFilterWorkspace());
    kernels.conv2dBackwardFilter(
        convolution, of(1, 2, 3, 4, 5, 6, 7, 8), of(1, -2), gradient, workspace, 1);
    assertValues(gradient, 1 + 1 - 6, 1 + 2 - 8, 1 + 5 - 14, 1 + 6 - 16);
  }

  @Test
  void poolingRemembersWhereItTookFrom() {
    Images images = new Images(1, 2, 4, 1);
    Window window = Window.square(2).withStride(2);
    Buffer y = results(2);
    Buffer indices = ints(-1, -1);
    kernels.maxPool(images, window, of(1, 5, 2, 2, 3, 4, 2, 0), y, indices);
    assertValues(y, 5, 2);
    int[] taken = new int[2];
    device.copyToHost(indices, taken);
    assertThat(taken).containsExactly(1, 2);
    Buffer dx = of(1, 1, 1, 1, 1, 1, 1, 1);
    kernels.maxPoolBackward(images, window, of(10, 20), indices, dx, 3);
    assertValues(dx, 3, 13, 23, 3, 3, 3, 3, 3);
  }

  @Test
  void upsamplingAndItsGradient() {
    Images images = new Images(1, 1, 2, 1);
    Buffer y = results(4);
    kernels.upsample(Interpolation.BILINEAR, images, 1, 4, of(0, 4), y);
    assertValues(y, 0, 1, 3, 4);
    kernels.upsample(Interpolation.NEAREST, images, 1, 4, of(0, 4), y);
    assertValues(y, 0, 0, 4, 4);
    Buffer dx = of(1, 1);
    kernels.upsampleBackward(Interpolation.BILINEAR, images, 1, 4, of(1, 2, 4, 8), dx, 1);
    assertValues(dx, 1 + 1 + 1.5 + 1, 1 + 0.5 + 3 + 8);
    kernels.upsampleBackward(Interpolation.NEAREST, images, 1, 4, of(1, 2, 4, 8), dx, 0);
    assertValues(dx, 3, 12);
  }

  @Test
  void normalizationAndItsGradients() {
    Normalization normalization = Normalization.batch(4, 1, 1);
    Buffer x = of(1, 1, 5, 5);
    Buffer mean = results(1);
    Buffer variance = results(1);
    Buffer runningMean = of(1);
    Buffer runningVariance = of(2);
    kernels.normalizeStatistics(
        normalization, x, mean, variance, runningMean, runningVariance, results(1), 0.5f);
    assertValues(mean, 3);
    assertValues(variance, 4);
    assertValues(runningMean, 2);
    assertValues(runningVariance, 2 + 0.5 * (16.0 / 3 - 2));
    Buffer y = results(4);
    Buffer scale = of(2);
    Buffer shift = of(1);
    double n = 2 / Math.sqrt(5);
    kernels.normalize(normalization, x, mean, variance, scale, shift, y, Activation.RELU);
    assertValues(y, 0, 0, 1 + 2 * n, 1 + 2 * n);
    Buffer dScale = of(1);
    Buffer dShift = of(1);
    Buffer sums = results(2);
    Buffer dy = of(1, 0, 0, 3);
    Activation none = Activation.IDENTITY;
    kernels.normalizeBackwardStatistics(
        normalization,
        x,
        dy,
        mean,
        variance,
        scale,
        shift,
        dScale,
        dShift,
        sums,
        results(2),
        none,
        2,
        0);
    assertValues(dScale, 2 + 2 * n);
    assertValues(dShift, 4);
    assertValues(sums, 2, n);
    Buffer dx = of(1, 1, 1, 1);
    kernels.normalizeBackward(
        normalization, x, dy, mean, variance, scale, shift, sums, dx, none, 1);
    double i = 1 / Math.sqrt(5);
    assertValues(
        dx,
        1 + i * (2 - 2 + n * n),
        1 + i * (0 - 2 + n * n),
        1 + i * (0 - 2 - n * n),
        1 + i * (6 - 2 - n * n));
  }

  @Test
  void groupsOfChannelsAreNormalizedByThemselves() {
    Normalization normalization = Normalization.group(new Images(2, 1, 1, 4), 2, 1);
    Buffer mean = results(4);
    Buffer variance = results(4);
    Buffer x = of(1, 3, 10, 10, 0, 0, -1, -3);
    kernels.normalizeStatistics(normalization, x, mean, variance, null, null, results(8), 0);
    assertValues(mean, 2, 10, 0, -2);
    assertValues(variance, 1, 0, 0, 1);
  }

  @Test
  void diceAndItsGradient() {
    Buffer probabilities = of(0.75f, 0.25f, 0.5f, 0.5f);
    Buffer labels = ints(0, 7);
    Buffer sums = results(4);
    Buffer loss = results(1);
    kernels.dice(probabilities, labels, sums, loss, results(6), 1, 2, 2, 1, 0.5f);
    assertValues(sums, 0.75, 0, 2.25, 0.75);
    assertValues(loss, 0.5 * (1 - 2.5 / 3.25 + 1 - 1 / 1.75));
    Buffer dx = of(1, 1, 1, 1);
    kernels.diceBackward(labels, sums, of(2), dx, 1, 2, 2, 1, 0.5f, 1);
    double first = 2.5 / (3.25 * 3.25);
    double second = 1 / (1.75 * 1.75);
    assertValues(dx, 1 + first - 2 / 3.25, 1 + second, 1 + first, 1 + second);
  }

  @Test
  void samplesOfAGaussianAndItsDivergence() {
    RandomKey key = new RandomKey(3, 4);
    Buffer step = scope.allocate("step", 8);
    kernels.fill(step, 2, 0);
    Buffer noise = results(3);
    kernels.random(Distribution.NORMAL, noise, step, 3, key, 0, 1);
    float[] e = new float[3];
    device.copyToHost(noise, e);
    Buffer mean = of(1, -2, 0.5f);
    Buffer logVariance = of(0, (float) Math.log(4), (float) Math.log(9));
    Buffer z = results(3);
    kernels.reparameterize(mean, logVariance, z, step, 3, key);
    assertValues(z, 1 + e[0], -2 + 2 * e[1], 0.5 + 3 * e[2]);
    Buffer dLogVariance = of(1, 1, 1);
    kernels.reparameterizeBackward(of(1, 2, 3), logVariance, dLogVariance, step, 3, key, 1);
    assertValues(dLogVariance, 1 + e[0] / 2, 1 + 2 * e[1], 1 + 4.5 * e[2]);

    Buffer divergence = results(3);
    Buffer loss = results(1);
    kernels.gaussianKl(mean, logVariance, divergence, loss, results(1), 3, 1, 2);
    double[] expected = {0.5, (4 + 4 - 1 - Math.log(4)) / 2, (0.25 + 9 - 1 - Math.log(9)) / 2};
    assertValues(divergence, expected);
    assertValues(loss, 2 * (expected[0] + expected[1] + expected[2]));
    Buffer dMean = of(1, 1, 1);
    kernels.gaussianKlBackward(
        mean, logVariance, of(3, 5, 7), true, dMean, dLogVariance, 3, 1, 2, 1, 0);
    assertValues(dMean, 7, -19, 8);
    assertValues(dLogVariance, 0, 15, 56);
    kernels.gaussianKlBackward(mean, logVariance, of(3), false, dMean, null, 3, 1, 2, 0, 0);
    assertValues(dMean, 6, -12, 3);
  }

  @Test
  void rowsAreRepeatedAndTheirGradientsAdded() {
    Buffer y = results(8);
    kernels.repeatRows(of(1, 2, 3, 4), y, 2, 2, 2);
    assertValues(y, 1, 2, 1, 2, 3, 4, 3, 4);
    Buffer dx = of(1, 1, 1, 1);
    kernels.repeatRowsBackward(of(1, 2, 10, 20, 3, 4, 30, 40), dx, 2, 2, 2, 3);
    assertValues(dx, 14, 25, 36, 47);
    assertRefused(
        () -> kernels.repeatRows(y, dx, 2, 2, 0),
        "repeat_rows: repeats is 0: expected at least 1.");
  }

  @Test
  void bernoulliLikelihoodOfEachRowOfLogitsAndItsGradient() {
    float half = (float) Math.log(3);
    // Probabilities 1/2, 3/4; 1/4, 1/2; 3/4, 3/4; 1/2, 1/2. Targets 1, 0 for two rows, then 0, 1.
    Buffer logits = of(0, half, -half, 0, half, half, 0, 0);
    Buffer target = of(1, 0, 0, 1);
    Buffer logLikelihood = results(4);
    kernels.bernoulliLogLikelihood(logits, target, logLikelihood, 2, 2, 2);
    assertValues(
        logLikelihood, Math.log(1 / 8.0), Math.log(1 / 8.0), Math.log(3 / 16.0), Math.log(1 / 4.0));
    Buffer dLogits = of(1, 1, 1, 1, 1, 1, 1, 1);
    kernels.bernoulliLogLikelihoodBackward(logits, target, of(1, 2, 4, 8), dLogits, 2, 2, 2, 3);
    assertValues(dLogits, 3.5, 2.25, 4.5, 2, 0, 4, -1, 7);
  }

  @Test
  void densityOfEachRowUnderItsGaussianAndItsGradients() {
    double half = Math.log(2 * Math.PI) / 2;
    Buffer x = of(1, -2, 3, 0.5f);
    Buffer logDensity = results(2);
    kernels.gaussianLogDensity(x, null, null, logDensity, 2, 2, 1);
    assertValues(logDensity, -2 * half - 2.5, -2 * half - 4.625);
    Buffer mean = of(1, 2);
    Buffer logVariance = of(0, (float) Math.log(4));
    kernels.gaussianLogDensity(x, mean, logVariance, logDensity, 1, 2, 2);
    double constant = -2 * half - Math.log(4) / 2;
    assertValues(logDensity, constant - 2, constant - 2 - 2.25 / 8);
    Buffer dx = of(1, 1, 1, 1);
    Buffer dMean = of(1, 1);
    Buffer dLogVariance = results(2);
    kernels.gaussianLogDensityBackward(
        x, mean, logVariance, of(10, 100), dx, dMean, dLogVariance, 1, 2, 2, 3, 2, 0);
    assertValues(dx, 3, 3 + 10, 3 - 200, 3 + 37.5);
    assertValues(dMean, 2 + 200, 2 - 10 - 37.5);
    assertValues(dLogVariance, -5 + 150, 15 - 50 * (1 - 0.5625));
  }

  @Test
  void crossEntropyTakesWeights() {
    Buffer logits = of(0, 0, 0, 0);
    Buffer labels = ints(0, 1);
    Buffer probabilities = results(4);
    Buffer loss = results(1);
    Buffer classes = of(2, 3);
    Buffer rows = of(5, 7);
    kernels.softmaxCrossEntropy(
        logits, labels, classes, rows, probabilities, loss, results(3), 2, 2, 1);
    assertValues(loss, (10 + 21) * Math.log(2));
    Buffer dx = results(4);
    kernels.softmaxCrossEntropyBackward(
        probabilities, labels, classes, rows, of(1), dx, 2, 2, 1, 0);
    assertValues(dx, -5, 5, 10.5, -10.5);
  }

  @Test
  void operandsThatAreTooSmallAreRefused() {
    Buffer small = scope.allocate("small", 8);
    Buffer large = scope.allocate("large", 4096);
    Images images = new Images(1, 2, 2, 1);
    Convolution convolution = new Convolution(images, 1, Window.square(1));
    assertRefused(
        () -> kernels.conv2d(convolution, large, large, null, small, Activation.IDENTITY, 0),
        "conv2d: operand y needs 4 elements of 4 bytes, but buffer 'small' has 8 bytes.");
    assertRefused(
        () -> kernels.maxPool(images, Window.square(1), large, large, small),
        "max_pool: operand indices needs 4 elements of 4 bytes, but buffer 'small' has 8 bytes.");
    assertRefused(
        () -> kernels.upsample(Interpolation.NEAREST, images, 3, 3, large, small),
        "upsample: operand y needs 9 elements of 4 bytes, but buffer 'small' has 8 bytes.");
    assertRefused(
        () -> kernels.dice(large, large, small, large, large, 3, 1, 1, 1, 1),
        "dice: operand sums needs 6 elements of 4 bytes, but buffer 'small' has 8 bytes.");
    assertRefused(
        () -> kernels.softmaxCrossEntropy(large, large, null, small, large, large, large, 3, 2, 1),
        "softmax_cross_entropy: operand row_weights needs 3 elements of 4 bytes, but buffer 'small'"
            + " has 8 bytes.");
  }

  @Test
  void otherBadArgumentsAreRefused() {
    Buffer x = scope.allocate("x", 4096);
    Images images = new Images(1, 4, 4, 1);
    assertRefused(
        () -> kernels.maxPool(images, Window.square(2).withPadding(2), x, x, x),
        "max_pool: Window[height=2, width=2, strideHeight=1, strideWidth=1, paddingHeight=2,"
            + " paddingWidth=2, dilationHeight=1, dilationWidth=1]: expected a window that is not"
            + " dilated, with a padding below its size.");
    assertRefused(
        () ->
            kernels.normalizeStatistics(
                Normalization.group(images.withChannels(2), 1, 1), x, x, x, x, null, x, 0.1f),
        "normalize_statistics: 1 images and 1 groups of 2 columns have no running statistics:"
            + " expected 1 image and a group for each column.");
    assertRefused(
        () ->
            kernels.normalizeStatistics(Normalization.batch(1, 1, 1), x, x, x, null, null, x, 1.5f),
        "normalize_statistics: momentum is 1.5: expected 0 to 1.");
    assertRefused(
        () -> kernels.dice(x, x, x, x, x, 1, 1, 1, -1, 1),
        "dice: smooth is -1.0: expected a finite number of 0 or more.");
  }

  @Test
  void sizesThatDoNotFitAreRefused() {
    assertRefused(
        () -> new Images(1, 0, 2, 3),
        "Images are [1, 0, 2, 3]: expected a height, width and channels of at least 1.");
    assertRefused(
        () -> new Images(1, 1 << 16, 1 << 16, 3),
        "Images are of 65536 x 65536 pixels: expected at most 2147483647 pixels.");
    assertRefused(
        () -> Window.square(2).withStride(0),
        "Window is 2 x 2, stride 0 x 0, padding 0 x 0, dilation 1 x 1: expected a padding of 0 or"
            + " more and all else at least 1.");
    assertRefused(
        () -> new Convolution(new Images(1, 4, 4, 1), 1, Window.of(3, 2).withDilation(2)),
        "Window spans a height of 5 pixels: expected at most the 4 of the padded image.");
    assertRefused(
        () -> new Convolution(new Images(1, 4, 4, 1), 0, Window.square(1)),
        "Convolution has 0 filters: expected at least 1.");
    assertRefused(
        () -> Window.square(1).withPadding(2).under(new Images(1, 4, 4, 1)),
        "Window covers a height of 0 less the padding: expected at least 1.");
    assertRefused(
        () -> new Normalization(1, 2, 6, 4, 1),
        "Normalization has 4 groups of 6 columns: expected a divisor of the columns.");
    assertRefused(
        () -> Normalization.batch(2, 6, 0),
        "Normalization has epsilon 0.0: expected a number above 0.");
  }

  @Test
  void windowsCountTheirPositions() {
    Window window = new Window(3, 2, 2, 3, 1, 0, 1, 2);
    Images output = window.over(new Images(5, 8, 11, 4));
    assertThat(output).isEqualTo(new Images(5, 4, 3, 4));
    assertThat(window.under(output)).isEqualTo(new Images(5, 7, 9, 4));
    assertThat(window.over(window.under(output))).isEqualTo(output);
    Convolution convolution = new Convolution(new Images(4, 100, 100, 64), 64, Window.square(3));
    // 9604 pixels of each image; the 36,864 elements of the filters allow 113 chunks of 340 pixels.
    assertThat(convolution.withAlgorithm(ConvolutionAlgorithm.DIRECT).backwardFilterWorkspace())
        .isEqualTo(113L * 36_864);
    // 625 tiles of each image; the 147,456 elements of the transformed filters allow 28 chunks, but
    // a
    // chunk has at least 128 tiles.
    assertThat(convolution.withAlgorithm(ConvolutionAlgorithm.WINOGRAD).backwardFilterWorkspace())
        .isEqualTo(20L * 147_456);
  }
}
