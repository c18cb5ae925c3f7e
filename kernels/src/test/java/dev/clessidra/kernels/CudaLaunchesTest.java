package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.clessidra.kernels.CudaLaunches.GridLaunch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.HashMap;
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
  private static final Set<Kernel> CONVOLUTIONS =
      EnumSet.of(Kernel.CONV2D, Kernel.CONV2D_BACKWARD_DATA, Kernel.CONV2D_BACKWARD_FILTER);

  private static final String SECOND_CHANNELS = "second_channels";
  private static final String ALGORITHM = "algorithm";

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

  /** Launches for a square image and 3 x 3 taps. */
  private static List<GridLaunch> convolution(
      Kernel kernel, ConvolutionAlgorithm algorithm, long size, long channels, long filters) {
    Map<String, Long> sizes =
        Map.of("height", size, "width", size, "output_height", size, "output_width", size);
    Map<String, Long> counts =
        Map.of(
            "channels",
            channels,
            SECOND_CHANNELS,
            0L,
            ALGORITHM,
            (long) algorithm.code(),
            "filters",
            filters,
            "filter_height",
            3L,
            "filter_width",
            3L);
    return CudaLaunches.of(
        kernel,
        arguments(
            kernel,
            field -> sizes.getOrDefault(field.name(), counts.getOrDefault(field.name(), 1L))));
  }

  /** Launches of a kernel where every size is the same, and no image is in a second operand. */
  private static List<GridLaunch> launches(Kernel kernel, long size) {
    return launches(kernel, ConvolutionAlgorithm.DIRECT, size);
  }

  private static List<GridLaunch> launches(
      Kernel kernel, ConvolutionAlgorithm algorithm, long size) {
    Map<String, Long> others = Map.of(SECOND_CHANNELS, 0L, ALGORITHM, (long) algorithm.code());
    return CudaLaunches.of(
        kernel, arguments(kernel, field -> others.getOrDefault(field.name(), size)));
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
    launches(Kernel.REDUCE_COLUMNS, 2000).forEach(launch -> launched.add(launch.function()));
    // The tiles of a matrix product, by its size.
    launches(Kernel.GEMM, 700).forEach(launch -> launched.add(launch.function()));
    launches(Kernel.GEMM, 4096).forEach(launch -> launched.add(launch.function()));
    // Those of convolutions, by the number of pixels and channels.
    for (Kernel kernel : CONVOLUTIONS) {
      for (int[] shape : new int[][] {{66, 16}, {113, 32}, {80, 64}, {64, 256}, {57, 512}}) {
        for (ConvolutionAlgorithm algorithm : ConvolutionAlgorithm.values()) {
          convolution(kernel, algorithm, shape[0], shape[1], shape[1])
              .forEach(launch -> launched.add(launch.function()));
        }
      }
    }
    launched.add(CudaLaunches.peak(1).function());
    assertThat(launched).isEqualTo(functionsOfTheSources());
  }

  @Test
  void theTableOfResourcesHasARowForEachFunction() {
    int header = 1;
    assertThat(matches("(?m)^\\| (\\w+) \\|", SOURCES.resolve("RESOURCES.md")).skip(header))
        .as("RESOURCES.md, printed by build.sh resources (without nvcc: add a row with the name)")
        .extracting(match -> match.group(1))
        .containsExactlyElementsOf(functionsOfTheSources());
  }

  @ParameterizedTest
  @EnumSource
  void gridsAreWithinTheLimits(Kernel kernel) {
    // Every size as large as memory could hold: 2^37 elements where there are rows and columns,
    // 2^41
    // where there are images.
    boolean images = kernel.fields().stream().anyMatch(field -> field.name().equals("height"));
    for (long size : new long[] {1, 7, 1000, images ? 1200 : 1 << 18}) {
      for (ConvolutionAlgorithm algorithm : ConvolutionAlgorithm.values()) {
        List<GridLaunch> launches = launches(kernel, algorithm, size);
        assertThat(launches).isNotEmpty();
        for (GridLaunch launch : launches) {
          assertThat(launch.gridX()).isPositive();
          assertThat(launch.gridY()).isBetween(1, 65535);
          assertThat(launch.gridZ()).isBetween(1, 65535);
          assertThat(launch.blockX()).isBetween(1, 1024);
        }
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
        .containsExactly(new GridLaunch("reduce_columns_bands", 2, 1, 1, 256));
    assertThat(launches(Kernel.REDUCE_ROWS, Map.of("rows", 33L)))
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
  @CsvSource({
    "CONV2D, 66, 4, 16, conv2d_128x16, 35, 1",
    "CONV2D, 113, 4, 32, conv2d_128x32, 100, 1",
    "CONV2D, 57, 4, 512, conv2d_128x128, 104, 1",
    "CONV2D_BACKWARD_DATA, 66, 16, 4, conv2d_backward_data_128x16, 35, 1",
    "CONV2D_BACKWARD_DATA, 80, 64, 4, conv2d_backward_data_64x64, 100, 1",
    "CONV2D_BACKWARD_FILTER, 256, 16, 16, conv2d_backward_filter_32x32, 5, 256",
    "CONV2D_BACKWARD_FILTER, 64, 128, 256, conv2d_backward_filter_128x128, 18, 14",
  })
  void tileOfConvolutionFollowsFromTheShape(
      Kernel kernel,
      long size,
      long channels,
      long filters,
      String function,
      int tiles,
      int chunks) {
    assertThat(convolution(kernel, ConvolutionAlgorithm.DIRECT, size, channels, filters))
        .extracting(GridLaunch::function, GridLaunch::gridX, GridLaunch::gridY)
        .startsWith(tuple(function, tiles, chunks));
  }

  // 66 x 66 pixels are 17 x 17 tiles, 10 times 32 rows.
  @ParameterizedTest
  @CsvSource({
    "CONV2D, 66, 4, 16, conv2d_winograd_32x16, 10, 1",
    "CONV2D, 66, 4, 17, conv2d_winograd_32x16, 20, 1",
    "CONV2D, 256, 4, 32, conv2d_winograd_32x32, 128, 1",
    "CONV2D, 256, 4, 48, conv2d_winograd_32x16, 384, 1",
    "CONV2D, 256, 4, 64, conv2d_winograd_32x32, 256, 1",
    "CONV2D_BACKWARD_DATA, 66, 16, 4, conv2d_backward_data_winograd_32x16, 10, 1",
    "CONV2D_BACKWARD_DATA, 256, 64, 4, conv2d_backward_data_winograd_32x32, 256, 1",
    "CONV2D_BACKWARD_FILTER, 256, 16, 64, conv2d_backward_filter_winograd_32x16, 2, 32",
    "CONV2D_BACKWARD_FILTER, 64, 512, 256, conv2d_backward_filter_winograd_32x32, 128, 1",
  })
  void blockOfWinogradsAlgorithmFollowsFromTheShape(
      Kernel kernel,
      long size,
      long channels,
      long filters,
      String function,
      int blocks,
      int chunks) {
    assertThat(
            convolution(kernel, ConvolutionAlgorithm.WINOGRAD, size, channels, filters).getFirst())
        .isEqualTo(new GridLaunch(function, blocks, chunks, 1, 384));
  }

  @Test
  void everyPhaseOfAStrideHasItsTiles() {
    Map<String, Long> sizes =
        Map.of(
            "images",
            1L,
            "height",
            57L,
            "width",
            57L,
            "channels",
            512L,
            "filters",
            4L,
            "filter_height",
            3L,
            "filter_width",
            3L,
            "stride_height",
            2L,
            "stride_width",
            2L);
    assertThat(launches(Kernel.CONV2D_BACKWARD_DATA, sizes))
        .containsExactly(new GridLaunch("conv2d_backward_data_128x128", 4 * 7 * 4, 1, 1, 256));
  }

  @Test
  void noTileHasChannelsOfTwoOperands() {
    Map<String, Long> sizes =
        Map.of(
            "images",
            1L,
            "height",
            128L,
            "width",
            64L,
            "channels",
            40L,
            SECOND_CHANNELS,
            20L,
            "filters",
            4L,
            "stride_height",
            1L,
            "stride_width",
            1L);
    assertThat(launches(Kernel.CONV2D_BACKWARD_DATA, sizes))
        .containsExactly(new GridLaunch("conv2d_backward_data_128x32", 64 * 2, 1, 1, 128));
    Map<String, Long> byWinograd = new HashMap<>(sizes);
    byWinograd.put(ALGORITHM, (long) ConvolutionAlgorithm.WINOGRAD.code());
    assertThat(launches(Kernel.CONV2D_BACKWARD_DATA, byWinograd))
        .containsExactly(new GridLaunch("conv2d_backward_data_winograd_32x16", 16 * 4, 1, 1, 384));
  }

  @Test
  void gradientOfFilterWithoutImagesIsStillWritten() {
    Map<String, Long> sizes =
        Map.of("channels", 3L, "filters", 5L, "filter_height", 1L, "filter_width", 1L);
    assertThat(launches(Kernel.CONV2D_BACKWARD_FILTER, sizes))
        .containsExactly(new GridLaunch("conv2d_backward_filter_finish", 1, 1, 1, 256));
    Map<String, Long> byWinograd = new HashMap<>(sizes);
    byWinograd.put(ALGORITHM, (long) ConvolutionAlgorithm.WINOGRAD.code());
    assertThat(launches(Kernel.CONV2D_BACKWARD_FILTER, byWinograd))
        .containsExactly(new GridLaunch("conv2d_backward_filter_winograd_finish", 2, 1, 1, 288));
  }

  @Test
  void convolutionBeyond32BitsIsRefused() {
    for (Kernel kernel : CONVOLUTIONS) {
      for (ConvolutionAlgorithm algorithm : ConvolutionAlgorithm.values()) {
        assertThatThrownBy(() -> launches(kernel, algorithm, 1300))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("1690000 taps of up to 1300 channels");
      }
    }
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
