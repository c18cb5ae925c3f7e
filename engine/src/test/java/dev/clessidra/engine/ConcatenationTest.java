package dev.clessidra.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clessidra.engine.initializers.Initializer;
import dev.clessidra.engine.optimizers.Adam;
import dev.clessidra.engine.optimizers.LearningRate;
import dev.clessidra.engine.optimizers.Optimizer;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceOptions;
import dev.clessidra.kernels.PlanStatistics;
import dev.clessidra.kernels.Program;
import dev.clessidra.kernels.Scope;
import dev.clessidra.kernels.Window;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Convolutions that read a concatenation where its parts lie, against those of a copy. */
final class ConcatenationTest {
  private static final int SIZE = 16;
  private static final int SKIPPED = 4;
  private static final int UPSAMPLED = 8;
  private static final Window SAME = Window.square(3).withPadding(1);
  private static final Window HALF = Window.square(2).withStride(2);

  private Device device;
  private Scope scope;

  @BeforeEach
  void open() {
    device = Device.open(DeviceOptions.defaults().withDevice("cpu").withDebug(true));
    scope = device.scope();
  }

  @AfterEach
  void close() {
    scope.close();
    device.close();
  }

  private Tensor random(int seed, int... dimensions) {
    Shape shape = Shape.of(dimensions);
    float[] values = GradientCheck.Values.SIGNED.draw(shape, new Random(seed));
    return Tensor.of(device, scope, "random", shape, values);
  }

  private static Tensor convolve(
      Tape tape, boolean copied, Tensor a, Tensor b, Tensor filter, Activation activation) {
    return copied
        ? tape.conv2d(tape.concat(a, b), filter, SAME, activation)
        : tape.conv2dOfConcatenation(a, b, filter, SAME, activation);
  }

  /**
   * Makes three steps with a U-Net of one level.
   *
   * @param filters gets those that convolve the concatenation
   */
  private PlanStatistics train(boolean copied, float[] filters) {
    Tensor images = random(1, 2, SIZE, SIZE, 1);
    Tensor labels = Tensor.of(device, scope, "labels", Shape.of(2, SIZE, SIZE), new int[512]);
    try (Parameters parameters =
            Parameters.builder(device)
                .add("down", Shape.of(SKIPPED, 3, 3, 1), Initializer.heNormal())
                .add("bottom", Shape.of(UPSAMPLED, 3, 3, SKIPPED), Initializer.heNormal())
                .add("up", Shape.of(UPSAMPLED, 2, 2, UPSAMPLED), Initializer.heNormal())
                .add("joined", Shape.of(3, 3, 3, SKIPPED + UPSAMPLED), Initializer.heNormal())
                .build(5);
        TrainingState state = new TrainingState(device, 5);
        Optimizer optimizer = Adam.builder(LearningRate.constant(0.01)).build(parameters, state)) {
      Runnable step =
          () -> {
            try (Scope temporary = device.scope()) {
              Tape tape = new Tape(device, temporary);
              Tensor skipped = tape.conv2d(images, parameters.get("down"), SAME, Activation.RELU);
              Tensor bottom =
                  tape.conv2d(
                      tape.maxPool(skipped, HALF), parameters.get("bottom"), SAME, Activation.RELU);
              Tensor up =
                  tape.convTranspose2d(
                      bottom, parameters.get("up"), HALF, SIZE, SIZE, Activation.IDENTITY);
              Tensor logits =
                  convolve(
                      tape, copied, skipped, up, parameters.get("joined"), Activation.IDENTITY);
              tape.backward(tape.softmaxCrossEntropy(logits, labels));
              optimizer.step();
              state.advance();
            }
          };
      try (Program program = device.capture(step)) {
        program.run(2);
        parameters.get("joined").copyTo(MemorySegment.ofArray(filters));
        return program.plan();
      }
    }
  }

  @Test
  void aSkipConnectionWithoutTheCopyGivesTheSameBitsInLessMemory() {
    float[] filters = new float[3 * 3 * 3 * (SKIPPED + UPSAMPLED)];
    float[] directFilters = filters.clone();
    PlanStatistics copied = train(true, filters);
    PlanStatistics direct = train(false, directFilters);
    assertThat(directFilters).containsExactly(filters);
    // The copy and its gradient, and the launches that wrote the one and took the other apart.
    long bytes = 2L * SIZE * SIZE * (SKIPPED + UPSAMPLED) * Float.BYTES;
    assertThat(copied.totalBufferBytes() - direct.totalBufferBytes()).isEqualTo(2 * bytes);
    assertThat(direct.arenaBytes()).isLessThan(copied.arenaBytes());
    assertThat(copied.launches() - direct.launches()).isEqualTo(4);
  }

  @Test
  void aTensorBesideItselfGetsBothGradients() {
    Tensor filter = random(2, 3, 3, 3, 10);
    float[][] gradients = new float[2][];
    for (boolean copied : new boolean[] {true, false}) {
      Tape tape = new Tape(device, scope);
      Tensor x = tape.watch(random(3, 1, 5, 4, 5));
      tape.backward(tape.mean(convolve(tape, copied, x, x, filter, Activation.TANH)));
      gradients[copied ? 1 : 0] = tape.gradient(x).copyToArray();
    }
    assertThat(gradients[0]).containsExactly(gradients[1]);
  }

  @Test
  void aConstantOnEitherSideHasNoGradient() {
    Tensor filter = random(4, 3, 3, 3, 7);
    Tensor constant = random(5, 1, 5, 4, 3);
    for (boolean first : new boolean[] {true, false}) {
      float[][] gradients = new float[2][];
      for (boolean copied : new boolean[] {true, false}) {
        Tape tape = new Tape(device, scope);
        Tensor x = tape.watch(random(6, 1, 5, 4, 4));
        Tensor a = first ? constant : x;
        Tensor b = first ? x : constant;
        tape.backward(tape.sum(convolve(tape, copied, a, b, filter, Activation.TANH)));
        gradients[copied ? 1 : 0] = tape.gradient(x).copyToArray();
      }
      assertThat(gradients[0]).containsExactly(gradients[1]);
    }
  }
}
