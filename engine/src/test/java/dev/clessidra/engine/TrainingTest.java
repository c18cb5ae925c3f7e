package dev.clessidra.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.junit.jupiter.api.Assumptions.abort;

import com.sun.management.ThreadMXBean;
import dev.clessidra.engine.initializers.Initializer;
import dev.clessidra.engine.io.Checkpoint;
import dev.clessidra.engine.optimizers.Adam;
import dev.clessidra.engine.optimizers.LearningRate;
import dev.clessidra.engine.optimizers.Optimizer;
import dev.clessidra.engine.optimizers.ParameterAverage;
import dev.clessidra.engine.optimizers.Sgd;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceException;
import dev.clessidra.kernels.DeviceOptions;
import dev.clessidra.kernels.MemoryStatistics;
import dev.clessidra.kernels.Program;
import dev.clessidra.kernels.Scope;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole training steps: captured as eager, resumed as unbroken, the same bits for any threads. */
class TrainingTest {
  private static final int IMAGES = 24;
  private static final int PIXELS = 12;
  private static final int BATCH = 8;

  enum Method {
    ADAM,
    SGD
  }

  /** A small model that uses every kind of operation, with all that one step needs. */
  private static final class Model implements AutoCloseable {
    private final Device device;
    private final Scope scope;
    private final Tensor images;
    private final Tensor labels;
    private final Tensor loss;
    private final Parameters parameters;
    private final TrainingState state;
    private final Optimizer optimizer;
    private final ParameterAverage average;

    Model(Device device, Method method) {
      this.device = device;
      this.scope = device.scope();
      byte[] pixels = new byte[IMAGES * PIXELS];
      new Random(4).nextBytes(pixels);
      int[] classes = new int[IMAGES];
      for (int i = 0; i < IMAGES; i++) {
        classes[i] = i % 3;
      }
      images = Tensor.of(device, scope, "images", Shape.of(IMAGES, PIXELS), pixels);
      labels = Tensor.of(device, scope, "labels", Shape.of(IMAGES), classes);
      loss = Tensor.filled(device, scope, "loss", Shape.scalar(), 0);
      parameters =
          Parameters.builder(device)
              .add("w", Shape.of(PIXELS, 7), Initializer.heNormal())
              .add("b", Shape.of(7), Initializer.zeros())
              .add("output", Shape.of(PIXELS), Initializer.zeros())
              .add("classes.weight", Shape.of(7, 3), Initializer.glorotUniform())
              .add("classes.bias", Shape.of(3), Initializer.zeros())
              .add("unused", Shape.of(5), Initializer.constant(1))
              .build(9);
      state = new TrainingState(device, 9);
      LearningRate rate = LearningRate.warmupCosine(0.01, 3, 20, 1e-4);
      optimizer =
          switch (method) {
            case ADAM ->
                Adam.builder(rate).weightDecay(0.01).maximumNorm(1).build(parameters, state);
            case SGD -> Sgd.builder(rate).momentum(0.9).nesterov(true).build(parameters, state);
          };
      average = new ParameterAverage(parameters, state, 0.99);
    }

    void step() {
      try (Scope step = device.scope()) {
        Tape tape = new Tape(device, step);
        Tensor x = tape.gatherRows(images, BATCH, true, state);
        Tensor y = tape.gatherRows(labels, BATCH, true, state);
        Tensor noisy = tape.maskNoise(x, 0.2f, state.stream("corruption"));
        Tensor code =
            tape.linear(noisy, parameters.get("w"), parameters.get("b"), Activation.SIGMOID);
        Tensor sparse = tape.topK(tape.dropout(code, 0.1f, state.stream("dropout")), 4);
        Tensor output =
            tape.linearTransposed(
                sparse, parameters.get("w"), parameters.get("output"), Activation.IDENTITY);
        Tensor logits =
            tape.linear(
                tape.gaussianNoise(code, 0.1f, state.stream("gauss")),
                parameters.get("classes.weight"),
                parameters.get("classes.bias"),
                Activation.IDENTITY);
        Tensor total =
            tape.addLosses(
                tape.squaredError(tape.activation(output, Activation.SIGMOID), x, 1f / BATCH),
                tape.binaryCrossEntropyWithLogits(output, x, 1f / BATCH),
                tape.softmaxCrossEntropy(logits, y),
                tape.klSparsity(code, 0.2f, 0.1f),
                tape.absolutePenalty(code, 1e-3f));
        tape.backward(total);
        loss.copyFrom(total);
      }
      optimizer.step();
      average.update();
      state.advance();
    }

    Checkpoint checkpoint() {
      return Checkpoint.of(parameters).training(optimizer).average(average);
    }

    byte[] save(Path folder) throws IOException {
      Path path = folder.resolve("model.safetensors");
      checkpoint().save(path, Map.of("model", "test"));
      return Files.readAllBytes(path);
    }

    @Override
    public void close() {
      average.close();
      optimizer.close();
      state.close();
      parameters.close();
      scope.close();
    }
  }

  private static Device device(int threads) {
    return Device.open(DeviceOptions.defaults().withDevice("cpu").withThreads(threads));
  }

  @ParameterizedTest
  @EnumSource(Method.class)
  void aCapturedStepGivesTheSameBitsAsEagerSteps(Method method, @TempDir Path folder)
      throws IOException {
    byte[] eager;
    float eagerLoss;
    try (Device device = device(2);
        Model model = new Model(device, method)) {
      for (int i = 0; i < 10; i++) {
        model.step();
      }
      eager = model.save(folder);
      eagerLoss = model.loss.item();
    }
    try (Device device = device(2);
        Model model = new Model(device, method);
        Program program = device.capture(model::step)) {
      assertThat(model.save(folder)).isNotEqualTo(eager);
      program.run(9);
      assertThat(model.loss.item()).isEqualTo(eagerLoss);
      assertThat(model.save(folder)).isEqualTo(eager);
    }
  }

