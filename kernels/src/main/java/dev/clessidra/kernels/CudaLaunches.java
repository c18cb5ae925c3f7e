package dev.clessidra.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/**
 * How each kernel runs on a GPU: the functions of {@code src/main/cuda} that it consists of, in
 * their order, and their grids. All take the kernel's argument struct as their only parameter.
 *
 * <p>A grid follows from the arguments alone, never from the GPU at hand; results do not depend on
 * it either, since every function strides over its work by the size of the grid.
 */
final class CudaLaunches {
  /** Fused multiply-adds that a thread of {@link #peak} makes in one iteration. */
  static final int PEAK_MULTIPLY_ADDS = 128;

  /** Threads of a block, unless a function has a number of its own. */
  private static final int THREADS = 256;

  private static final int WARP = 32;
  private static final int WARPS = THREADS / WARP;

  /** Lanes of a warp that share a row which has no more columns. */
  private static final int TEAM_LANES = 8;

  /** Elements that a block takes in one stride: four for each thread. */
  private static final int ELEMENTS = 4 * THREADS;

  /** Blocks of a grid that strides: several times what any GPU runs at once. */
  private static final int MAXIMUM_BLOCKS = 1 << 14;

  private static final int MAXIMUM_GRID_Y = 65535;

  /** Columns that a block takes when the sums over their rows are finished. */
  private static final int COLUMN_TILE = 8;

  /** Pairs of a filter and a channel whose gradient a block finishes by Winograd's algorithm. */
  private static final int WINOGRAD_FINISH_PAIRS = 8;

  /** A thread for each of the 36 points of these. */
  private static final int WINOGRAD_FINISH_THREADS = 36 * WINOGRAD_FINISH_PAIRS;

  /** Rows that a thread takes where what belongs to a column serves several. */
  private static final int ROW_GROUP = 4;

  private CudaLaunches() {}

  /**
   * One launch of a function. A grid has at most 2^31 - 1 blocks in x, 65535 in y and z.
   *
   * @param function the plain name of the {@code __global__} function
   * @param blockX threads of a block, which is one-dimensional
   */
  record GridLaunch(String function, int gridX, int gridY, int gridZ, int blockX) {}

