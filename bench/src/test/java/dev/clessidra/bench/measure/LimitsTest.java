package dev.clessidra.bench.measure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clessidra.bench.work.ColdStart;
import dev.clessidra.bench.work.GaussianSample;
import dev.clessidra.bench.work.MatrixProduct;
import org.junit.jupiter.api.Test;

class LimitsTest {
  @Test
  void theLimitOfAWorkIsThatOfItsOperationsOrOfItsBytes() {
    // 2 * 10 * 20 * 30 operations, and 4 * (300 + 600 + 200) bytes.
    MatrixProduct product = new MatrixProduct(10, 20, 30, false, false);

    assertThat(new Limits(1000, 1000).seconds(product)).isEqualTo(12);
    assertThat(new Limits(1000, 100).seconds(product)).isEqualTo(44);
    assertThat(new Limits(1000, 100).seconds(new GaussianSample(50))).isEqualTo(6);
    assertThat(Limits.apply(new ColdStart())).isFalse();
  }
}
