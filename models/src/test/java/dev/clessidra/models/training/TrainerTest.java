package dev.clessidra.models.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.engine.initializers.Initializer;
import dev.clessidra.engine.io.ModelFileException;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.AffineRange;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.Classifier;
import dev.clessidra.models.Digits;
import dev.clessidra.models.Model;
import dev.clessidra.models.Reconstruction;
import dev.clessidra.models.data.ImageData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.CRC32C;
import org.assertj.core.api.Condition;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {
  private static Device device;

  @BeforeAll
  static void open() {
    device = Device.open("cpu");
  }

  @AfterAll
  static void close() {
    device.close();
  }

  private static Autoencoder model() {
    return Autoencoder.builder(784).encoder(32, 8).maskingNoise(0.1f).seed(3).build(device);
  }

  private static Trainer trainer(Autoencoder model) {
    return Trainer.of(model)
        .data(Digits.train(1000))
        .steps(60)
        .batch(48)
        .optimizer(OptimizerKind.ADAMW)
        .weightDecay(0.01)
        .maximumNorm(5)
        .average(0.9)
        .augment(new AffineRange(0.5f, 0.03f, 0.1f, 0.1f, 1))
        .seed(11);
  }

  private static BooleanSupplier after(int steps) {
    AtomicInteger asked = new AtomicInteger();
    return () -> asked.incrementAndGet() == steps;
  }

  @Test
  void theTimeOfADeviceThatWorksInTheBackgroundIsCounted() {
    try (Device emulated = Device.open("emulated");
        Autoencoder model = Autoencoder.builder(784).encoder(32, 8).build(emulated)) {
      long start = System.nanoTime();
      TrainingResult result = trainer(model).run();
      double seconds = (System.nanoTime() - start) * 1e-9;
      assertThat(result.seconds()).isBetween(seconds / 2, seconds);
    }
  }

  @Test
  void aStoppedTrainingResumesToTheSameBytes(@TempDir Path folder) {
    Path checkpoint = folder.resolve("checkpoint.safetensors");
    try (Autoencoder whole = model();
        Autoencoder part = model();
        Autoencoder rest = model()) {
      assertThat(trainer(whole).run().stopped()).isFalse();
      TrainingResult stopped = trainer(part).checkpoint(checkpoint).stopWhen(after(23)).run();
      assertThat(stopped.stopped()).isTrue();
      assertThat(stopped.steps()).isEqualTo(23);
      TrainingResult resumed = trainer(rest).resume(checkpoint).run();
      assertThat(resumed.steps()).isEqualTo(60);
      whole.save(folder.resolve("whole.safetensors"));
      rest.save(folder.resolve("rest.safetensors"));
      assertThat(folder.resolve("rest.safetensors"))
          .hasSameBinaryContentAs(folder.resolve("whole.safetensors"));
      part.save(folder.resolve("part.safetensors"));
      assertThat(folder.resolve("part.safetensors").toFile())
          .doesNotHave(
              new Condition<>(
                  file -> sameBytes(file.toPath(), folder.resolve("whole.safetensors")),
                  "the bytes of the whole training"));
    }
  }

  @Test
  void aTrainingThatFailsGoesOnFromACheckpointInBetween(@TempDir Path folder) {
    Path checkpoint = folder.resolve("checkpoint.safetensors");
    List<TrainingProgress.Report> reports = new ArrayList<>();
    try (Autoencoder whole = model();
        Autoencoder part = model();
        Autoencoder rest = model()) {
      trainer(whole).run();
      AtomicInteger asked = new AtomicInteger();
      Trainer failing =
          trainer(part)
              .checkpoint(checkpoint, Duration.ofNanos(1))
              .stopWhen(() -> {
                if (asked.incrementAndGet() == 23) {
                  throw new IllegalStateException("power loss");
                }
                return false;
              });
      assertThatThrownBy(failing::run).hasMessage("power loss");

      trainer(rest)
          .progress(
              new TrainingProgress() {
                @Override
                public void started(long firstStep, long totalSteps, int batch) {
                  assertThat(firstStep).isEqualTo(22);
                }

                @Override
                public void reported(Report report) {
                  reports.add(report);
                }
              })
          .checkpoint(folder.resolve("rare.safetensors"), Duration.ofSeconds(Long.MAX_VALUE))
          .resume(checkpoint)
          .run();

      assertThat(reports.getLast().step()).isEqualTo(60);
      assertThat(folder.resolve("rare.safetensors")).doesNotExist();
      assertSameParameters(rest, whole);
      rest.save(folder.resolve("rest.safetensors"));
      whole.save(folder.resolve("whole.safetensors"));
      assertThat(folder.resolve("rest.safetensors"))
          .hasSameBinaryContentAs(folder.resolve("whole.safetensors"));
    }
  }

  @Test
  void checkpointsInBetweenChangeNothing(@TempDir Path folder) {
    try (Autoencoder whole = model();
        Autoencoder saved = model()) {
      // Reports every third step.
      TrainingResult without = trainer(whole).steps(600).run();
      TrainingResult with =
          trainer(saved)
              .steps(600)
              .checkpoint(folder.resolve("checkpoint.safetensors"), Duration.ofNanos(1))
              .run();

      assertSameParameters(saved, whole);
      assertThat(losses(with)).isEqualTo(losses(without)).hasSizeBetween(200, 300);
    }
  }

  private static Map<Long, Double> losses(TrainingResult result) {
    return result.reports().stream()
        .collect(Collectors.toMap(TrainingProgress.Report::step, TrainingProgress.Report::loss));
  }

  private static boolean sameBytes(Path a, Path b) {
    try {
      return Files.mismatch(a, b) == -1;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void aTrainingThatDivergesIsEnded() {
    try (Autoencoder model = model()) {
      Trainer trainer =
          Trainer.of(model)
              .data(Digits.train(100))
              .steps(1000)
              .batch(50)
              .optimizer(OptimizerKind.SGD)
              .learningRate(1e20);
      assertThatThrownBy(trainer::run)
          .isInstanceOf(DivergedException.class)
          .hasMessageMatching(
              "the training diverged: the loss is (NaN|Infinity) at step \\d+; use a smaller"
                  + " learning rate, or limit the norm of the gradients");
    }
  }

  @Test
  void aCheckpointOfOtherSettingsIsRefused(@TempDir Path folder) {
    Path checkpoint = folder.resolve("checkpoint.safetensors");
    try (Autoencoder part = model();
        Autoencoder other = model()) {
      trainer(part).checkpoint(checkpoint).stopWhen(after(5)).run();
      assertThatThrownBy(() -> trainer(other).batch(32).resume(checkpoint).run())
          .isInstanceOf(ModelFileException.class)
          .hasMessageEndingWith(
              ": was trained with 'batch 48', this training has 'batch 32': resume with the same"
                  + " data and settings");
      assertThatThrownBy(() -> trainer(other).data(Digits.test(1000)).resume(checkpoint).run())
          .isInstanceOf(ModelFileException.class)
          .hasMessageContaining("was trained with 'samples 1000 of 28x28x1 of checksum ")
          .hasMessageContaining("', this training has 'samples 1000 of 28x28x1 of checksum ");
      assertThatThrownBy(() ->
              trainer(other)
                  .transform((tape, samples) -> tape.scale(samples, 0.5f))
                  .resume(checkpoint)
                  .run())
          .isInstanceOf(ModelFileException.class)
          .hasMessageContaining(
              "was trained with 'transform none', this training has 'transform set':");
      assertThatThrownBy(() -> trainer(other).seed(12).resume(checkpoint).run())
          .isInstanceOf(ModelFileException.class)
          .hasMessageContaining("seed");
      assertUntouched(other);
    }
    try (Autoencoder part = model();
        Autoencoder other =
            Autoencoder.builder(784).encoder(32, 8).maskingNoise(0.2f).seed(3).build(device)) {
      trainer(part).checkpoint(checkpoint).stopWhen(after(5)).run();
      assertThatThrownBy(() -> trainer(other).resume(checkpoint).run())
          .isInstanceOf(ModelFileException.class)
          .hasMessageEndingWith(
              ": is of a model with masking_noise '0.1', this one has '0.2': resume with the same"
                  + " model");
      assertUntouched(other);
    }
  }

  @Test
  void aCheckpointOfOtherDataWithTheSameMeanIsRefused(@TempDir Path folder) {
    Path checkpoint = folder.resolve("checkpoint.safetensors");
    ImageData digits = Digits.train(100);
    int[] order = IntStream.range(0, 100).map(i -> 99 - i).toArray();
    int[] others = Arrays.stream(digits.labels()).map(label -> 9 - label).toArray();
    ImageData relabelled = ImageData.of(28, 28, 1, digits.bytes(), others);
    ImageData turned = ImageData.of(14, 56, 1, digits.bytes(), digits.labels());
    try (Classifier part = Classifier.builder(784, 10).build(device);
        Classifier other = Classifier.builder(784, 10).build(device)) {
      Trainer.of(part)
          .data(digits)
          .steps(9)
          .batch(10)
          .checkpoint(checkpoint)
          .stopWhen(after(5))
          .run();
      for (ImageData data : List.of(digits.subset(order), relabelled, turned)) {
        Trainer resumed = Trainer.of(other).data(data).steps(9).batch(10).resume(checkpoint);
        assertThatThrownBy(resumed::run)
            .isInstanceOf(ModelFileException.class)
            .hasMessageContaining("resume with the same data and settings");
      }
      Trainer.of(other).data(digits).steps(9).batch(10).resume(checkpoint).run();
    }
  }

  @Test
  void theChecksumIsThatOfAllBytes() {
    ImageData digits = Digits.train(1500);
    CRC32C sum = new CRC32C();
    sum.update(digits.bytes());
    ByteBuffer labels = ByteBuffer.allocate(4 * 1500).order(ByteOrder.nativeOrder());
    labels.asIntBuffer().put(digits.labels());
    sum.update(labels);
    try (DeviceData data = DeviceData.of(device, digits)) {
      assertThat(data.checksum()).isEqualTo("crc32c:%08x".formatted(sum.getValue()));
    }
  }

  /** Checks that a model has what a new one has. */
  private static void assertUntouched(Autoencoder model) {
    try (Autoencoder fresh = model()) {
      assertSameParameters(model, fresh);
    }
  }

  private static void assertSameParameters(Autoencoder model, Autoencoder other) {
    model
        .parameters()
        .forEach(parameter ->
            assertThat(parameter.copyToArray())
                .as(parameter.name())
                .containsExactly(other.parameters().get(parameter.name()).copyToArray()));
  }

  @Test
  void dataThatDoesNotFitChangesNothing() {
    try (Autoencoder model =
            Autoencoder.builder(25).encoder(8).outputActivation(Activation.SIGMOID).build(device);
        Autoencoder fresh =
            Autoencoder.builder(25).encoder(8).outputActivation(Activation.SIGMOID).build(device)) {
      assertThatThrownBy(() -> Trainer.of(model).data(Digits.train(10)).steps(1).run())
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("training: the samples have 784 numbers: the model takes 25");
      ImageData small = ImageData.of(5, 5, 1, new byte[4 * 25]);
      Trainer.of(model).data(small).steps(3).run();
      Trainer.of(fresh).data(small).steps(3).run();
      assertSameParameters(model, fresh);
    }
  }

  @Test
  void anyNumbersCanBeTrainedOn() {
    // Points on a line in space, which one number describes.
    float[] samples = new float[3 * 300];
    for (int i = 0; i < 300; i++) {
      float t = i / 150f - 1;
      samples[3 * i] = 5 + 2 * t;
      samples[3 * i + 1] = -3 * t;
      samples[3 * i + 2] = t - 1;
    }
    try (DeviceData data = DeviceData.of(device, samples, 3);
        Autoencoder model =
            Autoencoder.builder(3)
                .encoder(1)
                .outputActivation(Activation.IDENTITY)
                .reconstruction(Reconstruction.SQUARED_ERROR)
                .build(device)) {
      assertThat(data.mean()[0]).isCloseTo(5, within(0.01f));
      Trainer.of(model).data(data).steps(600).batch(50).learningRate(0.03).run();
      float[] output = model.reconstruct(samples);
      double error = 0;
      for (int i = 0; i < samples.length; i++) {
        error += Math.pow(output[i] - samples[i], 2) / 300;
      }
      assertThat(error).isLessThan(0.01); // their variance is 4.7
    }
    samples[4] = Float.NaN;
    assertThatThrownBy(() -> DeviceData.of(device, samples, 3))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("training data: number 1 of sample 1 is NaN: expected finite numbers");
    assertThatThrownBy(() -> DeviceData.of(device, samples, 7))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "training data: 900 numbers are no samples of 7: expected a multiple of a size above"
                + " 0");
  }

  @Test
  void gradientsOfBeforeAreNotAddedTo() {
    try (Autoencoder model = model();
        Autoencoder fresh = model();
        TrainingState state = new TrainingState(device, 1);
        Scope scope = device.scope()) {
      Tape tape = new Tape(device, scope);
      Tensor x = Tensor.filled(device, scope, "x", Shape.of(2, 784), 1);
      tape.backward(model.loss(tape, new Batch(x, Optional.empty(), Optional.empty()), state));
      trainer(model).run();
      trainer(fresh).run();
      assertSameParameters(model, fresh);
    }
  }

  @Test
  void aTrainingAfterAResumedOneGoesOnFromIt(@TempDir Path folder) {
    Path checkpoint = folder.resolve("checkpoint.safetensors");
    try (Autoencoder part = model();
        Autoencoder rest = model()) {
      trainer(part).checkpoint(checkpoint).stopWhen(after(5)).run();
      trainer(rest).resume(checkpoint).run();
      float[] bias = rest.parameters().get("decoder.1.bias").copyToArray();
      Trainer.of(rest).data(Digits.train(100)).steps(1).learningRate(1e-30).run();
      assertThat(rest.parameters().get("decoder.1.bias").copyToArray()).containsExactly(bias);
    }
  }

  @Test
  void aStepTakesNoMoreThanAllSamplesUnlessToldTo() {
    try (Autoencoder model = model()) {
      Trainer trainer = Trainer.of(model).data(Digits.train(100)).epochs(3);
      assertThat(trainer.run().steps()).isEqualTo(3);
      assertThat(trainer.batch(150).run().steps()).isEqualTo(2);
    }
  }

  @Test
  void everySampleIsVisitedOnceAnEpochAndReportsAddUp() {
    List<TrainingProgress.Report> reports = new ArrayList<>();
    try (Autoencoder model = model()) {
      TrainingResult result =
          Trainer.of(model)
              .data(Digits.train(100))
              .epochs(3)
              .batch(32)
              .learningRate(5e-3)
              .evaluation(1, () -> Map.of("error", model.squaredError(Digits.test(10))))
              .progress(
                  new TrainingProgress() {
                    @Override
                    public void reported(Report report) {
                      reports.add(report);
                    }
                  })
              .run();
      assertThat(result.steps()).isEqualTo(10); // 300 samples in batches of 32
      assertThat(result.reports()).isEqualTo(reports);
      assertThat(reports).filteredOn(report -> !report.evaluation().isEmpty()).hasSize(3);
      assertThat(reports.getLast().epoch()).isCloseTo(3.2, within(1e-9));
      assertThat(reports.getLast().loss()).isLessThan(reports.getFirst().loss());
      assertThat(result.evaluation()).containsKey("error");
    }
  }

  @Test
  void theDataMeanIsThatOfTheSamples() {
    float[] all = Digits.train(1500).floats();
    try (DeviceData data = DeviceData.of(device, Digits.train(1500))) {
      float[] mean = data.mean();
      double sum = 0;
      for (int i = 0; i < 1500; i++) {
        sum += all[i * 784 + 400];
      }
      assertThat((double) mean[400]).isCloseTo(sum / 1500, within(1e-6));
    }
  }

  /** Learns three numbers by a loss that a test gives. */
  private record Learner(Parameters parameters, BiFunction<Tape, Parameters, Tensor> rule)
      implements Model {
    static void train(BiFunction<Tape, Parameters, Tensor> rule) {
      try (Learner model =
              new Learner(
                  Parameters.builder(device)
                      .add("w", Shape.of(3), Initializer.constant(1))
                      .build(1),
                  rule);
          DeviceData data = DeviceData.of(device, new float[6], 3)) {
        Trainer.of(model).data(data).steps(2).batch(2).run();
      }
    }

    @Override
    public String kind() {
      return "learner";
    }

    @Override
    public SequencedMap<String, String> configuration() {
      return new LinkedHashMap<>();
    }

    @Override
    public Tensor loss(Tape tape, Batch batch, TrainingState state) {
      return rule.apply(tape, parameters);
    }
  }

  @Test
  void mistakesInTheLossOfAModelAreNamed() {
    BiFunction<Tape, Parameters, Tensor> right =
        (tape, parameters) -> tape.sum(tape.square(parameters.get("w")));
    Learner.train(right);
    assertThatThrownBy(() -> Learner.train((tape, parameters) -> null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("training: Model.loss returned null: expected a scalar on the tape");
    assertThatThrownBy(() ->
            Learner.train((tape, parameters) -> {
              Tensor loss = right.apply(tape, parameters);
              loss.item();
              return loss;
            }))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "copyToHost cannot be captured: a captured step is replayed on the device, without its"
                + " Java code. Do it before or after the step.");
  }

  @Test
  void ofSettingsThatExcludeEachOtherTheLastCounts() {
    ImageData few = Digits.train(20);
    try (Autoencoder model = model();
        DeviceData data = DeviceData.of(device, Digits.train(100))) {
      Trainer trainer = Trainer.of(model).batch(10);
      assertThat(trainer.data(data).data(few).epochs(1).run().steps()).isEqualTo(2);
      assertThat(trainer.data(data).run().steps()).isEqualTo(10);
      assertThat(trainer.steps(3).run().steps()).isEqualTo(3);
      assertThat(trainer.epochs(2).run().steps()).isEqualTo(20);
    }
  }

  @Test
  void nothingIsRefusedAtOnce() {
    assertThatThrownBy(() -> Trainer.of(null)).hasMessage("model");
    try (Autoencoder model = model()) {
      Trainer trainer = Trainer.of(model);
      assertThatThrownBy(() -> trainer.data((ImageData) null)).hasMessage("trainingImages");
      assertThatThrownBy(() -> trainer.data((TrainingData) null)).hasMessage("trainingData");
      assertThatThrownBy(() -> trainer.optimizer(null)).hasMessage("kind");
      assertThatThrownBy(() -> trainer.progress(null)).hasMessage("listener");
      assertThatThrownBy(() -> trainer.stopWhen(null)).hasMessage("condition");
      assertThatThrownBy(() -> trainer.evaluation(1, null)).hasMessage("measure");
    }
  }

  @Test
  void mistakesAreNamed() {
    try (Autoencoder model = model();
        DeviceData data = DeviceData.of(device, Digits.train(10))) {
      Trainer trainer = Trainer.of(model);
      assertThatThrownBy(() -> trainer.epochs(0))
          .hasMessage("training: epochs must be above 0, got 0.0");
      assertThatThrownBy(() -> trainer.batch(0)).hasMessageContaining("at least 1, got 0");
      assertThatThrownBy(() -> trainer.learningRate(Double.NaN)).hasMessageContaining("NaN");
      assertThatThrownBy(() -> trainer.learningRate(1e300)).hasMessageContaining("1.0E300");
      assertThatThrownBy(() -> trainer.checkpoint(Path.of("x"), Duration.ZERO))
          .hasMessage("training: the time between checkpoints must be above 0, got PT0S");
      assertThatThrownBy(() -> trainer.average(1)).hasMessageContaining("[0, 1)");
      assertThatThrownBy(trainer::run).hasMessageContaining("there is no data");
      try (DeviceData codes = data.map(8, model::codes);
          Classifier classifier = Classifier.builder(8, 10).build(device)) {
        Trainer onCodes =
            Trainer.of(classifier).data(codes).augment(new AffineRange(1, 0, 0, 0, 1));
        assertThatThrownBy(onCodes::run).hasMessageContaining("augmentation needs images");
      }
    }
  }
}