  @Test
  void aReplayedStepAllocatesNothing() {
    try (Device device = device(1);
        Model model = new Model(device, Method.ADAM);
        Program program = device.capture(model::step)) {
      MemoryStatistics memory = device.memory();
      // The first runs are interpreted, and the JVM's own call stubs allocate until compiled.
      long allocated = Long.MAX_VALUE;
      int rounds = 0;
      while (allocated > 0 && rounds < 40) {
        allocated = heapBytesOf(() -> program.run(1000));
        rounds++;
      }
      assertThat(allocated).isZero();
      assertThat(device.memory()).isEqualTo(memory);
      assertThat(program.plan().arenaBytes()).isLessThan(program.plan().totalBufferBytes());
      assertThat(model.state.step()).isEqualTo(1 + 1000L * rounds);
      // The control: an eager step is seen to allocate.
      assertThat(heapBytesOf(model::step)).isPositive();
      assertThat(device.memory().requests()).isGreaterThan(memory.requests());
    }
  }

  private static long heapBytesOf(Runnable work) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    work.run();
    return threads.getCurrentThreadAllocatedBytes() - before;
  }

  @Test
  void aStateMadeInsideACaptureIsRefusedAndKeepsNoMemory() {
    try (Device device = device(1)) {
      assertThatIllegalStateException()
          .isThrownBy(() -> device.capture(() -> new TrainingState(device, 1)));
      assertThat(device.memory().liveBuffers()).isZero();
    }
  }

  @Test
  void eagerStepsLeaveNoMemoryBehind() {
    try (Device device = device(1);
        Model model = new Model(device, Method.ADAM)) {
      model.step();
      long live = device.memory().liveBuffers();
      long allocated = device.memory().allocatedBytes();
      for (int i = 0; i < 20; i++) {
        model.step();
      }
      assertThat(device.memory().liveBuffers()).isEqualTo(live);
      assertThat(device.memory().allocatedBytes()).isEqualTo(allocated);
    }
  }

  @ParameterizedTest
  @EnumSource(Method.class)
  void aResumedRunWritesTheSameFileAsAnUnbrokenOne(Method method, @TempDir Path folder)
      throws IOException {
    try (Device device = device(2)) {
      byte[] unbroken;
      try (Model model = new Model(device, method)) {
        for (int i = 0; i < 10; i++) {
          model.step();
        }
        unbroken = model.save(folder);
      }
      try (Model model = new Model(device, method)) {
        for (int i = 0; i < 5; i++) {
          model.step();
        }
        model.save(folder);
      }
      try (Model model = new Model(device, method)) {
        // Whatever was there before must not matter.
        model.step();
        model.checkpoint().load(folder.resolve("model.safetensors"));
        for (int i = 0; i < 5; i++) {
          model.step();
        }
        assertThat(model.save(folder)).isEqualTo(unbroken);
      }
      // The control: from the parameters alone the run continues otherwise.
      try (Model model = new Model(device, method)) {
        for (int i = 0; i < 5; i++) {
          model.step();
        }
        model.save(folder);
      }
      try (Model model = new Model(device, method)) {
        Checkpoint.of(model.parameters).load(folder.resolve("model.safetensors"));
        for (int i = 0; i < 5; i++) {
          model.step();
        }
        assertThat(model.save(folder)).isNotEqualTo(unbroken);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"portable", "avx2"})
  void threadsAndInstructionSetDoNotChangeAModelFile(String instructionSet, @TempDir Path folder)
      throws IOException {
    byte[] first;
    try (Device device = device(1);
        Model model = new Model(device, Method.ADAM)) {
      for (int i = 0; i < 5; i++) {
        model.step();
      }
      first = model.save(folder);
    }
    DeviceOptions options =
        DeviceOptions.defaults()
            .withDevice("cpu")
            .withThreads(3)
            .withInstructionSet(instructionSet);
    try (Device device = openOrSkip(options);
        Model model = new Model(device, Method.ADAM)) {
      for (int i = 0; i < 5; i++) {
        model.step();
      }
      assertThat(model.save(folder)).isEqualTo(first);
    }
  }

  private static Device openOrSkip(DeviceOptions options) {
    try {
      return Device.open(options);
    } catch (DeviceException e) {
      return abort(e.getMessage());
    }
  }

  @Test
  void trainingLowersTheLoss() {
    try (Device device = device(2);
        Model model = new Model(device, Method.ADAM)) {
      model.step();
      float first = model.loss.item();
      for (int i = 0; i < 60; i++) {
        model.step();
      }
      assertThat(model.loss.item()).isLessThan(first);
    }
  }

  @Test
  void theAverageStandsInForTheParametersAndGoesAgain() {
    try (Device device = device(1);
        Model model = new Model(device, Method.ADAM)) {
      for (int i = 0; i < 4; i++) {
        model.step();
      }
      float[] last = model.parameters.get("w").copyToArray();
      float[] mean = model.average.of(model.parameters.get("w")).copyToArray();
      assertThat(mean).isNotEqualTo(last);
      model.average.with(() -> assertThat(model.parameters.get("w").copyToArray()).isEqualTo(mean));
      assertThat(model.parameters.get("w").copyToArray()).isEqualTo(last);
    }
  }
}
