package dev.clessidra.bench.baselines.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clessidra.bench.work.Implementation;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class FastestTest {
  private final List<Pause> prepared = new ArrayList<>();

  @Test
  void theFastestWayIsPreparedAnewAndTheOthersAreClosed() {
    Implementation fastest = Fastest.of(List.of(way(4), way(1), way(8)));
    assertThat(fastest).isSameAs(prepared.getLast());
    assertThat(prepared).extracting(pause -> pause.milliseconds).containsExactly(4, 1, 8, 1);
    assertThat(prepared.getLast().runs).isZero();
    assertThat(prepared).extracting(pause -> pause.closed).containsExactly(true, true, true, false);
  }

  @Test
  void theOnlyWayIsNotTimed() {
    Fastest.of(List.of(way(1)));
    assertThat(prepared).hasSize(1);
    assertThat(prepared.getFirst().runs).isZero();
  }

  private Supplier<Implementation> way(int milliseconds) {
    return () -> {
      Pause pause = new Pause(milliseconds);
      prepared.add(pause);
      return pause;
    };
  }

  private static final class Pause implements Implementation {
    private final int milliseconds;
    private int runs;
    private boolean closed;

    Pause(int milliseconds) {
      this.milliseconds = milliseconds;
    }

    @Override
    public void run() {
      runs++;
      LockSupport.parkNanos(milliseconds * 1_000_000L);
    }

    @Override
    public float[] result() {
      return new float[0];
    }

    @Override
    public void close() {
      closed = true;
    }
  }
}
