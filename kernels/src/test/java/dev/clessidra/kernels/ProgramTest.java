package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

@ParameterizedClass
@MethodSource("dev.clessidra.kernels.TestDevices#names")
final class ProgramTest {
  private static final int BATCH = 16;
  private static final int INPUTS = 30;
  private static final int UNITS = 7;

  private final Device device;
  private final Kernels kernels;
  private Scope scope;

  ProgramTest(String name) {
    device = Device.open(DeviceOptions.defaults().withDevice(name).withThreads(2).withDebug(true));
    kernels = device.kernels();
  }

  @BeforeEach
  void openScope() {
    scope = device.scope();
  }

  @AfterEach
  void close() {
    scope.close();
    assertThat(device.memory().liveBuffers()).as("everything was released").isZero();
    device.close();
  }

  private Buffer floats(Scope owner, String label, long count) {
    return owner.allocate(label, count * Float.BYTES);
  }

  private float[] read(Buffer buffer) {
    float[] values = new float[(int) (buffer.byteSize() / Float.BYTES)];
    device.copyToHost(buffer, values);
    return values;
  }

  /** A step of training with temporaries, in-place work, slices, randomness and a loss. */
  private final class Network {
    private final Buffer state = scope.allocate("state", Kernels.TRAINING_STATE.byteSize());
    private final Buffer weights = floats(scope, "weights", INPUTS * UNITS);
    private final Buffer velocity = floats(scope, "velocity", INPUTS * UNITS);
    private final Buffer loss = floats(scope, "loss", 1);
    private final Buffer one = floats(scope, "one", 1);

    private Network() {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment initial = arena.allocate(Kernels.TRAINING_STATE);
        initial.set(ValueLayout.JAVA_DOUBLE, 8, 1);
        initial.set(ValueLayout.JAVA_DOUBLE, 16, 1);
        initial.set(ValueLayout.JAVA_FLOAT, 28, 1);
        device.copyToDevice(initial, state);
      }
      kernels.random(
          Distribution.NORMAL, weights, state, INPUTS * UNITS, new RandomKey(3, 0), 0, 0.3f);
      kernels.fill(velocity, INPUTS * UNITS, 0);
      kernels.fill(one, 1, 1);
    }

