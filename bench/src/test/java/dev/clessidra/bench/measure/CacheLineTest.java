package dev.clessidra.bench.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;

class CacheLineTest {
  @Test
  void takesTensOfNanosecondsToManyMicroseconds() {
    assumeTrue(CacheLine.applies(), "needs two processors");

    // No processor is faster than 10 ns; a busy machine may be slow, but not for most of the parts.
    assertThat(new CacheLine().measureRoundTrip()).isBetween(1e-8, 1e-3);
  }
}