  /**
   * Returns the launches that make up a kernel with these arguments; none where there is no work.
   */
  static List<GridLaunch> of(Kernel kernel, MemorySegment arguments) {
    Fields fields = new Fields(kernel, arguments);
    return switch (kernel) {
      case GEMM -> product("gemm", GEMM_TILES, fields.int32("m"), 1, 1, fields.int32("n"));
      case CONV2D -> convolution(fields);
      case CONV2D_BACKWARD_DATA -> transposedConvolution(fields);
      case CONV2D_BACKWARD_FILTER -> filterGradient(fields);
      case ACTIVATION_FORWARD,
          ACTIVATION_BACKWARD,
          UNARY,
          BINARY,
          FILL,
          LOSS_BACKWARD,
          MASK_NOISE,
          BINARIZE,
          REPARAMETERIZE,
          REPARAMETERIZE_BACKWARD ->
          elements(kernel.nativeName(), fields.int64("count"));
      // `random` alone is a function of the C library.
      case RANDOM -> elements("random_numbers", fields.int64("count"));
      case COPY,
          REPEAT_ROWS_BACKWARD,
          LOG_SUM_EXP_BACKWARD,
          SOFTMAX_CROSS_ENTROPY_BACKWARD,
          KL_SPARSITY_BACKWARD,
          GAUSSIAN_KL_BACKWARD,
          GAUSSIAN_LOG_DENSITY_BACKWARD ->
          elements(kernel.nativeName(), fields.int64("rows") * fields.int32("columns"));
      case REDUCE, LOSS, CLIP_NORM -> sum(kernel.nativeName(), fields.int64("count"));
      case KL_SPARSITY -> sum(kernel.nativeName(), fields.int32("columns"));
      case REDUCE_ROWS, LOG_SUM_EXP ->
          rows(kernel.nativeName(), fields.int64("rows"), fields.int32("columns"));
      case REDUCE_COLUMNS -> reduceColumns(fields.int64("rows"), fields.int32("columns"));
      case SOFTMAX ->
          fields.int32("columns") == 0
              ? List.of()
              : rows("softmax", fields.int64("rows"), fields.int32("columns"));
      case SOFTMAX_CROSS_ENTROPY, GAUSSIAN_KL ->
          sumOfRows(kernel.nativeName(), fields.int64("rows"), fields.int32("columns"));
      case REPEAT_ROWS ->
          elements(kernel.nativeName(), repeatedRows(fields) * fields.int32("columns"));
      case BERNOULLI_LOG_LIKELIHOOD, BERNOULLI_LOG_LIKELIHOOD_BACKWARD ->
          striding(kernel.nativeName(), blocks(repeatedRows(fields), WARPS));
      case GAUSSIAN_LOG_DENSITY ->
          rows(kernel.nativeName(), repeatedRows(fields), fields.int32("columns"));
      case TOP_K ->
          fields.int32("columns") == 0 ? List.of() : striding("top_k", fields.int64("rows"));
      case GATHER_ROWS ->
          blocksOfRows("gather_rows", fields.int32("rows"), fields.int32("columns"));
      case AFFINE_WARP ->
          blocksOfRows(
              "affine_warp",
              fields.int32("images"),
              (long) fields.int32("height") * fields.int32("width") * fields.int32("channels"));
      case DEFORMATION_FIELD ->
          blocksOfRows(
              "deformation_field",
              fields.int32("images"),
              (long) fields.int32("height") * fields.int32("width"));
      case RANDOM_BRIGHTNESS ->
          blocksOfRows("random_brightness", fields.int32("images"), fields.int64("size"));
      case ADVANCE, SCHEDULE, LINEAR_WARMUP ->
          List.of(new GridLaunch(kernel.nativeName(), 1, 1, 1, 1));
      // More elements a thread, since a block first computes the step's factors.
      case SGD, ADAM, AVERAGE ->
          striding(kernel.nativeName(), blocks(fields.int64("count"), 4 * ELEMENTS));
      case SAMPLE_IMAGES, MAX_POOL, UPSAMPLE ->
          pixels(kernel.nativeName(), fields, "output_height", "output_width");
      case MAX_POOL_BACKWARD, UPSAMPLE_BACKWARD ->
          pixels(kernel.nativeName(), fields, "height", "width");
      case NORMALIZE_STATISTICS ->
          inOrder(
              bandSums("normalize_mean_bands", fields),
              columnTiles("normalize_mean_finish", fields, fields.int32("groups")),
              bandSums("normalize_variance_bands", fields),
              columnTiles("normalize_variance_finish", fields, fields.int32("groups")));
      case NORMALIZE_BACKWARD_STATISTICS ->
          inOrder(
              bandSums("normalize_backward_statistics_bands", fields),
              columnTiles("normalize_backward_statistics_finish", fields, fields.int32("groups")),
              striding(
                  "normalize_backward_statistics_columns",
                  blocks(fields.int32("columns"), THREADS)));
      case NORMALIZE, NORMALIZE_BACKWARD, DICE_BACKWARD -> rowGroups(kernel.nativeName(), fields);
      case DICE ->
          inOrder(
              bandSums("dice_bands", fields),
              columnTiles("dice_columns", fields, fields.int32("columns")),
              sum("dice", (long) fields.int32("images") * fields.int32("columns")));
    };
  }

  /**
   * Returns the launch that measures how many fused multiply-adds a GPU makes. Its argument is
   * {@code clessidra_peak}: a pointer to one float for each of its threads and the number of
   * iterations as an {@code int64_t}.
   */
  static GridLaunch peak(int multiprocessors) {
    return new GridLaunch("peak", 8 * multiprocessors, 1, 1, THREADS);
  }

