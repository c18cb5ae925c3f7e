package dev.clessidra.models.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clessidra.models.data.DataException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsWriterTest {
  private static final List<String> COLUMNS = List.of("step", "loss", "phase");

  @TempDir private Path folder;

  @Test
  void everyRowIsInTheFileAtOnce() throws IOException {
    Path csv = folder.resolve("run/metrics.csv");
    Path json = folder.resolve("run/metrics.jsonl");
    try (MetricsWriter first = MetricsWriter.csv(csv, COLUMNS);
        MetricsWriter second = MetricsWriter.jsonLines(json, COLUMNS)) {
      Map<String, Object> row = Map.of("loss", 0.1f, "step", 1L, "phase", "layer 1");
      first.append(row);
      second.append(row);
      assertThat(csv).hasContent("step,loss,phase\n1,0.1,layer 1\n");
      assertThat(json).hasContent("{\"step\":1,\"loss\":0.1,\"phase\":\"layer 1\"}\n");
      first.append(Map.of("step", 2, "loss", 1e-10));
      second.append(Map.of("step", 2, "loss", 1e-10));
      assertThat(Files.readAllLines(csv)).hasSize(3).last().isEqualTo("2,1.0E-10,");
      assertThat(Files.readAllLines(json)).last().isEqualTo("{\"step\":2,\"loss\":1.0E-10}");
    }
  }

  @Test
  void numbersThatAreNotFiniteAreWrittenSoThatOthersReadThem() throws IOException {
    Path csv = folder.resolve("metrics.csv");
    Path json = folder.resolve("metrics.jsonl");
    List<String> columns = List.of("a", "b", "c", "d");
    Map<String, Object> row =
        Map.of(
            "a", Float.NaN, "b", Double.POSITIVE_INFINITY, "c", Float.NEGATIVE_INFINITY, "d", true);
    try (MetricsWriter first = MetricsWriter.csv(csv, columns);
        MetricsWriter second = MetricsWriter.jsonLines(json, columns)) {
      first.append(row);
      second.append(row);
    }
    assertThat(Files.readAllLines(csv)).last().isEqualTo("nan,inf,-inf,true");
    assertThat(json).hasContent("{\"a\":null,\"b\":null,\"c\":null,\"d\":true}\n");
    assertThat(MetricsWriter.readCsv(csv))
        .containsEntry("a", new double[] {Double.NaN})
        .containsEntry("b", new double[] {Double.POSITIVE_INFINITY})
        .containsEntry("c", new double[] {Double.NEGATIVE_INFINITY});
  }

  @Test
  void textIsQuotedWhereItHasTo() throws IOException {
    Path csv = folder.resolve("metrics.csv");
    Path json = folder.resolve("metrics.jsonl");
    Map<String, Object> row = Map.of("text", "a,\"b\"\nc\\\u00e4");
    try (MetricsWriter first = MetricsWriter.csv(csv, List.of("text"));
        MetricsWriter second = MetricsWriter.jsonLines(json, List.of("text"))) {
      first.append(row);
      second.append(row);
    }
    assertThat(Files.readAllLines(csv)).last().isEqualTo("\"a,\"\"b\"\" c\\\u00e4\"");
    assertThat(Files.readAllLines(json))
        .containsExactly("{\"text\":\"a,\\\"b\\\"\\u000ac\\\\\u00e4\"}");
  }

  @Test
  void aFileIsContinuedWithoutALineThatWasCutShort() throws IOException {
    Path csv = folder.resolve("metrics.csv");
    Path json = folder.resolve("metrics.jsonl");
    for (int run = 0; run < 2; run++) {
      try (MetricsWriter first = MetricsWriter.csv(csv, COLUMNS);
          MetricsWriter second = MetricsWriter.jsonLines(json, COLUMNS)) {
        first.append(Map.of("step", run, "loss", 0.5));
        second.append(Map.of("step", run, "loss", 0.5));
      }
      Files.writeString(csv, "9,0.", StandardOpenOption.APPEND);
      Files.writeString(json, "{\"step\":9,", StandardOpenOption.APPEND);
    }
    MetricsWriter.csv(csv, COLUMNS).close();
    MetricsWriter.jsonLines(json, COLUMNS).close();
    assertThat(csv).hasContent("step,loss,phase\n0,0.5,\n1,0.5,\n");
    assertThat(json).hasContent("{\"step\":0,\"loss\":0.5}\n{\"step\":1,\"loss\":0.5}\n");
  }

  @Test
  void readsBackWhatWasWritten() {
    Path csv = folder.resolve("metrics.csv");
    try (MetricsWriter writer = MetricsWriter.csv(csv, COLUMNS)) {
      writer.append(Map.of("step", 1, "loss", 0.1f, "phase", "a,\"b\""));
      writer.append(Map.of("step", 2));
    }
    Map<String, double[]> read = MetricsWriter.readCsv(csv);
    assertThat(read).containsOnlyKeys("step", "loss", "phase");
    assertThat(read.get("step")).containsExactly(1, 2);
    assertThat(read.get("loss")).containsExactly(0.1, Double.NaN);
    assertThat(read.get("phase")).containsExactly(Double.NaN, Double.NaN);
  }

  @Test
  void refusesAFileWithOtherColumnsAndLeavesItAsItIs() throws IOException {
    Path csv = Files.writeString(folder.resolve("metrics.csv"), "epoch,loss\n1,2\n");
    assertThatThrownBy(() -> MetricsWriter.csv(csv, COLUMNS))
        .isInstanceOf(DataException.class)
        .hasMessage(
            csv
                + " has the columns epoch,loss: expected step,loss,phase; use another folder for"
                + " this run");
    assertThat(csv).hasContent("epoch,loss\n1,2\n");
  }

  @Test
  void refusesWhatItCannotWriteOrRead() throws IOException {
    Path csv = folder.resolve("metrics.csv");
    try (MetricsWriter writer = MetricsWriter.csv(csv, COLUMNS)) {
      assertThatThrownBy(() -> writer.append(Map.of("accuracy", 1)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("metric accuracy is not a column: expected one of [step, loss, phase]");
    }
    assertThatThrownBy(() -> MetricsWriter.csv(csv.resolve("below/metrics.csv"), COLUMNS))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("cannot be written")
        .hasMessageNotContaining("\n");
    assertThatThrownBy(() -> MetricsWriter.readCsv(folder.resolve("none")))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("does not exist");
    Files.writeString(csv, "1,2\n", StandardOpenOption.APPEND);
    assertThatThrownBy(() -> MetricsWriter.readCsv(csv))
        .isInstanceOf(DataException.class)
        .hasMessage("line 2 of " + csv + " has 2 values: expected 3; remove the line");
  }
}
