package dev.clessidra.bench.measure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.MatrixProduct;
import dev.clessidra.bench.work.SelfTimed;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;
import dev.clessidra.kernels.UnaryFunction;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TurnsTest {
  private static final MatrixProduct WORK = new MatrixProduct(3, 5, 4, false, false);
  private static final Duration SLICE = Duration.ofNanos(1);

  @Test
  void onAGpuCopiesAreUsedInTurnAndAllAreClosed() {
    try (Device device = Device.open("emulated")) {
      Copies copies = new Copies(device);
      try (Turns turns = prepare(device, copies, 3)) {
        turns.measure(SLICE);

        List<Integer> runs = copies.runs;
        assertThat(runs.subList(0, 3)).as("warming up").containsExactly(0, 1, 2);
        assertThat(runs.size()).isGreaterThan(6);
        for (int i = 4; i < runs.size(); i++) {
          assertThat(runs.get(i)).isEqualTo((runs.get(i - 1) + 1) % 3);
        }
        // The graph, too, has each copy: what was captured once was made once.
        assertThat(copies.all)
            .allSatisfy(copy ->
                assertThat(copy.count()).isEqualTo(Collections.frequency(runs, copy.number)));
      }
      assertThat(copies.closed).containsExactlyInAnyOrder(0, 1, 2);
      assertThat(device.memory().liveBuffers()).isZero();
    }
  }

  @ParameterizedTest
  @CsvSource({
    // A CPU's caches are not rotated past.
    "cpu, 0, 1",
    "emulated, 0, 100",
    // 16 times what is rotated would be held by the third copy after the first.
    "emulated, 102400, 4",
  })
  void asManyCopiesAreMadeAsRotatePastTheCacheAndMayBeHeld(
      String name, long heldBytes, int expected) {
    try (Device device = Device.open(name)) {
      Copies copies = new Copies(device);
      copies.heldBytes = heldBytes;
      try (Turns _ = prepare(device, copies, 100)) {
        assertThat(copies.all).hasSize(expected);
      }
    }
  }

  @Test
  void whatTimesItselfHasOneCopy() {
    try (Device device = Device.open("emulated")) {
      Copies copies = new Copies(device);
      copies.timing = true;
      try (Turns _ = prepare(device, copies, 100)) {
        assertThat(copies.all).hasSize(1);
      }
    }
  }

  @Test
  void whatCannotBeCapturedIsLaunchedRunByRun() {
    try (Device device = Device.open("emulated")) {
      Copies copies = new Copies(device);
      copies.waiting = true;
      try (Turns turns = prepare(device, copies, 1)) {
        int before = copies.runs.size();

        assertThat(turns.measure(SLICE).device()).isPositive();
        // To warm up, timed by the device, and from start to end.
        assertThat(copies.runs.size() - before).isGreaterThanOrEqualTo(3);
        assertThat(copies.all.getFirst().count()).isPositive();
      }
    }
  }

  private static Turns prepare(Device device, Library library, int copies) {
    Effort effort = new Effort(1, SLICE, Duration.ofMillis(1), 1, (long) (copies * WORK.bytes()));
    return Turns.prepare(device, library, WORK, WORK.inputs(), Optional.empty(), effort)
        .orElseThrow();
  }

  /** A library that counts on the device, and tells what is done with its implementations. */
  private static final class Copies implements Library {
    private final Device device;
    private final List<Copy> all = new ArrayList<>();
    private final List<Integer> runs = new ArrayList<>();
    private final List<Integer> closed = new ArrayList<>();
    private long heldBytes;
    // Whether a run waits for its end, which a capture forbids.
    private boolean waiting;
    // Whether the implementations time themselves.
    private boolean timing;

    Copies(Device device) {
      this.device = device;
    }

    @Override
    public String name() {
      return "counting";
    }

    @Override
    public String version() {
      return "1";
    }

    @Override
    public Optional<Implementation> prepare(Work work, Inputs inputs) {
      Copy copy = timing ? new TimedCopy(all.size()) : new Copy(all.size());
      all.add(copy);
      return Optional.of(copy);
    }

    @Override
    public void close() {}

    private class Copy implements Implementation {
      private final int number;
      private final Scope scope = device.scope();
      private final Buffer count = scope.allocate("count", Float.BYTES);

      Copy(int number) {
        this.number = number;
        if (heldBytes > 0) {
          scope.allocate("held", heldBytes);
        }
        device.kernels().fill(count, 1, 0);
      }

      float count() {
        float[] value = new float[1];
        device.copyToHost(count, value);
        return value[0];
      }

      @Override
      public void run() {
        runs.add(number);
        device.kernels().unary(UnaryFunction.AFFINE, count, count, 1, 1, 1, 0);
        if (waiting) {
          device.synchronize();
        }
      }

      @Override
      public float[] result() {
        return new float[WORK.resultSize()];
      }

      @Override
      public void close() {
        closed.add(number);
        scope.close();
      }
    }

    private final class TimedCopy extends Copy implements SelfTimed {
      TimedCopy(int number) {
        super(number);
      }

      @Override
      public double seconds(int runs) {
        return runs * 1e-6;
      }
    }
  }
}