  /** The tiles of a matrix product that a block can make; they give the same bits. */
  private enum Tile {
    LARGE(128, 128, 256, 150),
    MIDDLE(64, 64, 128, 44),
    SMALL(32, 32, 128, 14),
    FEW_COLUMNS(128, 32, 128, 44),
    FEWER_COLUMNS(128, 16, 128, 26),
    /** All 36 points of 32 tiles of an image or filters. */
    WINOGRAD(32, 32, 384, 400),
    /** Of fewer columns, each of which costs more: the rows are transformed for all. */
    WINOGRAD_FEW_COLUMNS(32, 16, 384, 240);

    private final int rows;
    private final int columns;
    private final int threads;
    private final String suffix;

    /** Estimated clock cycles of a multiprocessor for one step of the depth of a tile. */
    private final int cycles;

    Tile(int rows, int columns, int threads, int cycles) {
      this.rows = rows;
      this.columns = columns;
      this.threads = threads;
      this.cycles = cycles;
      suffix = "_%dx%d".formatted(rows, columns);
    }

    private long tiles(long m, int... n) {
      long across = 0;
      for (int width : n) {
        across += blocks(width, columns);
      }
      return Math.multiplyExact(blocks(m, rows), across);
    }

    /** Estimates the time for some tiles on the 132 multiprocessors of an H100. */
    private long time(long tiles) {
      return blocks(tiles, 132) * cycles;
    }
  }

  private static final List<Tile> GEMM_TILES = List.of(Tile.LARGE, Tile.MIDDLE, Tile.SMALL);
  private static final List<Tile> CONVOLUTION_TILES =
      List.of(Tile.LARGE, Tile.MIDDLE, Tile.SMALL, Tile.FEW_COLUMNS, Tile.FEWER_COLUMNS);
  private static final List<Tile> WINOGRAD_TILES =
      List.of(Tile.WINOGRAD, Tile.WINOGRAD_FEW_COLUMNS);

  /**
   * Products of {@code m x n} in the tiles that are estimated to take the least time.
   *
   * @param phases how many products stand side by side along the grid's x
   * @param chunks how many along its y
   * @param n the columns, in groups of which a tile has those of one
   */
  // Kernels for tensor cores, or for one generation of GPUs, have their choice here.
  private static List<GridLaunch> product(
      String function, List<Tile> tiles, long m, int phases, int chunks, int... n) {
    if (m == 0 || n[0] == 0 || chunks == 0) {
      return List.of();
    }
    long products = (long) phases * chunks;
    Tile best =
        Collections.min(
            tiles, Comparator.comparingLong(tile -> tile.time(products * tile.tiles(m, n))));
    int blocks = Math.toIntExact(phases * best.tiles(m, n));
    return List.of(new GridLaunch(function + best.suffix, blocks, chunks, 1, best.threads));
  }

  private static List<GridLaunch> convolution(Fields fields) {
    checkSizes(fields);
    int filters = fields.int32("filters");
    return byWinograd(fields)
        ? product("conv2d_winograd", WINOGRAD_TILES, outputTiles(fields), 1, 1, filters)
        : product("conv2d", CONVOLUTION_TILES, outputPixels(fields), 1, 1, filters);
  }

  /**
   * A product for each phase of the stride, of which the first has the most pixels; a tile has
   * channels of one of the results.
   */
  private static List<GridLaunch> transposedConvolution(Fields fields) {
    checkSizes(fields);
    int height = fields.int32("height");
    int width = fields.int32("width");
    int second = fields.int32("second_channels");
    int first = fields.int32("channels") - second;
    if (byWinograd(fields)) {
      long tiles = ConvolutionAlgorithm.winogradTiles(fields.int32("images"), height, width);
      return product("conv2d_backward_data_winograd", WINOGRAD_TILES, tiles, 1, 1, first, second);
    }
    int strideHeight = fields.int32("stride_height");
    int strideWidth = fields.int32("stride_width");
    long pixels =
        fields.int32("images") * blocks(height, strideHeight) * blocks(width, strideWidth);
    int phases = Math.multiplyExact(Math.min(strideHeight, height), Math.min(strideWidth, width));
    return product("conv2d_backward_data", CONVOLUTION_TILES, pixels, phases, 1, first, second);
  }

