package dev.clessidra.bench.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;

class CacheLineTest {
  @Test
  void takesFromTensOfNanosecondsToTheTurnOfAnotherProgram() {
    assumeTrue(CacheLine.applies(), "needs two processors");

    // No processor is faster than 10 ns; on a busy machine the other thread waits for its turn.
    assertThat(new CacheLine().measureRoundTrip()).isBetween(1e-8, 0.1);
  }
}
