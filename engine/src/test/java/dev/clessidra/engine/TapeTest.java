package dev.clessidra.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.clessidra.engine.initializers.Initializer;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.BinaryFunction;
import dev.clessidra.kernels.DeformationRange;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceOptions;
import dev.clessidra.kernels.ElementType;
import dev.clessidra.kernels.Interpolation;
import dev.clessidra.kernels.Kernels;
import dev.clessidra.kernels.Program;
import dev.clessidra.kernels.Scope;
import dev.clessidra.kernels.Window;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TapeTest {
  private Device device;
  private Scope scope;
  private Tape tape;
  private Parameters parameters;

  @BeforeEach
  void open() {
    device = Device.open(DeviceOptions.defaults().withDevice("cpu").withDebug(true));
    scope = device.scope();
    tape = new Tape(device, scope);
    parameters =
        Parameters.builder(device)
            .add("w", Shape.of(5, 3), Initializer.glorotUniform())
            .add("encoder", Shape.of(3), Initializer.constant(0.1f))
            .add("decoder", Shape.of(5), Initializer.constant(-0.2f))
            .build(1);
  }

  @AfterEach
  void close() {
    parameters.close();
    scope.close();
    device.close();
  }

  private Tensor images() {
    return Tensor.of(
        device,
        scope,
        "images",
        Shape.of(4, 5),
        GradientCheck.Values.PROBABILITY.draw(Shape.of(4, 5), new Random(3)));
  }

  private Tensor tiedLoss(Tape on, Tensor x) {
    Tensor code = on.linear(x, parameters.get("w"), parameters.get("encoder"), Activation.SIGMOID);
    Tensor output =
        on.linearTransposed(
            code, parameters.get("w"), parameters.get("decoder"), Activation.IDENTITY);
    return on.meanSquaredError(output, x);
  }

  @Test
  void aTiedWeightGetsTheSumOfBothContributions() {
    Tensor x = images();
    tape.backward(tiedLoss(tape, x));
    double[] expected = differencesOfTiedLoss(x);
    GradientCheck.assertClose(
        "tied weight", parameters.get("w").gradient().copyToArray(), expected);

    // The control: either use alone has another gradient.
    parameters.forgetGradients();
    Tape half = new Tape(device, scope);
    Tensor code =
        half.linear(x, parameters.get("w"), parameters.get("encoder"), Activation.SIGMOID);
    Tensor copy = Tensor.allocate(device, scope, "copy of w", Shape.of(5, 3));
    copy.copyFrom(parameters.get("w"));
    Tensor output =
        half.linearTransposed(code, copy, parameters.get("decoder"), Activation.IDENTITY);
    half.backward(half.meanSquaredError(output, x));
    float[] one = parameters.get("w").gradient().copyToArray();
    assertThatThrownBy(() -> GradientCheck.assertClose("encoder's part", one, expected))
        .isInstanceOf(AssertionError.class);
  }

  private double[] differencesOfTiedLoss(Tensor x) {
    double[] w = widen(parameters.get("w").copyToArray());
    double[] images = widen(x.copyToArray());
    double[] gradient = new double[w.length];
    for (int i = 0; i < w.length; i++) {
      double value = w[i];
      w[i] = value + 1e-6;
      double above = tiedLoss(w, images);
      w[i] = value - 1e-6;
      double below = tiedLoss(w, images);
      w[i] = value;
      gradient[i] = (above - below) / 2e-6;
    }
    return gradient;
  }

  private static double tiedLoss(double[] w, double[] x) {
    double sum = 0;
    for (int row = 0; row < 4; row++) {
      double[] code = new double[3];
      for (int j = 0; j < 3; j++) {
        double z = 0.1f;
        for (int i = 0; i < 5; i++) {
          z += x[row * 5 + i] * w[i * 3 + j];
        }
        code[j] = 1 / (1 + Math.exp(-z));
      }
      for (int i = 0; i < 5; i++) {
        double y = -0.2f;
        for (int j = 0; j < 3; j++) {
          y += code[j] * w[i * 3 + j];
        }
        sum += (y - x[row * 5 + i]) * (y - x[row * 5 + i]);
      }
    }
    return sum / 20;
  }

  private static double[] widen(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }

  @Test
  void gradientsAddUpOverSeveralTapesUntilTheyAreForgotten() {
    Tensor x = images();
    tape.backward(tiedLoss(tape, x));
    float[] once = parameters.get("decoder").gradient().copyToArray();
    Tape second = new Tape(device, scope);
    second.backward(tiedLoss(second, x));
    float[] twice = parameters.get("decoder").gradient().copyToArray();
    parameters.forgetGradients();
    assertThat(parameters.get("decoder").hasGradient()).isFalse();
    Tape third = new Tape(device, scope);
    third.backward(tiedLoss(third, x));
    assertThat(parameters.get("decoder").gradient().copyToArray()).isEqualTo(once);
    for (int i = 0; i < once.length; i++) {
      assertThat(twice[i]).isEqualTo(once[i] + once[i]);
    }
  }

  @Test
  void aParameterThatIsNotTrainableGetsNoGradient() {
    parameters.get("decoder").trainable(false);
    tape.backward(tiedLoss(tape, images()));
    assertThat(parameters.get("w").hasGradient()).isTrue();
    assertThat(parameters.get("decoder").hasGradient()).isFalse();
    parameters.completeGradients();
    assertThat(parameters.get("decoder").gradient().copyToArray()).containsOnly(0);
  }

  @Test
  void backwardReleasesEverythingButTheLossAndWhatIsRetained() {
    Tensor x = images();
    long before = device.memory().liveBuffers();
    Tensor hidden = tape.linear(x, parameters.get("w"), parameters.get("encoder"), Activation.RELU);
    Tensor kept = tape.retain(tape.scale(hidden, 2));
    Tensor view = tape.reshape(hidden, Shape.of(12));
    Tensor loss = tape.addLosses(tape.sum(tape.square(kept)), tape.absolutePenalty(view, 0.1f));
    tape.backward(loss);
    assertThat(loss.item()).isPositive();
    assertThat(kept.copyToArray()).hasSize(12);
    assertThat(device.memory().liveBuffers()).isEqualTo(before + 2);
    assertThatThrownBy(hidden::copyToArray)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "tensor \"linear\" [4, 3] is used after it was closed: the backward computation"
                + " released it (Tape.retain keeps a tensor, ForwardContext.save one that the"
                + " backward of an operation needs)");
    assertThat(view.isOpen()).isFalse();
  }

  @Test
  void aSigmoidLayerReusesTheMemoryOfTheIncomingGradient() {
    Tensor x = images();
    Tensor y = tape.linear(x, parameters.get("w"), parameters.get("encoder"), Activation.SIGMOID);
    Tensor loss = tape.meanSquaredError(y, Tensor.filled(device, scope, "t", y.shape(), 0));
    long requests = device.memory().requests();
    tape.backward(loss);
    // The seed, the gradient of y, and the workspace of the bias; no gradient before the sigmoid.
    assertThat(device.memory().requests()).isEqualTo(requests + 3);
  }

  @Test
  void aWatchedGradientStaysAndIsNotOverwritten() {
    Tensor x = tape.watch(images());
    Tensor hidden =
        tape.watch(tape.linear(x, parameters.get("w"), parameters.get("encoder"), Activation.TANH));
    Tensor activated = tape.watch(tape.activation(tape.scale(hidden, 3), Activation.SIGMOID));
    tape.backward(tape.sum(activated));
    assertThat(tape.gradient(activated).copyToArray()).containsOnly(1);
    float[] h = tape.gradient(hidden).copyToArray();
    assertThat(h).hasSize(12).doesNotContain(1f);
    assertThat(tape.gradient(x).shape()).isEqualTo(Shape.of(4, 5));
  }

  @Test
  void aBranchThatTheLossDoesNotDependOnHasNoGradient() {
    Tensor x = tape.watch(images());
    Tensor unused = tape.exp(x);
    Tensor loss = tape.sum(tape.scale(x, 2));
    tape.backward(loss);
    assertThat(unused.isOpen()).isFalse();
    assertThat(tape.gradient(x).copyToArray()).containsOnly(2);
  }

  @Test
  void anInferenceTapeRecordsNothingAndComputesTheSame() {
    Tensor x = images();
    Tape inference = Tape.inference(device, scope);
    Tensor loss = tiedLoss(inference, x);
    assertThat(loss.item()).isEqualTo(tiedLoss(tape, x).item());
    assertThat(inference.isRecording()).isFalse();
    assertThatThrownBy(() -> inference.backward(loss))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("inference tape");
    assertThatThrownBy(() -> inference.watch(x)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void dropoutDoesNothingOnAnInferenceTape() {
    try (TrainingState state = new TrainingState(device, 5)) {
      Tensor x = images();
      Tape inference = Tape.inference(device, scope);
      assertThat(inference.dropout(x, 0.5f, state.stream("dropout"))).isSameAs(x);
      assertThat(tape.dropout(x, 0.5f, state.stream("dropout")).copyToArray()).contains(0f);
    }
  }

  @Test
  void noiseFollowsTheStepAndTheStream() {
    try (TrainingState state = new TrainingState(device, 5)) {
      Tensor x = images();
      Tape inference = Tape.inference(device, scope);
      float[] first = inference.gaussianNoise(x, 1, state.stream("noise")).copyToArray();
      assertThat(inference.gaussianNoise(x, 1, state.stream("noise")).copyToArray())
          .isEqualTo(first);
      assertThat(inference.gaussianNoise(x, 1, state.stream("other")).copyToArray())
          .isNotEqualTo(first);
      state.advance();
      assertThat(inference.gaussianNoise(x, 1, state.stream("noise")).copyToArray())
          .isNotEqualTo(first);
    }
  }

  @Test
  void binarizedImagesAreDrawnAgainEachStep() {
    try (TrainingState state = new TrainingState(device, 5)) {
      RandomStream stream = state.stream("binarize");
      Tensor x = Tensor.filled(device, scope, "gray", Shape.of(4, 50), 0.5f);
      float[] first = tape.binarize(x, stream).copyToArray();
      assertThat(first).containsOnly(0, 1);
      assertThat(tape.binarize(x, stream).copyToArray()).isEqualTo(first);
      state.advance();
      assertThat(tape.binarize(x, stream).copyToArray()).isNotEqualTo(first);
      Tensor watched = tape.watch(filled(2, 3));
      assertThatThrownBy(() -> tape.binarize(watched, stream))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("binarize: the probability depends on a parameter: expected a constant");
    }
  }

  @Test
  void warmupFollowsTheStepOfAReplay() {
    Tensor weight = filled(1);
    try (TrainingState state = new TrainingState(device, 5)) {
      Runnable step =
          () -> {
            try (Scope inner = device.scope()) {
              Tape.inference(device, inner).linearWarmup(4, state).addTo(weight, 0);
              state.advance();
            }
          };
      try (Program program = device.capture(step)) {
        assertThat(weight.copyToArray()).containsExactly(0);
        program.run();
        assertThat(weight.copyToArray()).containsExactly(0.25f);
        program.run(4);
        assertThat(weight.copyToArray()).containsExactly(1);
      }
      assertMisfit(
          () -> tape.linearWarmup(-1, state), "linearWarmup: expected 0 steps or more, got -1");
    }
  }

  @Test
  void gathersShuffledBatchesOfImagesAndLabelsAlike() {
    int n = 10;
    byte[] pixels = new byte[n * 2];
    int[] labels = new int[n];
    for (int i = 0; i < n; i++) {
      pixels[2 * i] = (byte) i;
      pixels[2 * i + 1] = (byte) 255;
      labels[i] = i;
    }
    Tensor images = Tensor.of(device, scope, "images", Shape.of(n, 1, 2), pixels);
    Tensor classes = Tensor.of(device, scope, "labels", Shape.of(n), labels);
    try (TrainingState state = new TrainingState(device, 5)) {
      boolean[] seen = new boolean[n];
      boolean shuffled = false;
      for (int step = 0; step < 2; step++) {
        Tensor batch = tape.gatherRows(images, 5, true, state);
        Tensor batchLabels = tape.gatherRows(classes, 5, true, state);
        assertThat(batch.shape()).isEqualTo(Shape.of(5, 1, 2));
        float[] values = batch.copyToArray();
        int[] rows = batchLabels.copyToIntArray();
        for (int i = 0; i < 5; i++) {
          assertThat(values[2 * i]).isEqualTo(rows[i] / 255f);
          assertThat(values[2 * i + 1]).isOne();
          shuffled |= rows[i] != step * 5 + i;
          seen[rows[i]] = true;
        }
        state.advance();
      }
      assertThat(seen).doesNotContain(false);
      assertThat(shuffled).isTrue();
    }
  }

  @Test
  void imagesAndTheirLabelsAreDistortedAlike() {
    int n = 3;
    int[] labels = new int[n * 6 * 5];
    Arrays.setAll(labels, i -> i);
    float[] pixels = new float[labels.length];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = labels[i];
    }
    Tensor classes = Tensor.of(device, scope, "labels", Shape.of(n, 6, 5), labels);
    Tensor x = Tensor.of(device, scope, "x", Shape.of(n, 6, 5, 1), pixels);
    DeformationRange range =
        DeformationRange.none().withMirrors(true, true).withRotation(0.2f).withElastic(1);
    try (TrainingState state = new TrainingState(device, 5)) {
      Tensor field = tape.deformationField(n, 6, 5, 4, 3, range, state.stream("views"));
      assertThat(field.shape()).isEqualTo(Shape.of(n, 4, 3, 2));
      Tensor view = tape.sampleImages(x, field, Interpolation.NEAREST);
      Tensor viewed = tape.sampleImages(classes, field, Interpolation.NEAREST);
      assertThat(view.shape()).isEqualTo(Shape.of(n, 4, 3, 1));
      assertThat(viewed.shape()).isEqualTo(Shape.of(n, 4, 3));
      int[] taken = viewed.copyToIntArray();
      float[] read = view.copyToArray();
      for (int i = 0; i < taken.length; i++) {
        assertThat(read[i]).isEqualTo(taken[i]);
        assertThat(taken[i] / 30).isEqualTo(i / 12);
      }
      Tensor smooth = tape.sampleImages(x, field, Interpolation.BILINEAR);
      assertThat(smooth.copyToArray()).isNotEqualTo(read);
      Tensor brighter = tape.randomBrightness(x, 0, 0.5f, state.stream("brightness"));
      assertThat(brighter.copyToArray()[89] - 89)
          .isCloseTo(brighter.copyToArray()[60] - 60, within(1e-4f));
      assertThat(brighter.copyToArray()).isNotEqualTo(pixels);
      state.advance();
      Tensor next = tape.deformationField(n, 6, 5, 4, 3, range, state.stream("views"));
      assertThat(next.copyToArray()).isNotEqualTo(field.copyToArray());
    }
  }

  @Test
  void shapeErrorsOfAugmentationNameTheOperationWhatWasGivenAndWhatWasExpected() {
    Tensor x = filled(2, 6, 5, 3);
    Tensor field = filled(2, 4, 4, 2);
    Tensor labels = Tensor.allocate(device, scope, "labels", ElementType.INT32, Shape.of(2, 6, 5));
    assertMisfit(
        () -> tape.sampleImages(filled(6, 5), field, Interpolation.NEAREST),
        "sampleImages: images [6, 5] does not fit: expected [n, height, width, channels] or [n,"
            + " height, width]");
    assertMisfit(
        () -> tape.sampleImages(x, filled(3, 4, 4, 2), Interpolation.NEAREST),
        "sampleImages: field [3, 4, 4, 2] does not fit images [2, 6, 5, 3]: expected [2, height,"
            + " width, 2]");
    assertMisfit(
        () -> tape.sampleImages(labels, field, Interpolation.BILINEAR),
        "sampleImages: input 0, \"labels\" [2, 6, 5], holds INT32, expected FLOAT32");
    assertMisfit(
        () ->
            tape.sampleImages(
                Tensor.allocate(device, scope, "raw", ElementType.UINT8, Shape.of(2, 6, 5)),
                field,
                Interpolation.NEAREST),
        "sampleImages: input 0, \"raw\" [2, 6, 5], holds UINT8, expected FLOAT32 or INT32");
    assertMisfit(
        () -> tape.sampleImages(x, labels, Interpolation.NEAREST),
        "sampleImages: input 1, \"labels\" [2, 6, 5], holds INT32, expected FLOAT32");
    assertMisfit(
        () -> tape.sampleImages(tape.watch(filled(2, 6, 5, 3)), field, Interpolation.NEAREST),
        "sampleImages: the input depends on a parameter: expected a constant");
    try (TrainingState state = new TrainingState(device, 5)) {
      RandomStream stream = state.stream("views");
      DeformationRange none = DeformationRange.none();
      assertMisfit(
          () -> tape.deformationField(1, 6, 5, 0, 4, none, stream),
          "deformationField: expected views of at least 1 x 1, got 0 x 4");
      assertMisfit(
          () -> tape.deformationField(1, 6, 5, 3, 4, none.withQuarterTurns(true), stream),
          "deformationField: views are 3 x 4: expected squares, which quarter turns need");
      assertMisfit(
          () -> tape.randomBrightness(filled(), 0, 0, stream),
          "randomBrightness: got a scalar, expected images [n, ...]");
    }
  }

  @Test
  void aTapeServesOneBackwardComputation() {
    Tensor x = images();
    Tensor loss = tiedLoss(tape, x);
    tape.backward(loss);
    assertThatThrownBy(() -> tape.backward(loss))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("the tape is spent");
    assertThatThrownBy(() -> tape.exp(x)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void backwardSaysWhatIsWrongWithALoss() {
    Tensor x = images();
    assertThatThrownBy(() -> tape.backward(null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("backward: the loss is null: expected a scalar of this tape");
    assertThatThrownBy(() -> tape.backward(x))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "backward: the loss \"images\" [4, 5] is not a scalar; reduce it with sum or mean");
    Tensor constant = tape.sum(x);
    assertThatThrownBy(() -> tape.backward(constant))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("backward: the loss \"sum\" [] depends on no trainable parameter");
  }

  @Test
  void aViewThroughWhichAGradientWouldBeLostIsRefused() {
    Tensor x = images();
    Tensor hidden = tape.linear(x, parameters.get("w"), parameters.get("encoder"), Activation.RELU);
    assertThatThrownBy(() -> tape.sum(hidden.reshape(Shape.of(12))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("use the tape's reshape or slice");
    assertThatThrownBy(() -> tape.sum(parameters.get("w").slice(0, 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("use the tape's reshape or slice");
    assertThatThrownBy(() -> tape.sum(parameters.values()))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(tape.sum(x.reshape(Shape.of(20))).item()).isPositive();
  }

  @Test
  void parametersCanBeReshapedAndSlicedOnTheTape() {
    Tensor part = tape.slice(tape.reshape(parameters.get("w"), Shape.of(3, 5)), 1, 1);
    tape.backward(tape.sum(part));
    assertThat(parameters.get("w").gradient().copyToArray())
        .containsExactly(0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0);
  }

  @Test
  void aClosedInputIsNamed() {
    Tensor x = images();
    x.close();
    assertThatThrownBy(() -> tape.exp(x))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("exp: tensor \"images\" [4, 5] is used after it was closed");
  }

  @Test
  void anInputThatIsMissingOrOnAnotherDeviceIsRefused() {
    assertThatThrownBy(() -> tape.linear(images(), null, Activation.RELU))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("linear: input 1 is null");
    try (Device other = Device.open("cpu");
        Scope elsewhere = other.scope()) {
      Tensor stranger = Tensor.filled(other, elsewhere, "stranger", Shape.of(2), 1);
      assertThatThrownBy(() -> tape.exp(stranger))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("exp: \"stranger\" [2] is on another device (cpu) than the tape (cpu)");
      Tensor mine = Tensor.filled(device, scope, "mine", Shape.of(2), 1);
      assertThatThrownBy(() -> mine.copyFrom(stranger))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("copy: \"stranger\" [2] and \"mine\" [2] are on different devices");
    }
  }

  @Test
  void anEmptyBatchGivesZeroLossAndZeroGradients() {
    Tensor x = Tensor.allocate(device, scope, "nothing", Shape.of(0, 5));
    Tensor loss = tiedLoss(tape, x);
    tape.backward(loss);
    assertThat(loss.item()).isZero();
    assertThat(parameters.gradients().copyToArray()).containsOnly(0);
    assertThat(parameters.get("w").hasGradient()).isTrue();
  }

  /** {@code x^3}, as an application would write it. */
  private record Cube(boolean forgetful) implements Operation {
    @Override
    public String name() {
      return "cube";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = inputs.getFirst();
      Tensor square = context.allocate(x.shape());
      Tensor y = context.allocate(x.shape());
      multiply(context.kernels(), x, x, square, 1, 0);
      multiply(context.kernels(), square, x, y, 1, 0);
      context.save(square);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      if (!forgetful) {
        Tensor dy = context.outputGradient();
        GradientTarget dx = context.inPlaceGradient(0);
        multiply(context.kernels(), dy, context.saved(0), dx.tensor(), 3, dx.beta());
      }
    }

    private static void multiply(
        Kernels kernels, Tensor a, Tensor b, Tensor y, float alpha, float beta) {
      long count = a.shape().elements();
      kernels.binary(
          BinaryFunction.MULTIPLY, a.buffer(), b.buffer(), y.buffer(), count, count, alpha, beta);
    }
  }

  @Test
  void anOperationOfTheApplicationIsDifferentiatedLikeABuiltInOne() {
    GradientCheck.of((on, x) -> on.apply(new Cube(false), x.getFirst()))
        .input(Shape.of(3, 7))
        .reference(x -> Arrays.stream(x[0]).map(v -> v * v * v).toArray())
        .run(device);
  }

  @Test
  void anOperationThatGivesNoGradientIsNamed() {
    Tensor x = tape.watch(images());
    Tensor loss = tape.sum(tape.apply(new Cube(true), x));
    assertThatThrownBy(() -> tape.backward(loss))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith("cube: backward gave no gradient for input 0");
  }

  /** An operation as a test wants it. */
  private record Custom(
      BiFunction<ForwardContext, Tensor, Tensor> rule, Consumer<BackwardContext> derivative)
      implements Operation {
    @Override
    public String name() {
      return "custom";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      return rule.apply(context, inputs.getFirst());
    }

    @Override
    public void backward(BackwardContext context) {
      derivative.accept(context);
    }
  }

  @Test
  void aTensorThatForwardDidNotSaveIsNamedInBackward() {
    Operation forgetful =
        new Custom((context, x) -> context.allocate(x.shape()), context -> context.saved(0));
    Tensor loss = tape.sum(tape.apply(forgetful, tape.watch(images())));
    assertThatThrownBy(() -> tape.backward(loss))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "custom: backward asks for saved tensor 0, but forward saved 0: call"
                + " ForwardContext.save there");
  }

  @Test
  void aTensorOfForwardThatIsUsedInBackwardUnsavedIsNamedWithTheRemedy() {
    List<Tensor> kept = new ArrayList<>();
    Operation hidden =
        new Custom(
            (context, x) -> {
              kept.add(context.allocate(x.shape()));
              return context.allocate(x.shape());
            },
            context -> kept.getFirst().buffer());
    Tensor loss = tape.sum(tape.apply(hidden, tape.watch(images())));
    assertThatThrownBy(() -> tape.backward(loss))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "tensor \"custom\" [4, 5] is used after it was closed: forward neither returned it nor"
                + " saved it for a backward (ForwardContext.save)");
  }

  @Test
  void anOperationThatReturnsItsInputDoesNothing() {
    Tensor x = tape.watch(images());
    Operation nothing =
        new Custom(
            (context, input) -> input,
            context -> {
              throw new AssertionError("backward of an operation without effect");
            });
    Tensor y = tape.apply(nothing, x);
    assertThat(y).isSameAs(x);
    tape.backward(tape.sum(y));
    assertThat(tape.gradient(x).copyToArray()).containsOnly(1);
  }

  @Test
  void anOperationThatWorksInPlaceIsRefused() {
    BiFunction<ForwardContext, Tensor, Tensor> launching =
        (context, x) -> {
          context.kernels().fill(x.buffer(), 1, 0);
          return x;
        };
    BiFunction<ForwardContext, Tensor, Tensor> allocating =
        (context, x) -> {
          context.allocate(x.shape());
          return x;
        };
    BiFunction<ForwardContext, Tensor, Tensor> saving =
        (context, x) -> {
          context.save(x);
          return x;
        };
    for (BiFunction<ForwardContext, Tensor, Tensor> rule : List.of(launching, allocating, saving)) {
      Tensor x = tape.watch(images());
      assertThatThrownBy(() -> tape.apply(new Custom(rule, context -> {}), x))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageStartingWith("custom: forward returned its input");
    }
  }

  @Test
  void whatNothingNeedsIsReleasedWhenAnOperationReturns() {
    Tensor x = images();
    long before = device.memory().liveBuffers();
    Tape.inference(device, scope).apply(new Cube(false), x);
    assertThat(device.memory().liveBuffers()).isEqualTo(before + 1);
  }

  @Test
  void shapeErrorsNameTheOperationWhatWasGivenAndWhatWasExpected() {
    Tensor x = Tensor.filled(device, scope, "x", Shape.of(256, 784), 0);
    Tensor w = Tensor.filled(device, scope, "w", Shape.of(1000, 500), 0);
    Tensor b = Tensor.filled(device, scope, "b", Shape.of(784), 0);
    Tensor labels = Tensor.allocate(device, scope, "labels", ElementType.INT32, Shape.of(255));
    assertMisfit(
        () -> tape.linear(x, w, b, Activation.RELU),
        "linear: input [256, 784] does not fit weight [1000, 500]: expected weight [784, n]");
    assertMisfit(
        () -> tape.linearTransposed(x, w, Activation.RELU),
        "linearTransposed: input [256, 784] does not fit weight [1000, 500]: expected weight"
            + " [n, 784]");
    assertMisfit(
        () ->
            tape.linear(
                w, Tensor.filled(device, scope, "v", Shape.of(500, 2), 0), b, Activation.RELU),
        "linear: bias [784] does not fit weight [500, 2]: expected bias [2]");
    assertMisfit(
        () -> tape.matmul(x, true, w, true),
        "matmul: a [256, 784] (transposed) does not fit b [1000, 500] (transposed): expected b"
            + " [n, 256]");
    assertMisfit(
        () -> tape.add(x, w),
        "add: b [1000, 500] does not fit a [256, 784]: expected b of the same shape, [784] or one"
            + " element");
    assertMisfit(
        () -> tape.meanSquaredError(x, w),
        "squaredError: target [1000, 500] does not fit input [256, 784]: expected equal shapes");
    assertMisfit(
        () -> tape.softmaxCrossEntropy(x, labels),
        "softmaxCrossEntropy: labels [255] does not fit the rows [256]: expected equal shapes");
    assertMisfit(
        () -> tape.softmaxCrossEntropy(x, b),
        "softmaxCrossEntropy: input 1, \"b\" [784], holds FLOAT32, expected INT32");
    assertMisfit(
        () -> tape.exp(labels), "exp: input 0, \"labels\" [255], holds INT32, expected FLOAT32");
    assertMisfit(
        () -> tape.apply(new Cube(false), labels),
        "cube: input 0, \"labels\" [255], holds INT32, expected FLOAT32");
    assertMisfit(
        () -> tape.topK(x, 785), "topK: k 785 does not fit input [256, 784]: expected 1 to 784");
    assertMisfit(
        () -> tape.concat(x, w),
        "concat: input [1000, 500] does not fit input [256, 784]: expected equal dimensions but"
            + " the last");
    assertMisfit(
        () -> tape.sliceColumns(x, 780, 5),
        "sliceColumns: input [256, 784] has no columns 780 to 785: expected a range within [0,"
            + " 784]");
    assertMisfit(() -> tape.klSparsity(x, 1, 1), "klSparsity: expected rho in (0, 1), got 1.0");
    assertMisfit(() -> tape.addLosses(), "addLosses: expected at least one loss, got none");
    try (TrainingState state = new TrainingState(device, 1)) {
      assertMisfit(
          () -> tape.dropout(x, 1, state.stream("d")),
          "dropout: expected a probability in [0, 1), got 1.0");
      assertMisfit(
          () -> tape.maskNoise(x, Float.NaN, state.stream("d")),
          "mask noise: expected a probability in [0, 1], got NaN");
      assertMisfit(
          () -> tape.gatherRows(x, 0, false, state),
          "gatherRows: 0 rows cannot be taken from [256, 784]: expected at least one row of each");
    }
  }

  @Test
  void shapeErrorsOfImagesNameTheOperationWhatWasGivenAndWhatWasExpected() {
    Tensor x = filled(2, 6, 5, 3);
    Tensor filter = filled(4, 3, 3, 3);
    Tensor three = filled(3);
    Window window = Window.square(3);
    Activation none = Activation.IDENTITY;
    assertMisfit(
        () -> tape.conv2d(filled(6, 5), filter, window, none),
        "conv2d: input [6, 5] does not fit: expected [n, height, width, channels]");
    assertMisfit(
        () -> tape.conv2d(x, filled(4, 3, 2, 3), window, none),
        "conv2d: input [2, 6, 5, 3] does not fit filter [4, 3, 2, 3]: expected filter [n, 3, 3,"
            + " 3]");
    assertMisfit(
        () -> tape.conv2d(x, filter, three, window, none),
        "conv2d: bias [3] does not fit filter [4, 3, 3, 3]: expected bias [4]");
    assertMisfit(
        () -> tape.conv2d(x, filter, window.withDilation(3), none),
        "conv2d: input [2, 6, 5, 3]: Window spans a height of 7 pixels: expected at most the 6 of"
            + " the padded image.");
    assertMisfit(
        () -> tape.conv2dOfConcatenation(x, filled(2, 5, 6, 3), filter, window, none),
        "conv2d: input [2, 5, 6, 3] does not fit input [2, 6, 5, 3]: expected equal dimensions but"
            + " the last");
    assertMisfit(
        () -> tape.conv2dOfConcatenation(x, filled(2, 6, 5, 4), filter, window, none),
        "conv2d: input [2, 6, 5, 7] does not fit filter [4, 3, 3, 3]: expected filter [n, 3, 3,"
            + " 7]");
    assertMisfit(
        () -> tape.convTranspose2d(x, filter, three, window, none),
        "convTranspose2d: input [2, 6, 5, 3] does not fit filter [4, 3, 3, 3]: expected filter [3,"
            + " 3, 3, n]");
    assertMisfit(
        () -> tape.convTranspose2d(filled(2, 6, 5, 4), filter, window.withStride(2), 15, 12, none),
        "convTranspose2d: input [2, 6, 5, 4] does not give 15 x 12: expected 13 to 14 x 11 to 12");
    assertMisfit(
        () -> tape.maxPool(x, Window.square(6)),
        "maxPool: input [2, 6, 5, 3]: Window spans a width of 6 pixels: expected at most the 5 of"
            + " the padded image.");
    assertMisfit(
        () -> tape.upsample(x, Interpolation.NEAREST, 0, 4),
        "upsample: expected a size of at least 1 x 1, got 0 x 4");
    assertMisfit(
        () -> tape.groupNorm(x, 2, three, three, 1e-5f, none),
        "groupNorm: 2 groups do not fit input [2, 6, 5, 3]: expected a divisor of its 3 channels");
    assertMisfit(
        () -> tape.batchNorm(x, three, filled(2), three, three, 0.1f, 1e-5f, none),
        "batchNorm: shift [2] does not fit the channels [3]: expected equal shapes");
    Tensor labels = Tensor.allocate(device, scope, "labels", ElementType.INT32, Shape.of(2, 6));
    assertMisfit(
        () -> tape.dice(x, labels, 1, true),
        "dice: labels [2, 6] does not fit the rows [2, 6, 5]: expected equal shapes");
    assertMisfit(
        () -> tape.softmaxCrossEntropy(filled(2, 6, 4), labels, three, null),
        "softmaxCrossEntropy: class weights [3] does not fit the classes [4]: expected equal"
            + " shapes");
    assertMisfit(
        () -> tape.gaussianKl(x, three, 1),
        "gaussianKl: log variance [3] does not fit mean [2, 6, 5, 3]: expected equal shapes");
    assertMisfit(
        () -> tape.repeatRows(three, 0),
        "repeatRows: [3] cannot be taken 0 times: expected rows and at least 1 time");
    assertMisfit(
        () -> tape.repeatRows(three, Integer.MAX_VALUE),
        "repeatRows: [3] taken 2147483647 times has too many rows: expected at most 2147483647");
    assertMisfit(
        () -> tape.bernoulliLogLikelihood(filled(5, 3), filled(2, 3), 2),
        "bernoulliLogLikelihood: logits [5, 3] does not fit target [2, 3]: expected equal columns"
            + " and 2 rows for each");
    assertMisfit(
        () -> tape.gaussianLogDensity(filled(4, 3), filled(2, 3), three, 2),
        "gaussianLogDensity: log variance [3] does not fit mean [2, 3]: expected equal shapes");
    assertMisfit(
        () -> tape.gaussianLogDensity(filled(4, 3), filled(2, 3), filled(2, 3), 3),
        "gaussianLogDensity: input [4, 3] does not fit mean [2, 3]: expected equal columns and 3"
            + " rows for each");
    assertMisfit(
        () -> tape.bernoulliLogLikelihood(filled(2, 3), filled(2, 3), 0),
        "bernoulliLogLikelihood: expected at least 1 repeat, got 0");
  }

  private Tensor filled(int... dimensions) {
    return Tensor.filled(device, scope, "filled", Shape.of(dimensions), 1);
  }

  @Test
  void aPartOfEachImageIsCroppedAndItsGradientIsPutBack() {
    Shape shape = Shape.of(2, 3, 4, 2);
    float[] values = new float[48];
    for (int i = 0; i < 48; i++) {
      values[i] = i;
    }
    Tensor x = tape.watch(Tensor.of(device, scope, "x", shape, values));
    Tensor part = tape.crop(x, 1, 2, 2, 1);
    assertThat(part.shape()).isEqualTo(Shape.of(2, 2, 1, 2));
    assertThat(part.copyToArray()).containsExactly(12, 13, 20, 21, 36, 37, 44, 45);
    assertThatThrownBy(() -> tape.crop(x, 2, 0, 2, 4))
        .hasMessage(
            "crop: 2 x 4 pixels from 2, 0 are not within [2, 3, 4, 2]: expected a part of [n,"
                + " height, width, channels]");
    tape.backward(tape.sum(part));
    float[] gradient = tape.gradient(x).copyToArray();
    for (int i = 0; i < 48; i++) {
      int row = i / 8 % 3;
      assertThat(gradient[i]).isEqualTo(row >= 1 && i / 2 % 4 == 2 ? 1 : 0);
    }
  }

  @Test
  void batchNormalisationLearnsStatisticsForInference() {
    Tensor x = Tensor.of(device, scope, "x", Shape.of(2, 1), new float[] {1, 3});
    Tensor mean = Tensor.filled(device, scope, "mean", Shape.of(1), 0);
    Tensor variance = Tensor.filled(device, scope, "variance", Shape.of(1), 1);
    Tensor one = filled(1);
    for (int i = 0; i < 40; i++) {
      Tape training = new Tape(device, scope);
      Tensor y = training.batchNorm(x, one, one, mean, variance, 0.5f, 1e-5f, Activation.IDENTITY);
      assertThat(y.copyToArray()[1]).isCloseTo(2, within(1e-4f));
    }
    assertThat(mean.copyToArray()[0]).isCloseTo(2, within(1e-4f));
    assertThat(variance.copyToArray()[0]).isCloseTo(2, within(1e-4f));
    Tensor y =
        Tape.inference(device, scope)
            .batchNorm(x, one, one, mean, variance, 0.5f, 1e-5f, Activation.IDENTITY);
    assertThat(y.copyToArray()[1]).isCloseTo(1 + 1 / (float) Math.sqrt(2), within(1e-4f));
  }

  private static void assertMisfit(Runnable operation, String message) {
    assertThatThrownBy(operation::run)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  @Test
  void theGradientOfAParameterIsNotTheTapesToGive() {
    Parameter w = parameters.get("w");
    tape.watch(w);
    tape.backward(tape.sum(w));
    assertThatThrownBy(() -> tape.gradient(w))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageEndingWith(" is a parameter: take Parameter.gradient()");
  }

  @Test
  void aTargetThatDependsOnAParameterIsRefused() {
    Tensor x = images();
    Tensor y = tape.scale(tape.watch(x), 2);
    assertThatThrownBy(() -> tape.meanSquaredError(x, y))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("squaredError: the target depends on a parameter: expected a constant");
  }
}