  /** The chunks, then the sum of their results. */
  private static List<GridLaunch> filterGradient(Fields fields) {
    checkSizes(fields);
    if (byWinograd(fields)) {
      return winogradFilterGradient(fields);
    }
    int filters = fields.int32("filters");
    int columns =
        fields.int32("filter_height") * fields.int32("filter_width") * fields.int32("channels");
    long elements = (long) filters * columns;
    long pixels = outputPixels(fields);
    int chunk = Math.toIntExact(Convolution.pixelsPerChunk(pixels, elements));
    int chunks = (int) blocks(pixels, chunk);
    List<GridLaunch> launches = new ArrayList<>();
    launches.addAll(product("conv2d_backward_filter", GEMM_TILES, filters, 1, chunks, columns));
    // A thread to an element or four, since the results of all chunks are read.
    launches.addAll(striding("conv2d_backward_filter_finish", blocks(elements, THREADS)));
    return List.copyOf(launches);
  }

  private static List<GridLaunch> winogradFilterGradient(Fields fields) {
    String function = "conv2d_backward_filter_winograd";
    int filters = fields.int32("filters");
    int channels = fields.int32("channels");
    long pairs = (long) filters * channels;
    long tiles = outputTiles(fields);
    int chunk = Math.toIntExact(Convolution.tilesPerChunk(tiles, pairs));
    int chunks = (int) blocks(tiles, chunk);
    int finishing = (int) Math.min(blocks(pairs, WINOGRAD_FINISH_PAIRS), MAXIMUM_BLOCKS);
    return inOrder(
        product(function, WINOGRAD_TILES, filters, 1, chunks, channels),
        List.of(new GridLaunch(function + "_finish", finishing, 1, 1, WINOGRAD_FINISH_THREADS)));
  }

  private static boolean byWinograd(Fields fields) {
    return fields.int32("algorithm") == ConvolutionAlgorithm.WINOGRAD.code();
  }

  private static long outputTiles(Fields fields) {
    return ConvolutionAlgorithm.winogradTiles(
        fields.int32("images"), fields.int32("output_height"), fields.int32("output_width"));
  }

  private static long outputPixels(Fields fields) {
    return (long) fields.int32("images")
        * fields.int32("output_height")
        * fields.int32("output_width");
  }

