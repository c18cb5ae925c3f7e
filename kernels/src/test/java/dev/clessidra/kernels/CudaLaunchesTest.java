package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clessidra.kernels.CudaLaunches.GridLaunch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.ToLongFunction;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

final class CudaLaunchesTest {
  private static final Path SOURCES = Path.of("src", "main", "cuda");

  /** Returns the launches of a kernel whose named fields have these values, the others 0. */
  private static List<GridLaunch> launches(Kernel kernel, Map<String, Long> values) {
    assertThat(kernel.fields()).extracting(Kernel.Field::name).containsAll(values.keySet());
    return CudaLaunches.of(
        kernel, arguments(kernel, field -> values.getOrDefault(field.name(), 0L)));
  }

  private static MemorySegment arguments(Kernel kernel, ToLongFunction<Kernel.Field> value) {
    Arguments arguments = new Arguments().begin(kernel);
    for (Kernel.Field field : kernel.fields()) {
      long number = value.applyAsLong(field);
      switch (field.type()) {
        case POINTER -> arguments.address(field.name(), 0);
        case INT32 -> arguments.int32(field.name(), (int) number);
        case INT64 -> arguments.int64(field.name(), number);
        case FLOAT32 -> arguments.float32(field.name(), (float) number);
        case FLOAT64 -> arguments.float64(field.name(), (double) number);
      }
    }
    return arguments.finish();
  }

  /** Launches of a kernel where every size is the same. */
  private static List<GridLaunch> launches(Kernel kernel, long size) {
    return CudaLaunches.of(kernel, arguments(kernel, field -> size));
  }

  private static Set<String> functionsOfTheSources() {
    try (Stream<Path> files = Files.list(SOURCES)) {
      return files
          .filter(file -> file.toString().endsWith(".cu"))
          .flatMap(file -> matches("EMULATOR_KERNEL\\((\\w+)\\)", file))
          .map(match -> match.group(1))
          .collect(Collectors.toCollection(TreeSet::new));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Stream<MatchResult> matches(String pattern, Path file) {
    try {
      return Pattern.compile(pattern).matcher(Files.readString(file)).results();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void functionsAreThoseOfTheSources() {
    Set<String> launched = new TreeSet<>();
    for (Kernel kernel : Kernel.values()) {
      launches(kernel, 1).forEach(launch -> launched.add(launch.function()));
    }
    // The tiles of a matrix product, by its size.
    launches(Kernel.GEMM, 700).forEach(launch -> launched.add(launch.function()));
    launches(Kernel.GEMM, 4096).forEach(launch -> launched.add(launch.function()));
    launched.add(CudaLaunches.peak(1).function());
    assertThat(launched).isEqualTo(functionsOfTheSources());
  }

  @ParameterizedTest
  @EnumSource
  void gridsAreWithinTheLimits(Kernel kernel) {
    // Every size as large as memory could hold, 2^37 elements where there are rows and columns.
    for (long size : new long[] {1, 7, 1000, 1 << 18}) {
      List<GridLaunch> launches = launches(kernel, size);
      assertThat(launches).isNotEmpty();
      for (GridLaunch launch : launches) {
        assertThat(launch.gridX()).isPositive();
        assertThat(launch.gridY()).isBetween(1, 65535);
        assertThat(launch.gridZ()).isBetween(1, 65535);
        assertThat(launch.blockX()).isBetween(1, 1024);
      }
    }
  }

  @Test
  void countsBeyond32BitsStride() {
    assertThat(launches(Kernel.FILL, Map.of("count", 1L << 40)))
        .containsExactly(new GridLaunch("fill", 1 << 14, 1, 1, 256));
    assertThat(launches(Kernel.REDUCE, Map.of("count", 1L << 40)))
        .containsExactly(
            new GridLaunch("reduce_chunks", 1 << 14, 1, 1, 256),
            new GridLaunch("reduce_finish", 1, 1, 1, 256));
  }

  @Test
  void nothingToDoIsNoLaunch() {
    assertThat(launches(Kernel.FILL, Map.of())).isEmpty();
    assertThat(launches(Kernel.GEMM, Map.of("m", 0L, "n", 5L, "k", 5L))).isEmpty();
    assertThat(launches(Kernel.REDUCE_COLUMNS, Map.of("rows", 5L))).isEmpty();
    assertThat(launches(Kernel.REDUCE_ROWS, Map.of("columns", 5L))).isEmpty();
    assertThat(launches(Kernel.AFFINE_WARP, Map.of("images", 5L))).isEmpty();
  }

  @Test
  void sumOfNothingIsStillWritten() {
    assertThat(launches(Kernel.GEMM, Map.of("m", 3L, "n", 5L, "k", 0L))).hasSize(1);
    assertThat(launches(Kernel.REDUCE, Map.of()))
        .containsExactly(new GridLaunch("reduce_finish", 1, 1, 1, 256));
    assertThat(launches(Kernel.REDUCE_COLUMNS, Map.of("columns", 9L)))
        .containsExactly(new GridLaunch("reduce_columns_finish", 2, 1, 1, 256));
    assertThat(launches(Kernel.REDUCE_ROWS, Map.of("rows", 9L)))
        .containsExactly(new GridLaunch("reduce_rows", 2, 1, 1, 256));
    assertThat(launches(Kernel.SOFTMAX_CROSS_ENTROPY, Map.of("columns", 9L)))
        .containsExactly(new GridLaunch("softmax_cross_entropy_finish", 1, 1, 1, 256));
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, gemm_32x32, 1, 128",
    "33, 32, gemm_32x32, 2, 128",
    "128, 1000, gemm_32x32, 128, 128",
    "1000, 784, gemm_64x64, 208, 128",
    "4096, 4096, gemm_128x128, 1024, 256",
    "4097, 4096, gemm_128x128, 1056, 256",
  })
  void tileFollowsFromTheShape(long m, long n, String function, int blocks, int threads) {
    assertThat(launches(Kernel.GEMM, Map.of("m", m, "n", n, "k", 10L)))
        .containsExactly(new GridLaunch(function, blocks, 1, 1, threads));
  }

  @ParameterizedTest
  @CsvSource({"1, 4096, 1", "9, 4096, 2", "9, 4097, 9"})
  void rowOfSeveralChunksHasABlockOfItsOwn(long rows, long columns, int blocks) {
    assertThat(launches(Kernel.REDUCE_ROWS, Map.of("rows", rows, "columns", columns)))
        .containsExactly(new GridLaunch("reduce_rows", blocks, 1, 1, 256));
  }

  @Test
  void peakHasTheMultiplyAddsOfItsSource() {
    assertThat(
            matches("CLESSIDRA_PEAK_MULTIPLY_ADDS (\\d+)", SOURCES.resolve("peak.cuh"))
                .map(match -> Integer.parseInt(match.group(1))))
        .containsExactly(CudaLaunches.PEAK_MULTIPLY_ADDS);
    assertThat(CudaLaunches.peak(132)).isEqualTo(new GridLaunch("peak", 1056, 1, 1, 256));
  }
}
