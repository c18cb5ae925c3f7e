package dev.clessidra.bench.work;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.List;
import org.junit.jupiter.api.Test;

class ProgramStartTest {
  @Test
  void aProcessPrintsItsResultAndEndsWell() {
    assertThat(start("echo 1 2; echo more")).isEqualTo("1 2");
    assertThatIllegalStateException()
        .isThrownBy(() -> start("true"))
        .withMessage("the process ended with code 0 and no result");
    assertThatIllegalStateException()
        .isThrownBy(() -> start("echo 1 2; exit 3"))
        .withMessage("the process ended with code 3 and a result");
  }

  private static String start(String script) {
    return ProgramStart.start(List.of("sh", "-c", script), ProcessBuilder.Redirect.DISCARD);
  }
}
