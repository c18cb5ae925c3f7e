package dev.clessidra.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class GpuCheckTest {
  @Test
  void everyKernelThatDiffersIsNamedOnce() {
    List<String> wanted = List.of("01 gemm 1", "02 gemm 2", "03 gemm 3", "04 fill 1", "05 sgd 1");
    List<String> got = List.of("01 gemm 1", "aa gemm 2", "bb gemm 3", "04 fill 1", "cc sgd 1");

    assertThat(GpuCheck.differences(wanted, wanted)).isEmpty();
    assertThat(GpuCheck.differences(wanted, got))
        .containsExactly(
            "2 of 3 launches of gemm, the first: gemm 2",
            "1 of 1 launches of sgd, the first: sgd 1");
  }
}
