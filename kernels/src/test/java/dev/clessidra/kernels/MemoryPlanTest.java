package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clessidra.kernels.MemoryPlan.Lifetime;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class MemoryPlanTest {

  @Test
  void aChainOfBuffersNeedsTheTwoThatAreLiveTogether() {
    List<Lifetime> chain = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      chain.add(new Lifetime(1024, i, i + 1));
    }
    MemoryPlan plan = MemoryPlan.of(chain);
    assertThat(plan.arenaBytes()).isEqualTo(2048);
    assertThat(plan.lowerBoundBytes()).isEqualTo(2048);
    assertThat(plan.totalBytes()).isEqualTo(10240);
    assertThat(plan.buffers()).isEqualTo(10);
  }

  @Test
  void buffersThatAreLiveTogetherLieSideBySide() {
    MemoryPlan plan =
        MemoryPlan.of(
            List.of(new Lifetime(100, 0, 2), new Lifetime(300, 2, 3), new Lifetime(1, 1, 2)));
    assertThat(plan.offset(1)).isZero();
    assertThat(plan.offset(0)).isEqualTo(512);
    assertThat(plan.offset(2)).isEqualTo(768);
    assertThat(plan.arenaBytes()).isEqualTo(1024);
  }

  @Test
  void nothingNeedsNothing() {
    MemoryPlan plan = MemoryPlan.of(List.of());
    assertThat(plan.arenaBytes()).isZero();
    assertThat(plan.lowerBoundBytes()).isZero();
    assertThat(MemoryPlan.of(List.of(new Lifetime(0, 0, 0))).buffers()).isZero();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void randomPlansAreValidAndCloseToTheLowerBound(long seed) {
    Random random = new Random(seed);
    List<Lifetime> lifetimes = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      int first = random.nextInt(60);
      lifetimes.add(new Lifetime(random.nextInt(1 << 16), first, first + random.nextInt(8)));
    }
    MemoryPlan plan = MemoryPlan.of(lifetimes);
    long[] offsets = new long[lifetimes.size()];
    for (int i = 0; i < offsets.length; i++) {
      offsets[i] = plan.offset(i);
      assertThat(offsets[i] % MemoryPlan.ALIGNMENT).isZero();
      assertThat(offsets[i] + lifetimes.get(i).bytes()).isLessThanOrEqualTo(plan.arenaBytes());
    }
    assertThat(collides(lifetimes, offsets)).isFalse();
    assertThat(plan.arenaBytes())
        .isBetween(plan.lowerBoundBytes(), plan.lowerBoundBytes() * 12 / 10)
        .isLessThan(plan.totalBytes());
    // Negative control: one buffer put on top of one that is live with it.
    int other = 1;
    while (!lifetimes.get(0).overlaps(lifetimes.get(other))) {
      other++;
    }
    offsets[0] = offsets[other];
    assertThat(collides(lifetimes, offsets)).isTrue();
  }

  private static boolean collides(List<Lifetime> lifetimes, long[] offsets) {
    for (int i = 0; i < offsets.length; i++) {
      for (int j = 0; j < i; j++) {
        Lifetime a = lifetimes.get(i);
        Lifetime b = lifetimes.get(j);
        if (a.overlaps(b)
            && offsets[i] < offsets[j] + b.bytes()
            && offsets[j] < offsets[i] + a.bytes()) {
          return true;
        }
      }
    }
    return false;
  }
}