  /** Refuses a convolution whose depth, or a padded image's rows or columns, need 64 bits. */
  private static void checkSizes(Fields fields) {
    long taps = (long) fields.int32("filter_height") * fields.int32("filter_width");
    long height = fields.int32("height") + 2L * fields.int32("padding_height");
    long width = fields.int32("width") + 2L * fields.int32("padding_width");
    int deepest = Math.max(fields.int32("channels"), fields.int32("filters"));
    if (Math.multiplyHigh(taps, deepest) != 0
        || Math.max(taps * deepest, Math.max(height, width)) > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          ("Convolution has %d taps of up to %d channels on padded images of %d x %d pixels:"
                  + " expected at most 2147483647 elements of a filter, rows and columns.")
              .formatted(taps, deepest, height, width));
    }
  }

  private static List<GridLaunch> elements(String function, long count) {
    return striding(function, blocks(count, ELEMENTS));
  }

  /** All terms to one number: the chunks, then what they gave, by one block. */
  private static List<GridLaunch> sum(String kernel, long count) {
    return inOrder(
        striding(kernel + "_chunks", blocks(count, Kernels.SUM_CHUNK)),
        List.of(new GridLaunch(kernel + "_finish", 1, 1, 1, THREADS)));
  }

  /** A few lanes take a short row, a warp one of a chunk, a block a longer one. */
  private static List<GridLaunch> rows(String function, long rows, int columns) {
    int team = columns <= TEAM_LANES ? TEAM_LANES : columns <= Kernels.SUM_CHUNK ? WARP : THREADS;
    return striding(function, blocks(rows, THREADS / team));
  }

  /** Each row to one number, then those to one. */
  private static List<GridLaunch> sumOfRows(String kernel, long rows, int columns) {
    return inOrder(rows(kernel + "_rows", rows, columns), sum(kernel, rows));
  }

  /** The rows of an operand that has several for each of another. */
  private static long repeatedRows(Fields fields) {
    return fields.int64("rows") * fields.int32("repeats");
  }

  private static List<GridLaunch> reduceColumns(long rows, int columns) {
    if (columns == 0) {
      return List.of();
    }
    int tiles = Math.toIntExact(blocks(columns, COLUMN_TILE));
    long bands = bands(rows);
    List<GridLaunch> sums = striding("reduce_columns_bands", bands * tiles);
    return bands == 1
        ? sums
        : inOrder(sums, List.of(new GridLaunch("reduce_columns_finish", tiles, 1, 1, THREADS)));
  }

  /** Bands of rows of which a block combines a tile of columns. */
  private static long bands(long rows) {
    return Math.max(1, blocks(rows, Kernels.COLUMN_CHUNK * Kernels.COLUMN_CHUNK));
  }

  /** The sums over the rows of each image, first those of bands of the rows. */
  private static List<GridLaunch> bandSums(String function, Fields fields) {
    long tiles = blocks(fields.int32("columns"), COLUMN_TILE);
    return striding(function, fields.int32("images") * bands(fields.int64("rows")) * tiles);
  }

  /** The rest of those sums: a block takes whole groups of columns, a tile or one group. */
  private static List<GridLaunch> columnTiles(String function, Fields fields, int groups) {
    int columns = fields.int32("columns");
    if (columns == 0) {
      return List.of();
    }
    int tileGroups = (int) Math.max(1, (long) COLUMN_TILE * groups / columns);
    return striding(function, fields.int32("images") * blocks(groups, tileGroups));
  }

  /** All elements of images of rows, a thread takes some columns of some rows. */
  private static List<GridLaunch> rowGroups(String function, Fields fields) {
    long groups = blocks(fields.int64("rows"), ROW_GROUP);
    return elements(function, fields.int32("images") * groups * fields.int32("columns"));
  }

  private static List<GridLaunch> pixels(
      String function, Fields fields, String height, String width) {
    long pixels = (long) fields.int32("images") * fields.int32(height) * fields.int32(width);
    return elements(function, pixels * fields.int32("channels"));
  }

  /** Rows along x, the elements of a row along y. */
  private static List<GridLaunch> blocksOfRows(String function, int rows, long size) {
    if (rows == 0 || size == 0) {
      return List.of();
    }
    int blocks = (int) Math.min(blocks(size, ELEMENTS), MAXIMUM_GRID_Y);
    return List.of(new GridLaunch(function, rows, blocks, 1, THREADS));
  }

  @SafeVarargs
  private static List<GridLaunch> inOrder(List<GridLaunch>... launches) {
    List<GridLaunch> all = new ArrayList<>();
    for (List<GridLaunch> some : launches) {
      all.addAll(some);
    }
    return List.copyOf(all);
  }

  private static List<GridLaunch> striding(String function, long blocks) {
    return blocks == 0
        ? List.of()
        : List.of(new GridLaunch(function, (int) Math.min(blocks, MAXIMUM_BLOCKS), 1, 1, THREADS));
  }

  private static long blocks(long count, int size) {
    return Math.ceilDiv(count, size);
  }

  /** Reads fields of an argument struct by their names. */
  private record Fields(Kernel kernel, MemorySegment arguments) {

    private int int32(String name) {
      return arguments.get(ValueLayout.JAVA_INT_UNALIGNED, offset(name, Kernel.FieldType.INT32));
    }

    private long int64(String name) {
      return arguments.get(ValueLayout.JAVA_LONG_UNALIGNED, offset(name, Kernel.FieldType.INT64));
    }

    private int offset(String name, Kernel.FieldType type) {
      for (Kernel.Field field : kernel.fields()) {
        if (field.name().equals(name) && field.type() == type) {
          return field.offset();
        }
      }
      throw new IllegalArgumentException(
          "%s has no %s '%s'".formatted(kernel.nativeName(), type, name));
    }
  }
}
