package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * That each typed method hands its operands to the right fields, and refuses bad ones. What the
 * kernels compute to the bit is the conformance suite's business.
 */
final class KernelsTest {
  private static final float NAN = Float.NaN;

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

  private Buffer poisoned(int count) {
    Buffer buffer = scope.allocate("output", 4L * count);
    float[] values = new float[count];
    Arrays.fill(values, NAN);
    device.copyToDevice(values, buffer);
    return buffer;
  }

  /** Makes a training state at a step, with the learning rate and the gradient scale given. */
  private Buffer state(long step, float learningRate, float gradientScale) {
    Buffer buffer = scope.allocate("state", Kernels.TRAINING_STATE.byteSize());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Kernels.TRAINING_STATE);
      state.set(ValueLayout.JAVA_LONG, offset("step"), step);
      state.set(ValueLayout.JAVA_DOUBLE, offset("beta1_power"), 0.5);
      state.set(ValueLayout.JAVA_DOUBLE, offset("beta2_power"), 0.75);
      state.set(ValueLayout.JAVA_FLOAT, offset("learning_rate"), learningRate);
      state.set(ValueLayout.JAVA_FLOAT, offset("gradient_scale"), gradientScale);
      device.copyToDevice(state, buffer);
    }
    return buffer;
  }

  private MemorySegment readState(Buffer buffer) {
    MemorySegment state = MemorySegment.ofArray(new long[5]);
    device.copyToHost(buffer, state);
    return state;
  }

  private static long offset(String field) {
    return Kernels.TRAINING_STATE.byteOffset(PathElement.groupElement(field));
  }

  private void assertValues(Buffer buffer, double... expected) {
    float[] values = new float[(int) (buffer.byteSize() / 4)];
    device.copyToHost(buffer, values);
    assertThat(values).hasSize(expected.length);
    for (int i = 0; i < values.length; i++) {
      assertThat((double) values[i]).as("element %d", i).isCloseTo(expected[i], within(1e-5));
    }
  }

  @Test
  void gemmMultipliesAddsTheBiasAndActivates() {
    Buffer a = of(1, 2, 3, 4, 5, 6); // 2 x 3
    Buffer b = of(1, 0, -1, 2, 1, 1); // 3 x 2
    Buffer c = poisoned(4);
    Matrix result = Matrix.of(c, 2, 2);
    kernels.gemm(Matrix.of(a, 2, 3), Matrix.of(b, 3, 2), of(-3, 1), result, Activation.RELU, 0);
    assertValues(c, 0, 8, 2, 17);
    kernels.gemm(
        Matrix.of(a, 3, 2).transpose(),
        Matrix.of(b, 2, 3).transpose(),
        null,
        result,
        Activation.leakyRelu(0.5f),
        -1);
    // a^T = {1 3 5, 2 4 6}, b^T = {1 2, 0 1, -1 1}
    assertValues(c, -2, 2, -3, -1.5);
  }

  @Test
  void gemmTakesLeadingDimensions() {
    Buffer a = of(1, 2, NAN, 3, 4);
    Buffer c = of(0, 0, 7, 0, 0, 7);
    kernels.gemm(
        Matrix.of(a, 2, 2, 3),
        Matrix.of(of(1, 0, 0, 1), 2, 2),
        null,
        Matrix.of(c, 2, 2, 3),
        Activation.IDENTITY,
        0);
    assertValues(c, 1, 2, 7, 3, 4, 7);
  }

  @Test
  void activationsAndTheirGradients() {
    Buffer y = poisoned(3);
    kernels.activationForward(of(-2, 0, 4), y, 3, Activation.leakyRelu(0.25f));
    assertValues(y, -0.5, 0, 4);
    Buffer dx = of(1, 1, 1);
    kernels.activationBackward(of(8, 8, 8), y, dx, 3, Activation.leakyRelu(0.25f), 2);
    assertValues(dx, 4, 4, 10);
    kernels.activationBackward(of(8, 8, 8), y, dx, 3, Activation.RELU, 0);
    assertValues(dx, 0, 0, 8);
  }

  @Test
  void unaryAndBinaryFunctions() {
    Buffer y = of(1, 1, 1, 1);
    kernels.unary(UnaryFunction.AFFINE, of(1, 2, 3, 4), y, 4, 2, 10, -1);
    assertValues(y, 11, 13, 15, 17);
    kernels.binary(BinaryFunction.SUBTRACT, of(1, 2, 3, 4), of(10, 20), y, 4, 2, 3, 1);
    assertValues(y, 11 - 27, 13 - 54, 15 - 21, 17 - 48);
    kernels.binary(BinaryFunction.DIVIDE, of(1, 2, 3, 4), of(2), y, 4, 1, 1, 0);
    assertValues(y, 0.5, 1, 1.5, 2);
  }

  @Test
  void fillAndCopy() {
    Buffer y = of(0, 0, 0, 0, 0);
    kernels.fill(y.slice(4, 12), 3, 2);
    assertValues(y, 0, 2, 2, 2, 0);
    kernels.copy(of(1, 2, 9, 3, 4), 3, y, 2, 2, 2, 1);
    assertValues(y, 1, 4, 5, 6, 0);
  }

  @Test
  void reductions() {
    Buffer x = of(1, -2, 3, 4, 5, -6);
    Buffer y = of(10, 10, 10);
    Buffer workspace = poisoned(8);
    kernels.reduce(Reduction.SQUARE_SUM, x, y.slice(0, 4), workspace, 6, 2, 1);
    assertValues(y, 192, 10, 10);
    kernels.reduceRows(Reduction.ABSOLUTE_SUM, x, y, 2, 3, 1, 0.5f);
    assertValues(y, 102, 20, 10);
    kernels.reduceColumns(Reduction.SUM, x, y, workspace, 2, 3, 10, 1);
    assertValues(y, 152, 50, -20);
    kernels.reduce(Reduction.MAXIMUM, x, y, workspace, 6, 1, 0);
    assertValues(y, 5, 50, -20);
  }

  @Test
  void lossesAndTheirGradients() {
    Buffer x = of(1, -2, 3);
    Buffer target = of(0, 1, 1);
    Buffer loss = poisoned(1);
    Buffer dx = of(1, 1, 1);
    Buffer workspace = poisoned(1);
    Buffer upstream = of(2);
    kernels.loss(LossFunction.SQUARED_ERROR, x, target, loss, workspace, 3, 0.5f);
    assertValues(loss, 7);
    kernels.lossBackward(LossFunction.SQUARED_ERROR, x, target, upstream, dx, 3, 0.5f, 1);
    assertValues(dx, 3, -5, 5);
    kernels.loss(LossFunction.ABSOLUTE_VALUE, x, null, loss, workspace, 3, 1);
    assertValues(loss, 6);
    kernels.lossBackward(LossFunction.ABSOLUTE_VALUE, x, null, upstream, dx, 3, 1, 0);
    assertValues(dx, 2, -2, 2);
  }

  @Test
  void softmaxAndItsCrossEntropy() {
    Buffer logits = of(0, 0, 0, (float) Math.log(3));
    Buffer y = poisoned(4);
    kernels.softmax(logits, y, 2, 2);
    assertValues(y, 0.5, 0.5, 0.25, 0.75);
    Buffer probabilities = poisoned(4);
    Buffer loss = poisoned(1);
    Buffer labels = ints(1, 0);
    kernels.softmaxCrossEntropy(
        logits, labels, null, null, probabilities, loss, poisoned(3), 2, 2, 0.5f);
    assertValues(probabilities, 0.5, 0.5, 0.25, 0.75);
    assertValues(loss, 0.5 * (Math.log(2) + Math.log(4)));
    Buffer dx = of(1, 1, 1, 1);
    kernels.softmaxCrossEntropyBackward(
        probabilities, labels, null, null, of(4), dx, 2, 2, 0.5f, 1);
    assertValues(dx, 2, 0, -0.5, 2.5);
  }

  @Test
  void sparsityPenalties() {
    Buffer mean = of(0.2f, 0.5f);
    Buffer loss = poisoned(1);
    kernels.klSparsity(mean, loss, poisoned(1), 2, 0.2f, 3);
    assertValues(loss, 3 * (0.2 * Math.log(0.2 / 0.5) + 0.8 * Math.log(0.8 / 0.5)));
    Buffer dx = of(1, 1, 1, 1, 1, 1);
    kernels.klSparsityBackward(mean, of(2), dx, 3, 2, 0.2f, 3, 1);
    double gradient = 2 * (0.8 / 0.5 - 0.2 / 0.5);
    assertValues(dx, 1, 1 + gradient, 1, 1 + gradient, 1, 1 + gradient);
    Buffer y = poisoned(6);
    Buffer mask = poisoned(6);
    kernels.topK(of(1, 3, 2, 5, 5, -1), y, mask, 2, 3, 1);
    assertValues(y, 0, 3, 0, 5, 0, 0);
    assertValues(mask, 0, 1, 0, 1, 0, 0);
  }

  @Test
  void randomNumbersFollowSeedStreamAndStep() {
    int count = 1000;
    Buffer first = poisoned(count);
    Buffer step = state(4, 0, 0);
    kernels.random(Distribution.UNIFORM, first, step, count, new RandomKey(1, 2), 3, 5);
    float[] values = new float[count];
    device.copyToHost(first, values);
    double mean = 0;
    for (float value : values) {
      assertThat(value).isBetween(3f, 5f);
      mean += value / (double) count;
    }
    assertThat(mean).isCloseTo(4, within(0.1));
    List<float[]> others = new ArrayList<>();
    for (RandomKey key : List.of(new RandomKey(7, 2), new RandomKey(1, 7))) {
      kernels.random(Distribution.UNIFORM, first, step, count, key, 3, 5);
      others.add(new float[count]);
      device.copyToHost(first, others.getLast());
    }
    kernels.advance(step);
    kernels.random(Distribution.UNIFORM, first, step, count, new RandomKey(1, 2), 3, 5);
    others.add(new float[count]);
    device.copyToHost(first, others.getLast());
    assertThat(others).doesNotContain(values).doesNotHaveDuplicates();
    kernels.random(Distribution.NORMAL, first, step, count, new RandomKey(1, 2), 10, 0);
    device.copyToHost(first, values);
    assertThat(values).containsOnly(10);
  }

  @Test
  void maskNoiseKeepsOrClears() {
    Buffer y = poisoned(4);
    Buffer step = state(0, 0, 0);
    RandomKey key = new RandomKey(1, 1);
    kernels.maskNoise(of(1, 2, 3, 4), y, step, 4, key, 0, 2);
    assertValues(y, 2, 4, 6, 8);
    kernels.maskNoise(of(1, 2, 3, 4), y, step, 4, key, 1, 2);
    assertValues(y, 0, 0, 0, 0);
  }

  @Test
  void binarizeDrawsEachProbability() {
    int count = 10_000;
    Buffer step = state(0, 0, 0);
    Buffer y = poisoned(4);
    kernels.binarize(of(0, 1, 0, 1), y, step, 4, new RandomKey(1, 1));
    assertValues(y, 0, 1, 0, 1);
    float[] values = new float[count];
    Arrays.fill(values, 0.3f);
    Buffer x = of(values);
    kernels.binarize(x, x, step, count, new RandomKey(1, 1));
    device.copyToHost(x, values);
    assertThat(values).containsOnly(0, 1);
    double sum = 0;
    for (float value : values) {
      sum += value;
    }
    // Six standard deviations of the mean.
    assertThat(sum / count).isCloseTo(0.3, within(0.0275));
  }

  @Test
  void warmupRisesWithTheStepAndStaysAtOne() {
    Buffer y = poisoned(1);
    kernels.linearWarmup(state(0, 0, 0), y, 4);
    assertValues(y, 0);
    kernels.linearWarmup(state(3, 0, 0), y, 4);
    assertValues(y, 0.75f);
    kernels.linearWarmup(state(9, 0, 0), y, 4);
    assertValues(y, 1);
    kernels.linearWarmup(state(0, 0, 0), y, 0);
    assertValues(y, 1);
    assertRefused(
        () -> kernels.linearWarmup(state(0, 0, 0), y, -1),
        "linear_warmup: steps is -1: expected 0 or more.");
  }

  @Test
  void logarithmOfTheSumOfExponentialsOfEachRow() {
    Buffer x = of(0, (float) Math.log(3), 100, 100, Float.NEGATIVE_INFINITY, 5);
    Buffer y = poisoned(3);
    kernels.logSumExp(x, y, 3, 2);
    assertValues(y, Math.log(4), 100 + Math.log(2), 5);
    Buffer dx = of(1, 1, 1, 1, 1, 1);
    kernels.logSumExpBackward(x, y, of(4, 2, 1), dx, 3, 2, 3);
    assertValues(dx, 4, 6, 4, 4, 3, 4);
  }

  @Test
  void batchesAreGathered() {
    Buffer bytes = scope.allocate("bytes", 6);
    device.copyToDevice(new byte[] {0, (byte) 255, 51, 102, (byte) 153, (byte) 204}, bytes);
    Buffer y = poisoned(4);
    Buffer step = state(1, 0, 0);
    kernels.gatherRows(new RowSource(bytes, ElementType.UINT8, 3, 2), y, 2, step, false, 0);
    assertValues(y, 0.6, 0.8, 0, 1);
    Buffer labels = scope.allocate("labels", 12);
    kernels.gatherRows(
        new RowSource(ints(7, 8, 9), ElementType.INT32, 3, 1), labels, 3, step, true, 5);
    int[] shuffled = new int[3];
    device.copyToHost(labels, shuffled);
    assertThat(shuffled).containsExactlyInAnyOrder(7, 8, 9);
  }

  @Test
  void decaysThatChangeNothingCostNothing() {
    Buffer state = state(10_000_000_000L, 0, 1);
    for (double factor : new double[] {0, 0.5, 0.75, 1}) {
      assertTimeout(
          Duration.ofSeconds(5), () -> kernels.schedule(state, Schedule.stepDecay(8, 1, factor)));
      assertThat(readState(state).get(ValueLayout.JAVA_FLOAT, offset("learning_rate")))
          .isEqualTo(factor == 1 ? 8 : 0);
    }
  }

  @Test
  void theTrainingStateIsReadAndWrittenAsLaidOut() {
    Buffer buffer = state(9, 0, 1);
    kernels.advance(buffer);
    kernels.schedule(buffer, Schedule.stepDecay(8, 5, 0.5).withBetas(0.5, 0.25));
    Buffer workspace = poisoned(1);
    kernels.clipNorm(of(3, 4), buffer, workspace, 2, 1);
    MemorySegment state = readState(buffer);
    assertThat(state.get(ValueLayout.JAVA_LONG, offset("step"))).isEqualTo(10);
    assertThat(state.get(ValueLayout.JAVA_FLOAT, offset("learning_rate"))).isEqualTo(2);
    assertThat(state.get(ValueLayout.JAVA_DOUBLE, offset("beta1_power"))).isEqualTo(0.25);
    assertThat(state.get(ValueLayout.JAVA_DOUBLE, offset("beta2_power"))).isEqualTo(0.1875);
    assertThat(state.get(ValueLayout.JAVA_FLOAT, offset("gradient_norm"))).isEqualTo(5);
    assertThat(state.get(ValueLayout.JAVA_FLOAT, offset("gradient_scale"))).isEqualTo(0.2f);
    kernels.schedule(buffer, Schedule.constant(3));
    assertThat(readState(buffer).get(ValueLayout.JAVA_FLOAT, offset("learning_rate"))).isEqualTo(3);
    kernels.schedule(buffer, Schedule.warmupCosine(8, 40, 100, 1));
    assertThat(readState(buffer).get(ValueLayout.JAVA_FLOAT, offset("learning_rate")))
        .isEqualTo(8 * 11f / 40);
  }

  @Test
  void optimizersUpdateTheParameters() {
    Buffer parameters = of(1);
    Buffer velocity = of(2);
    Buffer gradient = of(10);
    kernels.sgd(
        parameters, gradient, velocity, state(0, 0.1f, 0.5f), 1, new SgdOptions(0.5f, 1, true));
    // g = 10 * 0.5 + 1 * 1 = 6, v = 0.5 * 2 + 6 = 7, p = 1 - 0.1 * (0.5 * 7 + 6)
    assertValues(velocity, 7);
    assertValues(parameters, 0.05);

    Buffer first = of(1);
    Buffer second = of(4);
    Buffer adam = of(1);
    kernels.adam(
        adam,
        gradient,
        first,
        second,
        state(0, 0.1f, 0.5f),
        1,
        new AdamOptions(0.75f, 0.5f, 1, 0.5f, true));
    // m = 1 + 0.25 * 4 = 2, v = 4 + 0.5 * 21 = 14.5, c1 = 0.1 / 0.5, c2 = 1 / sqrt(0.25)
    assertValues(first, 2);
    assertValues(second, 14.5);
    assertValues(adam, 0.95 - 0.2 * 2 / (2 * Math.sqrt(14.5) + 1));
    Buffer average = of(1);
    kernels.average(of(11), average, state(8, 0, 0), 1, 0.9);
    assertValues(average, 6);
    kernels.average(of(11), average, state(8, 0, 0), 1, 0.1);
    assertValues(average, 10.5);
  }

  private static void assertRefused(ThrowingCallable launch, String message) {
    assertThatIllegalArgumentException().isThrownBy(launch).withMessage(message);
  }

  @Test
  void operandsThatAreTooSmallAreRefused() {
    Buffer small = scope.allocate("small", 8);
    Buffer large = scope.allocate("large", 4096);
    assertRefused(
        () -> kernels.fill(small, 3, 0),
        "fill: operand y needs 3 elements of 4 bytes, but buffer 'small' has 8 bytes.");
    assertRefused(
        () -> kernels.fill(large, Long.MAX_VALUE, 0),
        "fill: operand y needs 9223372036854775807 elements of 4 bytes, but buffer 'large' has 4096"
            + " bytes.");
    assertRefused(
        () -> kernels.fill(large, -1, 0), "fill: operand y has -1 elements: expected 0 or more.");
    assertRefused(
        () ->
            kernels.gemm(
                Matrix.of(large, 2, 3),
                Matrix.of(large, 3, 2),
                null,
                Matrix.of(small, 2, 2),
                Activation.IDENTITY,
                0),
        "gemm: operand c needs 4 elements of 4 bytes, but buffer 'small' has 8 bytes.");
    assertRefused(
        () -> kernels.advance(small),
        "advance: operand state needs 40 elements of 1 bytes, but buffer 'small' has 8 bytes.");
    assertRefused(
        () ->
            kernels.random(
                Distribution.UNIFORM, large, small.slice(4, 4), 1, new RandomKey(0, 0), 0, 1),
        "random: operand step needs 1 elements of 8 bytes, but buffer 'small' has 4 bytes.");
    assertRefused(
        () -> kernels.softmax(large, large, -1, 3),
        "softmax: -1 x 3 elements: expected sizes of 0 or more.");
    assertRefused(
        () -> kernels.softmax(large, large, Long.MAX_VALUE, 3),
        "softmax: 9223372036854775807 x 3 elements are more than any memory holds.");
    assertRefused(
        () -> kernels.copy(large, 3, large, 4, 2, 4, 0),
        "copy: operand x has leading dimension 3: expected at least its 4 columns.");
    assertRefused(
        () -> kernels.reduceColumns(Reduction.SUM, large, large, small, 65, 1, 1, 0),
        "reduce_columns: operand workspace needs 3 elements of 4 bytes, but buffer 'small' has 8"
            + " bytes.");
  }

  @Test
  void otherBadArgumentsAreRefused() {
    Buffer x = scope.allocate("x", 4096);
    assertThatExceptionOfType(NullPointerException.class)
        .isThrownBy(() -> kernels.fill(null, 1, 0))
        .withMessage("fill: y is null.");
    assertRefused(
        () ->
            kernels.gemm(
                Matrix.of(x, 2, 3),
                Matrix.of(x, 4, 5),
                null,
                Matrix.of(x, 2, 5),
                Activation.IDENTITY,
                0),
        "gemm: a is 2 x 3, b is 4 x 5 and c is 2 x 5: expected a of m x k, b of k x n and c of m x"
            + " n.");
    assertRefused(
        () ->
            kernels.gemm(
                Matrix.of(x, 2, 3),
                Matrix.of(x, 3, 2),
                null,
                Matrix.of(x, 2, 2).transpose(),
                Activation.IDENTITY,
                0),
        "gemm: c is transposed, which a result cannot be: swap a and b and transpose them.");
    assertRefused(
        () -> kernels.topK(x, x, x, 1, 4, 5),
        "top_k: k is 5: expected 1 to 4, the number of columns.");
    assertRefused(
        () -> kernels.topK(x, x, x, 1, 4, 0),
        "top_k: k is 0: expected 1 to 4, the number of columns.");
    assertRefused(
        () -> kernels.loss(LossFunction.ABSOLUTE_VALUE, x, x, x, x, 1, 1),
        "loss: ABSOLUTE_VALUE has no target: expected null.");
    assertThatExceptionOfType(NullPointerException.class)
        .isThrownBy(() -> kernels.loss(LossFunction.SQUARED_ERROR, x, null, x, x, 1, 1))
        .withMessage("loss: target is null.");
    assertRefused(
        () -> kernels.klSparsity(x, x, x, 1, 1, 1),
        "kl_sparsity: rho is 1.0: expected a number between 0 and 1.");
    assertRefused(
        () -> kernels.maskNoise(x, x, x, 1, new RandomKey(0, 0), NAN, 1),
        "mask_noise: probability is NaN: expected 0 to 1.");
    assertRefused(
        () -> kernels.clipNorm(x, x, x, 1, 0),
        "clip_norm: maximum is 0.0: expected a number above 0.");
    assertRefused(
        () -> kernels.average(x, x, x, 1, 1.5), "average: decay is 1.5: expected 0 to 1.");
    assertRefused(
        () -> kernels.binary(BinaryFunction.ADD, x, x, x, 3, 0, 1, 0),
        "binary: b has no element for the 3 of a: expected at least one.");
  }

  @Test
  void badValueTypesAreRefused() {
    Buffer x = scope.allocate("x", 4096);
    assertRefused(() -> Matrix.of(x, -1, 3), "Matrix is -1 x 3: expected sizes of 0 or more.");
    assertRefused(
        () -> Matrix.of(x, 3, 4, 3),
        "Matrix has leading dimension 3: expected at least its 4 stored columns.");
    assertRefused(
        () -> Activation.leakyRelu(-1),
        "Activation slope is -1.0: expected a finite number of 0 or more.");
    assertRefused(
        () -> new Activation(ActivationFunction.RELU, 1),
        "Activation RELU has no slope, but 1.0 was given: use 0.");
    assertRefused(
        () -> new RowSource(x, ElementType.UINT8, 0, 1),
        "Row source is 0 x 1: expected at least one row and no negative size.");
    assertRefused(
        () -> Schedule.stepDecay(1, 0, 1),
        "Schedule has warmup 0, total 0, every 0: expected 0 or more, 0 or more, 1 or more.");
  }

  @Test
  void emptyOperandsAreFine() {
    Buffer empty = scope.allocate("empty", 0);
    Buffer y = of(5);
    kernels.fill(empty, 0, 1);
    kernels.reduce(Reduction.SUM, empty, y, empty, 0, 1, 0);
    assertValues(y, 0);
    kernels.gemm(
        Matrix.of(empty, 1, 0),
        Matrix.of(empty, 0, 1),
        of(3),
        Matrix.of(y, 1, 1),
        Activation.IDENTITY,
        0);
    assertValues(y, 3);
  }

  @Test
  void threadsThatLaunchAtOnceGetTheResultsOfOne() throws ExecutionException, InterruptedException {
    int size = 96;
    float[] expected = product(size);
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Future<float[]>> results = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        results.add(threads.submit(() -> product(size)));
      }
      for (Future<float[]> result : results) {
        assertThat(result.get()).isEqualTo(expected);
      }
    }
    assertThat(device.memory().liveBuffers()).isZero();
  }

  private float[] product(int size) {
    float[] values = new float[size * size];
    for (int i = 0; i < values.length; i++) {
      values[i] = (i * 37 % 101) / 50f - 1;
    }
    try (Scope own = device.scope()) {
      Buffer a = own.allocate("a", 4L * values.length);
      Buffer b = own.allocate("b", 4L * values.length);
      device.copyToDevice(values, a);
      for (int i = 0; i < 5; i++) {
        Matrix left = Matrix.of(a, size, size);
        kernels.gemm(left, left, null, Matrix.of(b, size, size), Activation.TANH, 0);
        kernels.unary(UnaryFunction.AFFINE, b, a, values.length, 0.5f, 0.1f, 0);
      }
      device.copyToHost(a, values);
    }
    return values;
  }
}
