package dev.clessidra.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SparsityTest {
  @ParameterizedTest
  @ValueSource(strings = {"none", "l1:0.001", "kl:0.05,0.1", "topk:25,50"})
  void whatIsWrittenIsReadBack(String text) {
    assertThat(Sparsity.parse(text)).hasToString(text);
  }

  @Test
  void topKKeepsAsManyForCodesUnlessToldOtherwise() {
    assertThat(Sparsity.parse("topk:25")).isEqualTo(Sparsity.topK(25, 25));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", "l2:1", "l1", "l1:-1", "l1:x", "l1:NaN", "kl:0.05", "kl:1,1", "topk:0", "topk:"
      })
  void nonsenseIsRefusedInOneLine(String text) {
    assertThatThrownBy(() -> Sparsity.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("sparsity")
        .message()
        .doesNotContain("\n");
  }
}
