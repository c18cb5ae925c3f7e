package dev.clessidra.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.clessidra.bench.GpuCheck.Section;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GpuCheckTest {
  @TempDir private Path folder;
  private Path packed;
  private Path results;

  @BeforeEach
  void makeFolders() throws IOException {
    packed = Files.createDirectories(folder.resolve("packed"));
    results = Files.createDirectories(folder.resolve("results"));
    Files.writeString(packed.resolve("commit"), "0123456789ab-dirty\n");
  }

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

  @Test
  void sectionsAreNamedInAnyOrder() {
    assertThat(Section.parse("models")).containsExactly(Section.MODELS);
    assertThat(Section.parse("kernels,checks")).containsExactly(Section.CHECKS, Section.KERNELS);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"kernel|kernel", "''|''", "kernels,|''", "kernels,,models|''", "Checks|Checks"})
  void whatIsNoSectionIsNamed(String names, String wrong) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Section.parse(names))
        .withMessage(
            "section '%s' is unknown: expected checks, kernels, models or several with commas between"
                .formatted(wrong));
  }

  @Test
  void aPartBeyondItsLimitIsKilledAndTheNextOnesRun() throws IOException {
    GpuCheck check = new GpuCheck("emulated", packed, results, EnumSet.of(Section.CHECKS));
    check.part(
        "hangs",
        () -> check.process(List.of("sh", "-c", "echo $$; exec sleep 60"), Duration.ofSeconds(5)));
    List<String> first = outcomes();
    check.part("goes on", () -> check.process(List.of("echo", "done"), Duration.ofSeconds(60)));
    check.clean();

    assertThat(first).containsExactly("hangs: failed");
    assertThat(outcomes()).containsExactly("hangs: failed", "goes on: passed");
    assertThat(details())
        .satisfiesExactly(
            detail -> assertThat(detail).startsWith("not done after 5 s: "),
            detail -> assertThat(detail).isEqualTo("done"));
    List<String> log = Files.readAllLines(result(".log"));
    assertThat(log.getFirst()).isEqualTo("==== hangs");
    assertThat(ProcessHandle.of(Long.parseLong(log.getLast()))).isEmpty();
  }

  /**
   * The whole of a section, by a Java that keeps what it is asked for and what was written before.
   */
  @Test
  void whatIsKnownIsWrittenAfterEachPart() throws IOException {
    java(
        """
        calls=$(ls '%1$s' | wc -l)
        cp '%2$s'/*.json '%1$s/'"$calls" 2>/dev/null || : >'%1$s/'"$calls"
        case "$*" in
          *doctor*) echo 'ok  emulated' ;;
          *gemm*) echo 'no table'; exit 3 ;;
          *) echo "$@" ;;
        esac
        """);
    GpuCheck check = new GpuCheck("emulated", packed, results, EnumSet.of(Section.KERNELS));
    check.run();
    check.clean();

    assertThat(outcomes())
        .containsExactly(
            "what is here: passed",
            "benchmark of the kernels: failed",
            "benchmark of the fixed-size kernels: passed");
    assertThat(details().getLast())
        .contains("-Dclessidra.commit=0123456789ab-dirty", "advance --trial", "--device emulated")
        .containsPattern("--json .*-emulated-fixed-size-kernels-figures.json");
    assertThat(result(".log")).content().contains("==== benchmark of the kernels", "no table");
    JsonObject json = json(result(".json"));
    assertThat(json.get("commit").getAsString()).isEqualTo("0123456789ab-dirty");
    assertThat(json.get("complete").getAsBoolean()).isFalse();
    assertThat(json(folder.resolve("calls/1")).getAsJsonArray("parts")).hasSize(1);
    assertThat(json(folder.resolve("calls/2")).getAsJsonArray("parts")).hasSize(2);
  }

  /** Makes a shell script the packed Java. */
  private void java(String script) throws IOException {
    Path calls = Files.createDirectories(folder.resolve("calls"));
    Path java = Files.createDirectories(packed.resolve("runtime/bin")).resolve("java");
    Files.writeString(java, "#!/bin/sh\n" + script.formatted(calls, results));
    Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwx------"));
  }

  private Path result(String ending) throws IOException {
    try (Stream<Path> files = Files.list(results)) {
      return files.filter(file -> file.toString().endsWith(ending)).findFirst().orElseThrow();
    }
  }

  private static JsonObject json(Path file) throws IOException {
    return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
  }

  private List<JsonObject> parts() throws IOException {
    return StreamSupport.stream(json(result(".json")).getAsJsonArray("parts").spliterator(), false)
        .map(JsonElement::getAsJsonObject)
        .toList();
  }

  private List<String> outcomes() throws IOException {
    return parts().stream()
        .map(part -> part.get("part").getAsString() + ": " + part.get("outcome").getAsString())
        .toList();
  }

  private List<String> details() throws IOException {
    return parts().stream().map(part -> part.get("detail").getAsString()).toList();
  }
}