    private void step() {
      try (Scope inner = scope.child()) {
        Buffer x = floats(inner, "x", BATCH * INPUTS);
        kernels.random(Distribution.UNIFORM, x, state, BATCH * INPUTS, new RandomKey(3, 1), 0, 1);
        Matrix input = Matrix.of(x, BATCH, INPUTS);
        Matrix w = Matrix.of(weights, INPUTS, UNITS);
        // Code and reconstruction lie in one buffer, so that there are pointers into its inside.
        Buffer both = floats(inner, "both", BATCH * (UNITS + INPUTS));
        Buffer code = both.slice(0, 4 * BATCH * UNITS);
        Buffer output = both.slice(4 * BATCH * UNITS, 4 * BATCH * INPUTS);
        kernels.gemm(input, w, null, Matrix.of(code, BATCH, UNITS), Activation.TANH, 0);
        kernels.gemm(
            Matrix.of(code, BATCH, UNITS),
            w.transpose(),
            null,
            Matrix.of(output, BATCH, INPUTS),
            Activation.IDENTITY,
            0);
        try (Buffer workspace =
            floats(inner, "loss workspace", Kernels.lossWorkspace(BATCH * INPUTS))) {
          kernels.loss(
              LossFunction.SQUARED_ERROR, output, x, loss, workspace, BATCH * INPUTS, 1f / BATCH);
        }
        kernels.lossBackward(
            LossFunction.SQUARED_ERROR, output, x, one, output, BATCH * INPUTS, 1f / BATCH, 0);
        Buffer gradient = floats(inner, "gradient", INPUTS * UNITS);
        Matrix dw = Matrix.of(gradient, INPUTS, UNITS);
        Matrix dy = Matrix.of(output, BATCH, INPUTS);
        kernels.gemm(
            dy.transpose(), Matrix.of(code, BATCH, UNITS), null, dw, Activation.IDENTITY, 0);
        Buffer hidden = floats(inner, "hidden gradient", BATCH * UNITS);
        kernels.gemm(dy, w, null, Matrix.of(hidden, BATCH, UNITS), Activation.IDENTITY, 0);
        both.close();
        kernels.gemm(
            input.transpose(), Matrix.of(hidden, BATCH, UNITS), null, dw, Activation.IDENTITY, 1);
        kernels.schedule(state, Schedule.warmupCosine(0.05, 3, 40, 0));
        kernels.sgd(
            weights, gradient, velocity, state, INPUTS * UNITS, new SgdOptions(0.9f, 0, true));
        kernels.advance(state);
      }
    }
  }

  @Test
  void replayGivesTheBitsOfEagerWork() {
    Network eager = new Network();
    Network captured = new Network();
    eager.step();
    try (Program program = device.capture(captured::step)) {
      assertThat(read(captured.weights)).isEqualTo(read(eager.weights));
      for (int step = 0; step < 20; step++) {
        eager.step();
        program.run();
        assertThat(read(captured.loss)).isEqualTo(read(eager.loss));
        assertThat(read(captured.weights)).isEqualTo(read(eager.weights));
      }
      // Negative control: one more step is a difference.
      program.run();
      assertThat(read(captured.weights)).isNotEqualTo(read(eager.weights));
      assertThat(read(captured.weights)).doesNotContain(Float.NaN);
    }
  }

  @Test
  void thePlanReusesMemory() {
    Network network = new Network();
    try (Program program = device.capture(network::step)) {
      PlanStatistics plan = program.plan();
      assertThat(plan.launches()).isEqualTo(11);
      assertThat(plan.buffers()).isEqualTo(5);
      assertThat(plan.arenaBytes())
          .isGreaterThanOrEqualTo(plan.lowerBoundBytes())
          .isLessThan(plan.totalBufferBytes());
    }
  }

  @Test
  void theOperationsOfProductsAreCounted() {
    Network network = new Network();
    try (Program program = device.capture(network::step)) {
      assertThat(program.operations()).isEqualTo(5 * 2.0 * BATCH * INPUTS * UNITS);
    }
  }

  @Test
  void theOperationsOfConvolutionsAreThoseOfDirectSums() {
    Images images = new Images(2, 8, 12, 16);
    for (ConvolutionAlgorithm algorithm : ConvolutionAlgorithm.values()) {
      Convolution convolution =
          new Convolution(images, 8, Window.square(3), 5).withAlgorithm(algorithm);
      long pixels = 2 * 6 * 10;
      Buffer x = floats(scope, "x", images.pixels() * 11);
      Buffer second = floats(scope, "second x", images.pixels() * 5);
      Buffer filter = floats(scope, "filter", convolution.filterElements());
      Buffer y = floats(scope, "y", pixels * 8);
      Buffer workspace = floats(scope, "workspace", convolution.backwardFilterWorkspace());
      try (Program program =
          device.capture(() -> {
            kernels.conv2d(convolution, x, second, filter, null, y, Activation.IDENTITY, 0);
            kernels.conv2dBackwardData(
                convolution, y, filter, null, x, second, Activation.IDENTITY, 0, 0);
            kernels.conv2dBackwardFilter(convolution, x, second, y, filter, workspace, 0);
            kernels.fill(y, pixels * 8, 1);
          })) {
        assertThat(program.operations()).isEqualTo(3 * 2.0 * pixels * 8 * 3 * 3 * 16);
      }
    }
  }

  @Test
  void replayAllocatesNothingOnTheJavaHeapOrTheDevice() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    Network network = new Network();
    try (Program program = device.capture(network::step)) {
      program.run(2000);
      MemoryStatistics memory = device.memory();
      long before = threads.getCurrentThreadAllocatedBytes();
      long overhead = threads.getCurrentThreadAllocatedBytes() - before;
      before = threads.getCurrentThreadAllocatedBytes();
      int runs = 1000;
      for (int i = 0; i < runs; i++) {
        program.run();
      }
      long allocated = threads.getCurrentThreadAllocatedBytes() - before - overhead;
      // An object a run would be 16 bytes a run; the JVM may need some once, to compile anew.
      assertThat(allocated).isLessThan(runs);
      assertThat(device.memory()).isEqualTo(memory);
      // Negative control: eager work is seen by both measures.
      before = threads.getCurrentThreadAllocatedBytes();
      network.step();
      assertThat(threads.getCurrentThreadAllocatedBytes() - before).isPositive();
      assertThat(device.memory().requests()).isGreaterThan(memory.requests());
    }
  }

  @Test
  void buffersStillOpenAtTheEndAreOutputsThatKeepTheirContents() {
    Buffer x = floats(scope, "x", 100);
    kernels.fill(x, 100, 3);
    AtomicReference<Buffer> output = new AtomicReference<>();
    AtomicReference<Buffer> slice = new AtomicReference<>();
    Program program =
        device.capture(() -> {
          Buffer y = floats(scope, "y", 100);
          output.set(y);
          slice.set(y.slice(40, 4));
          kernels.unary(UnaryFunction.SQUARE, x, y, 100, 0, 0, 0);
          try (Buffer later = floats(scope, "later", 100)) {
            kernels.fill(later, 100, -1);
          }
        });
    assertThat(read(output.get())).containsOnly(9).hasSize(100);
    assertThat(slice.get().address()).isEqualTo(output.get().address() + 40);
    kernels.fill(x, 100, 4);
    program.run();
    assertThat(read(output.get())).containsOnly(16);
    assertThat(read(slice.get())).containsExactly(16);
    program.close();
    assertThat(output.get().isOpen()).isFalse();
    assertThatIllegalStateException()
        .isThrownBy(() -> read(output.get()))
        .withMessageStartingWith("Buffer 'y' (400 bytes) is used after its program was closed");
  }

  @Test
  void anOutputThatNoKernelUsesKeepsWhatItHas() {
    AtomicReference<Buffer> output = new AtomicReference<>();
    try (Program program = device.capture(() -> output.set(floats(scope, "unused", 2)))) {
      device.copyToDevice(new float[] {1, 2}, output.get());
      program.run();
      assertThat(read(output.get())).containsExactly(1, 2);
      assertThat(program.plan().buffers()).isEqualTo(1);
    }
  }

  @Test
  void closingAnOutputEarlyLeavesTheProgramRunning() {
    Buffer x = floats(scope, "x", 1);
    AtomicReference<Buffer> output = new AtomicReference<>();
    try (Program program =
        device.capture(() -> {
          output.set(floats(scope, "y", 1));
          kernels.fill(output.get(), 1, 5);
          kernels.unary(UnaryFunction.SQUARE, output.get(), x, 1, 0, 0, 0);
        })) {
      output.get().close();
      kernels.fill(x, 1, 0);
      program.run();
      assertThat(read(x)).containsExactly(25);
    }
  }

  @Test
  void memoryUsedAgainDuringTheCaptureIsToldApart() {
    Buffer sum = floats(scope, "sum", 10);
    Runnable work =
        () -> {
          kernels.fill(sum, 10, 0);
          for (int i = 1; i <= 3; i++) {
            try (Buffer term = floats(scope, "term", 10)) {
              kernels.fill(term, 10, i);
              kernels.binary(BinaryFunction.ADD, sum, term, sum, 10, 10, 1, 0);
            }
          }
        };
    try (Program program = device.capture(work)) {
      assertThat(program.plan().buffers()).isEqualTo(3);
      assertThat(program.plan().arenaBytes()).isEqualTo(256);
      kernels.fill(sum, 10, Float.NaN);
      program.run();
      assertThat(read(sum)).containsOnly(6);
    }
  }

  @Test
  void aBufferFromOutsideThatIsClosedIsNamedAtReplay() {
    Buffer x = floats(scope, "x", 1);
    Buffer y = floats(scope, "labels", 1);
    try (Program program =
        device.capture(() -> {
          kernels.fill(x, 1, 0);
          kernels.fill(y, 1, 0);
        })) {
      program.run();
      y.close();
      assertThatIllegalStateException()
          .isThrownBy(program::run)
          .withMessageStartingWith("Buffer 'labels' (4 bytes) is used after it was closed");
    }
  }

  @Test
  void closingABufferFromOutsideInsideTheCaptureIsRefused() {
    Buffer x = floats(scope, "x", 1);
    assertThatIllegalStateException()
        .isThrownBy(() ->
            device.capture(() -> {
              kernels.fill(x, 1, 0);
              x.close();
            }))
        .withMessage(
            "Buffer 'x' was made before the capture, used in it by fill, and closed in it, so the"
                + " work cannot be replayed: close it later, or make it inside.");
  }

  @Test
  void whatCannotBeReplayedIsRefusedInsideACapture() {
    Buffer x = floats(scope, "x", 1);
    Program empty = device.capture(() -> {});
    try (Program program =
        device.capture(() -> {
          assertThatIllegalStateException()
              .isThrownBy(() -> device.copyToDevice(new float[1], x))
              .withMessage(
                  "copyToDevice cannot be captured: a captured step is replayed on the device,"
                      + " without its Java code. Do it before or after the step.");
          assertThatIllegalStateException()
              .isThrownBy(() -> device.copyToHost(x, new float[1]))
              .withMessageStartingWith("copyToHost cannot be captured");
          assertThatIllegalStateException()
              .isThrownBy(device::synchronize)
              .withMessageStartingWith("synchronize cannot be captured");
          assertThatIllegalStateException()
              .isThrownBy(empty::run)
              .withMessageStartingWith("Running a program cannot be captured");
          assertThatIllegalStateException()
              .isThrownBy(() -> device.capture(() -> {}))
              .withMessage("The device is capturing already: a capture cannot be inside another.");
        })) {
      assertThat(program.plan()).isEqualTo(new PlanStatistics(0, 0, 0, 0, 0));
      program.run();
    }
    empty.close();
  }

  @Test
  void whatAnotherThreadDoesDuringACaptureIsDoneAndNotRecorded() {
    Buffer x = floats(scope, "x", 1);
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    AtomicReference<Buffer> other = new AtomicReference<>();
    float[] copied = new float[1];
    try (Program program =
        device.capture(() -> {
          Buffer inside = floats(scope, "inside", 1);
          Thread thread =
              new Thread(() -> {
                other.set(floats(scope, "of another thread", 1));
                kernels.fill(x, 1, 3);
                device.copyToHost(x, copied);
                kernels.fill(inside, 1, 0);
              });
          thread.setUncaughtExceptionHandler((t, e) -> thrown.set(e));
          thread.start();
          join(thread);
        })) {
      assertThat(program.plan().launches()).isZero();
      assertThat(program.plan().buffers()).isOne();
    }
    assertThat(copied).containsExactly(3);
    assertThat(other.get().isOpen()).isTrue();
    assertThat(thrown.get())
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith("Buffer 'inside' is of a capture by thread ");
  }

  @Test
  void aCaptureWaitsForThatOfAnotherThread() {
    Buffer x = floats(scope, "x", 1);
    List<String> order = Collections.synchronizedList(new ArrayList<>());
    Thread other =
        new Thread(() -> {
          order.add("asks");
          device.capture(() -> kernels.fill(x, 1, 2)).close();
          order.add("has");
        });
    device
        .capture(() -> {
          other.start();
          while (other.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
          }
          order.add("ends");
        })
        .close();
    join(other);
    assertThat(order).containsExactly("asks", "ends", "has");
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Test
  void anExceptionEndsTheCapture() {
    assertThatExceptionOfType(ArithmeticException.class)
        .isThrownBy(() ->
            device.capture(() -> {
              throw new ArithmeticException("stop");
            }));
    assertThatCode(device::synchronize).doesNotThrowAnyException();
    try (Program program = device.capture(() -> {})) {
      assertThat(program.isOpen()).isTrue();
    }
  }

  @Test
  void aClosedProgramDoesNotRun() {
    Program program = device.capture(() -> kernels.fill(floats(scope, "x", 1), 1, 0));
    program.close();
    program.close();
    assertThat(program.isOpen()).isFalse();
    assertThatIllegalStateException()
        .isThrownBy(program::run)
        .withMessage("Program is closed: capture the work again.");
  }

  @Test
  void runsAreCounted() {
    Network network = new Network();
    try (Program program = device.capture(network::step)) {
      program.run(0);
      program.run(4);
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment state = arena.allocate(Kernels.TRAINING_STATE);
        device.copyToHost(network.state, state);
        assertThat(state.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(5);
      }
      assertThatIllegalArgumentException()
          .isThrownBy(() -> program.run(-1))
          .withMessage("Program is to run -1 times: expected 0 or more.");
    }
  }

  @Test
  void oneProgramMayUseTheOutputOfAnotherAndNoticesItsEnd() {
    AtomicReference<Buffer> output = new AtomicReference<>();
    Program first =
        device.capture(() -> {
          output.set(floats(scope, "y", 1));
          kernels.fill(output.get(), 1, 3);
        });
    Buffer x = floats(scope, "x", 1);
    try (Program second =
        device.capture(() -> kernels.unary(UnaryFunction.SQUARE, output.get(), x, 1, 0, 0, 0))) {
      device.copyToDevice(new float[] {5}, output.get());
      second.run();
      assertThat(read(x)).containsExactly(25);
      first.close();
      assertThatIllegalStateException().isThrownBy(second::run);
    }
  }
}
