package dev.clessidra.kernels.conformance;

import dev.clessidra.kernels.Kernel;
import dev.clessidra.kernels.conformance.Values.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The launches that every kernel is tried with; a kernel without any fails the test. */
final class Launches {
  /** What the suite draws its values from. */
  static final long SEED = 20_060_728;

  private static final int SUM_CHUNK = 4096;
  private static final int COLUMN_CHUNK = 32;
  // Around vectors of every width, and around what a task has at least.
  private static final int[] COUNTS = {
    0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 1000, 16383, 16384, 16385, 40_000
  };
  private static final int[] SUMMED = {
    0, 1, 2, 31, 32, 33, 63, 64, 65, 100, 4095, 4096, 4097, 8191, 20_000, 70_001
  };
  private static final int[][] ROWS = {
    {0, 5}, {1, 1}, {5, 5}, {16, 16}, {64, 64}, {3, 1}, {1, 7}, {261, 3}, {9, 8}, {9, 9}, {2, 10},
    {5, 15}, {5, 16}, {5, 17}, {7, 31}, {7, 33}, {300, 10}, {40, 500}, {9, 1000}, {3, 4095},
    {3, 4096}, {2, 4097}, {2, 9000}
  };
  private static final int ANY_BITS = 60_000;
  private static final float[] BETAS = {0, 1, 0.5f, 0.3f};
  private static final Kind[] KINDS = Kind.values();

  private final Values values;
  private final List<Launch> launches = new ArrayList<>();
  private int turn;

  private Launches(long seed) {
    values = new Values(seed);
  }

  /** Returns the launches of a kernel. */
  static List<Launch> of(Kernel kernel, long seed) {
    Launches all = new Launches(seed);
    ImageLaunches images = new ImageLaunches(all, all.values);
    switch (kernel) {
      case GEMM -> all.gemm();
      case ACTIVATION_FORWARD -> all.activationForward();
      case ACTIVATION_BACKWARD -> all.activationBackward();
      case UNARY -> all.unary();
      case BINARY -> all.binary();
      case FILL -> all.fill();
      case COPY -> all.copy();
      case REPEAT_ROWS -> all.repeatRows();
      case REPEAT_ROWS_BACKWARD -> all.repeatRowsBackward();
      case REDUCE -> all.reduce();
      case REDUCE_ROWS -> all.reduceRows();
      case REDUCE_COLUMNS -> all.reduceColumns();
      case LOSS -> all.loss();
      case LOSS_BACKWARD -> all.lossBackward();
      case SOFTMAX -> all.softmax();
      case LOG_SUM_EXP -> all.logSumExp();
      case LOG_SUM_EXP_BACKWARD -> all.logSumExpBackward();
      case SOFTMAX_CROSS_ENTROPY -> all.softmaxCrossEntropy();
      case SOFTMAX_CROSS_ENTROPY_BACKWARD -> all.softmaxCrossEntropyBackward();
      case KL_SPARSITY -> all.klSparsity();
      case KL_SPARSITY_BACKWARD -> all.klSparsityBackward();
      case TOP_K -> all.topK();
      case RANDOM -> all.random();
      case MASK_NOISE -> all.maskNoise();
      case BINARIZE -> all.binarize();
      case AFFINE_WARP -> all.affineWarp();
      case DEFORMATION_FIELD -> images.deformationField();
      case SAMPLE_IMAGES -> images.sampleImages();
      case RANDOM_BRIGHTNESS -> images.randomBrightness();
      case GATHER_ROWS -> all.gatherRows();
      case ADVANCE -> all.advance();
      case SCHEDULE -> all.schedule();
      case LINEAR_WARMUP -> all.linearWarmup();
      case CLIP_NORM -> all.clipNorm();
      case SGD -> all.sgd();
      case ADAM -> all.adam();
      case AVERAGE -> all.average();
      case REPARAMETERIZE -> all.reparameterize();
      case REPARAMETERIZE_BACKWARD -> all.reparameterizeBackward();
      case GAUSSIAN_KL -> all.gaussianKl();
      case GAUSSIAN_KL_BACKWARD -> all.gaussianKlBackward();
      case BERNOULLI_LOG_LIKELIHOOD -> all.bernoulliLogLikelihood();
      case BERNOULLI_LOG_LIKELIHOOD_BACKWARD -> all.bernoulliLogLikelihoodBackward();
      case GAUSSIAN_LOG_DENSITY -> all.gaussianLogDensity();
      case GAUSSIAN_LOG_DENSITY_BACKWARD -> all.gaussianLogDensityBackward();
      case CONV2D -> images.conv2d();
      case CONV2D_BACKWARD_DATA -> images.conv2dBackwardData();
      case CONV2D_BACKWARD_FILTER -> images.conv2dBackwardFilter();
      case MAX_POOL -> images.maxPool();
      case MAX_POOL_BACKWARD -> images.maxPoolBackward();
      case UPSAMPLE -> images.upsample();
      case UPSAMPLE_BACKWARD -> images.upsampleBackward();
      case NORMALIZE_STATISTICS -> images.normalizeStatistics();
      case NORMALIZE -> images.normalize();
      case NORMALIZE_BACKWARD_STATISTICS -> images.normalizeBackwardStatistics();
      case NORMALIZE_BACKWARD -> images.normalizeBackward();
      case DICE -> images.dice();
      case DICE_BACKWARD -> images.diceBackward();
    }
    return all.launches;
  }

  Launch add(Kernel kernel) {
    Launch launch = new Launch(kernel, values);
    launches.add(launch);
    return launch;
  }

  float beta() {
    return BETAS[turn++ % BETAS.length];
  }

  float[] floats(long count) {
    return values.floats(KINDS[values.below(KINDS.length)], Math.toIntExact(count));
  }

  /** An output that is read only if beta is not 0. */
  void accumulated(Launch launch, String name, long count, float beta) {
    if (beta == 0) {
      launch.output(name, count);
    } else {
      launch.inOut(name, floats(count));
    }
  }

  static Launch gemm(
      Values values,
      int m,
      int n,
      int k,
      int padding,
      boolean transposeA,
      boolean transposeB,
      int activation,
      boolean bias,
      float beta) {
    int lda = (transposeA ? m : k) + padding;
    int ldb = (transposeB ? k : n) + padding * 2;
    int ldc = n + padding * 3;
    Launch launch =
        new Launch(Kernel.GEMM, values)
            .input("a", values.floats((transposeA ? k : m) * lda))
            .input("b", values.floats((transposeB ? n : k) * ldb));
    if (bias) {
      launch.input("bias", values.floats(n));
    } else {
      launch.nothing("bias");
    }
    if (beta == 0) {
      launch.output("c", (long) m * ldc);
    } else {
      launch.inOut("c", values.floats(m * ldc));
    }
    return launch
        .int32("m", m)
        .int32("n", n)
        .int32("k", k)
        .int32("lda", lda)
        .int32("ldb", ldb)
        .int32("ldc", ldc)
        .int32("transpose_a", transposeA ? 1 : 0)
        .int32("transpose_b", transposeB ? 1 : 0)
        .int32("activation", activation)
        .float32("slope", 0.125f)
        .float32("beta", beta);
  }

  private void gemm() {
    int[][] shapes = {
      {0, 3, 4},
      {3, 0, 4},
      {4, 5, 0},
      {1, 1, 1},
      {1, 1, 33},
      {2, 2, 2},
      {3, 5, 7},
      {16, 16, 16},
      {4, 24, 12},
      {5, 25, 13},
      {8, 48, 384},
      {7, 47, 383},
      {9, 49, 385},
      {1, 100, 50},
      {1, 531, 40},
      {1, 1500, 60},
      {100, 1, 50},
      {33, 17, 29},
      {63, 64, 65},
      {64, 64, 64},
      {65, 30, 257},
      {130, 200, 150},
      {257, 95, 40},
      {40, 513, 17},
      {10, 10, 800},
      {100, 200, 90},
      {13, 1024, 30},
      {6, 1024, 410},
      {260, 50, 810},
      {265, 210, 410},
      {2049, 5, 3}
    };
    for (int[] shape : shapes) {
      gemm(shape, 0, 4, 5).forEach(launches::add);
    }
    // What a GPU makes in tiles of 64 x 64 and of 128 x 128.
    gemm(new int[] {700, 652, 36}, 4, 5).forEach(launch -> launches.add(launch.heavy()));
    gemm(new int[] {1412, 1400, 20}, 4, 5).forEach(launch -> launches.add(launch.heavy()));
    // Nothing but -0, in the sum as well.
    launches.add(
        new Launch(Kernel.GEMM, values)
            .input("a", repeated(-0.0f, 3 * 5))
            .input("b", repeated(1, 5 * 7))
            .nothing("bias")
            .inOut("c", repeated(-0.0f, 3 * 7))
            .int32("m", 3)
            .int32("n", 7)
            .int32("k", 5)
            .int32("lda", 5)
            .int32("ldb", 7)
            .int32("ldc", 7)
            .int32("transpose_a", 0)
            .int32("transpose_b", 0)
            .int32("activation", 0)
            .float32("slope", 0)
            .float32("beta", 1));
  }

  /** A product with every combination of transposes and of paddings of the rows. */
  private List<Launch> gemm(int[] shape, int... paddings) {
    List<Launch> all = new ArrayList<>();
    for (int transposes = 0; transposes < 4; transposes++) {
      for (int padding : paddings) {
        all.add(
            gemm(
                values,
                shape[0],
                shape[1],
                shape[2],
                padding,
                (transposes & 1) != 0,
                (transposes & 2) != 0,
                values.below(6),
                (launches.size() + all.size()) % 5 < 3,
                beta()));
      }
    }
    return all;
  }

  private static float[] repeated(float value, int count) {
    float[] content = new float[count];
    Arrays.fill(content, value);
    return content;
  }

  private void activationForward() {
    for (int activation = 0; activation < 6; activation++) {
      for (int count : COUNTS) {
        Launch launch = add(Kernel.ACTIVATION_FORWARD).input("x", floats(count));
        if (count % 4 == 1) {
          launch.same("y", "x");
        } else {
          launch.output("y", count);
        }
        launch.int64("count", count).int32("activation", activation).float32("slope", 0.2f);
      }
      add(Kernel.ACTIVATION_FORWARD)
          .input("x", values.anyBits(ANY_BITS))
          .output("y", ANY_BITS)
          .int64("count", ANY_BITS)
          .int32("activation", activation)
          .float32("slope", 0.2f);
    }
  }

  private void activationBackward() {
    for (int activation = 0; activation < 6; activation++) {
      for (int count : COUNTS) {
        float beta = beta();
        Launch launch =
            add(Kernel.ACTIVATION_BACKWARD).input("dy", floats(count)).input("y", floats(count));
        if (beta == 0 && count % 4 == 1) {
          launch.same("dx", "dy");
        } else {
          accumulated(launch, "dx", count, beta);
        }
        launch
            .int64("count", count)
            .int32("activation", activation)
            .float32("slope", 0.2f)
            .float32("beta", beta);
      }
    }
  }

  private void unary() {
    for (int function = 0; function < 8; function++) {
      for (int count : COUNTS) {
        float beta = beta();
        Launch launch = add(Kernel.UNARY).input("x", floats(count));
        if (count % 4 == 1) {
          launch.same("y", "x");
        } else {
          accumulated(launch, "y", count, beta);
        }
        launch
            .int64("count", count)
            .int32("function", function)
            .float32("alpha", 1.7f)
            .float32("shift", -0.3f)
            .float32("beta", beta);
      }
      add(Kernel.UNARY)
          .input("x", values.anyBits(ANY_BITS))
          .output("y", ANY_BITS)
          .int64("count", ANY_BITS)
          .int32("function", function)
          .float32("alpha", 1.7f)
          .float32("shift", -0.3f)
          .float32("beta", 0);
    }
  }

  private void binary() {
    for (int function = 0; function < 4; function++) {
      for (int count : COUNTS) {
        for (int bCount : new int[] {Math.max(1, count), 1, 3, 16, 300}) {
          float beta = beta();
          float alpha = values.below(2) == 0 ? 1 : 0.3f;
          Launch launch = add(Kernel.BINARY).input("a", floats(count)).input("b", floats(bCount));
          if (count % 4 == 1) {
            launch.same("y", bCount == count ? "b" : "a");
          } else {
            accumulated(launch, "y", count, beta);
          }
          launch
              .int64("count", count)
              .int64("b_count", bCount)
              .int32("function", function)
              .float32("alpha", alpha)
              .float32("beta", beta);
        }
      }
    }
  }

  private void fill() {
    for (int count : COUNTS) {
      for (float value : new float[] {0, -0.0f, Float.POSITIVE_INFINITY, 1.5f}) {
        add(Kernel.FILL).output("y", count).int64("count", count).float32("value", value);
      }
    }
  }

  private void copy() {
    int[][] shapes = {
      {0, 3},
      {3, 0},
      {1, 1},
      {1, 40_000},
      {7, 7},
      {5, 16},
      {5, 17},
      {300, 10},
      {64, 1000},
      {40_000, 1}
    };
    for (int[] shape : shapes) {
      for (int padding = 0; padding < 3; padding++) {
        for (float beta : BETAS) {
          int rows = shape[0];
          int columns = shape[1];
          copy(rows, columns, columns + padding, columns + padding * 2, beta);
        }
      }
    }
    // So much that a processor streams it past its caches.
    copy(2, 530_001, 530_004, 530_006, 0).heavy();
    copy(2100, 512, 512, 512, 0).heavy();
  }

  private Launch copy(int rows, int columns, int ldx, int ldy, float beta) {
    Launch launch = add(Kernel.COPY).input("x", floats((long) rows * ldx));
    accumulated(launch, "y", (long) rows * ldy, beta);
    return launch
        .int64("rows", rows)
        .int32("columns", columns)
        .int32("ldx", ldx)
        .int32("ldy", ldy)
        .float32("beta", beta);
  }

  private void repeatRows() {
    for (int[] shape : ROWS) {
      for (int repeats : new int[] {1, 2, 5}) {
        add(Kernel.REPEAT_ROWS)
            .input("x", floats((long) shape[0] * shape[1]))
            .output("y", (long) shape[0] * shape[1] * repeats)
            .int64("rows", shape[0])
            .int32("columns", shape[1])
            .int32("repeats", repeats);
      }
    }
  }

  private void repeatRowsBackward() {
    for (int[] shape : ROWS) {
      for (int repeats : new int[] {1, 2, 5}) {
        long count = (long) shape[0] * shape[1];
        float beta = beta();
        Launch launch = add(Kernel.REPEAT_ROWS_BACKWARD).input("dy", floats(count * repeats));
        accumulated(launch, "dx", count, beta);
        launch
            .int64("rows", shape[0])
            .int32("columns", shape[1])
            .int32("repeats", repeats)
            .float32("beta", beta);
      }
    }
  }

  static long chunks(long count, int chunk) {
    return (count + chunk - 1) / chunk;
  }

  private Launch reduce(int reduction, float[] x, float scale, float beta) {
    Launch launch = add(Kernel.REDUCE).input("x", x);
    accumulated(launch, "y", 1, beta);
    return launch
        .workspace("workspace", chunks(x.length, SUM_CHUNK))
        .int64("count", x.length)
        .int32("reduction", reduction)
        .float32("scale", scale)
        .float32("beta", beta);
  }

  private void reduce() {
    for (int reduction = 0; reduction < 4; reduction++) {
      for (int count : SUMMED) {
        for (Kind kind : KINDS) {
          reduce(reduction, values.floats(kind, count), values.below(2) == 0 ? 1 : 0.7f, beta());
        }
      }
      reduce(reduction, new float[] {-0.0f}, 1, 0);
      reduce(reduction, new float[] {-0.0f, 0.0f, -1}, -1, 0);
    }
    // Three levels of chunks.
    reduce(0, values.uniform(-1, 1, SUM_CHUNK * SUM_CHUNK + 5), 1, 0).heavy();
  }

  private Launch reduceRows(int reduction, int rows, int columns, float[] x) {
    float beta = beta();
    Launch launch = add(Kernel.REDUCE_ROWS).input("x", x);
    accumulated(launch, "y", rows, beta);
    return launch
        .int64("rows", rows)
        .int32("columns", columns)
        .int32("reduction", reduction)
        .float32("scale", values.below(2) == 0 ? 1 : 0.7f)
        .float32("beta", beta);
  }

  private void reduceRows() {
    for (int reduction = 0; reduction < 4; reduction++) {
      for (int[] shape : ROWS) {
        for (Kind kind : KINDS) {
          reduceRows(reduction, shape[0], shape[1], values.floats(kind, shape[0] * shape[1]));
        }
      }
      reduceRows(reduction, 3, 0, new float[0]);
    }
    int columns = SUM_CHUNK * SUM_CHUNK + 5;
    reduceRows(0, 1, columns, values.uniform(-1, 1, columns)).heavy();
  }

  private void reduceColumns() {
    int[][] shapes = {
      {0, 3},
      {1, 1},
      {1, 40},
      {2, 3},
      {16, 16},
      {31, 15},
      {32, 16},
      {33, 17},
      {64, 64},
      {65, 63},
      {100, 130},
      {256, 1000},
      {50, 511},
      {50, 512},
      {50, 513},
      {1023, 5},
      {1024, 5},
      {1025, 5},
      {3000, 33},
      {33_000, 3}
    };
    for (int reduction = 0; reduction < 4; reduction++) {
      for (int[] shape : shapes) {
        int rows = shape[0];
        int columns = shape[1];
        float beta = beta();
        Launch launch = add(Kernel.REDUCE_COLUMNS).input("x", floats((long) rows * columns));
        accumulated(launch, "y", columns, beta);
        launch
            .workspace("workspace", chunks(rows, COLUMN_CHUNK) * columns)
            .int64("rows", rows)
            .int32("columns", columns)
            .int32("reduction", reduction)
            .float32("scale", values.below(2) == 0 ? 1 : 0.7f)
            .float32("beta", beta);
      }
    }
  }

  private void target(Launch launch, int function, int count) {
    if (function == 2) {
      launch.nothing("target");
    } else {
      launch.input("target", values.uniform(0, 1, count));
    }
  }

  private void loss() {
    for (int function = 0; function < 3; function++) {
      for (int count : SUMMED) {
        for (Kind kind : KINDS) {
          Launch launch = add(Kernel.LOSS).input("x", values.floats(kind, count));
          target(launch, function, count);
          launch
              .output("loss", 1)
              .workspace("workspace", chunks(count, SUM_CHUNK))
              .int64("count", count)
              .int32("function", function)
              .float32("scale", 0.37f);
        }
      }
    }
  }

  private void lossBackward() {
    for (int function = 0; function < 3; function++) {
      for (int count : COUNTS) {
        float beta = beta();
        Launch launch = add(Kernel.LOSS_BACKWARD).input("x", floats(count));
        target(launch, function, count);
        launch.input("upstream", new float[] {1.5f});
        if (beta == 0 && count % 4 == 1) {
          launch.same("dx", "x");
        } else {
          accumulated(launch, "dx", count, beta);
        }
        launch
            .int64("count", count)
            .int32("function", function)
            .float32("scale", 0.37f)
            .float32("beta", beta);
      }
    }
  }

  private void softmax() {
    for (int[] shape : rowsAndFewColumns()) {
      for (Kind kind : KINDS) {
        int count = shape[0] * shape[1];
        Launch launch = add(Kernel.SOFTMAX).input("x", values.floats(kind, count));
        if (shape[1] % 4 == 1) {
          launch.same("y", "x");
        } else {
          launch.output("y", count);
        }
        launch.int64("rows", shape[0]).int32("columns", shape[1]);
      }
    }
  }

  private void logSumExp() {
    for (int[] shape : ROWS) {
      for (Kind kind : KINDS) {
        logSumExp(shape[0], shape[1], values.floats(kind, shape[0] * shape[1]));
      }
    }
    logSumExp(2, 0, new float[0]);
    float[] infinities = {
      Float.NEGATIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
      1,
      Float.NEGATIVE_INFINITY,
      Float.POSITIVE_INFINITY,
      1,
      Float.NaN,
      Float.NaN
    };
    logSumExp(4, 2, infinities);
    logSumExp(3, 1, new float[] {-0.0f, 0.0f, -1000});
  }

  private void logSumExp(int rows, int columns, float[] x) {
    add(Kernel.LOG_SUM_EXP)
        .input("x", x)
        .output("y", rows)
        .int64("rows", rows)
        .int32("columns", columns);
  }

  private void logSumExpBackward() {
    for (int[] shape : ROWS) {
      for (float beta : BETAS) {
        int rows = shape[0];
        int columns = shape[1];
        long count = (long) rows * columns;
        Launch launch =
            add(Kernel.LOG_SUM_EXP_BACKWARD)
                .input("x", floats(count))
                .input("y", values.uniform(0, 3, rows))
                .input("upstream", floats(rows));
        if (beta == 0 && columns % 4 == 1) {
          launch.same("dx", "x");
        } else {
          accumulated(launch, "dx", count, beta);
        }
        launch.int64("rows", rows).int32("columns", columns).float32("beta", beta);
      }
    }
  }

  /** Also rows of few columns, which are taken together, up to 16. */
  private static List<int[]> rowsAndFewColumns() {
    List<int[]> shapes = new ArrayList<>(Arrays.asList(ROWS));
    for (int columns : new int[] {1, 2, 3, 7, 8, 9, 15, 16, 17}) {
      shapes.add(new int[] {37, columns});
    }
    return shapes;
  }

  private void softmaxCrossEntropy() {
    for (int[] shape : rowsAndFewColumns()) {
      for (Kind kind : KINDS) {
        int rows = shape[0];
        int columns = shape[1];
        softmaxCrossEntropy(rows, columns, kind, values.ints(columns, rows));
      }
    }
    softmaxCrossEntropy(5000, 3, Kind.ORDINARY, values.ints(3, 5000));
    // One label alone out of range.
    for (int label : new int[] {-1, 4, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
      softmaxCrossEntropy(3, 4, Kind.ORDINARY, new int[] {3, label, 0});
      int[] labels = values.ints(4, 33);
      labels[5] = label;
      softmaxCrossEntropy(33, 4, Kind.ORDINARY, labels);
    }
  }

  /** Weights of the classes, of the rows, of both or of none. */
  private void weights(Launch launch, int rows, int columns) {
    int kinds = turn++ % 4;
    if ((kinds & 1) == 0) {
      launch.nothing("class_weights");
    } else {
      launch.input("class_weights", values.uniform(0, 3, columns));
    }
    if ((kinds & 2) == 0) {
      launch.nothing("row_weights");
    } else {
      launch.input("row_weights", values.uniform(0, 3, rows));
    }
  }

  private void softmaxCrossEntropy(int rows, int columns, Kind kind, int[] labels) {
    Launch launch =
        add(Kernel.SOFTMAX_CROSS_ENTROPY)
            .input("logits", values.floats(kind, rows * columns))
            .input("labels", labels);
    weights(launch, rows, columns);
    launch
        .output("probabilities", (long) rows * columns)
        .output("loss", 1)
        .workspace("workspace", rows + chunks(rows, SUM_CHUNK))
        .int64("rows", rows)
        .int32("columns", columns)
        .float32("scale", 0.01f);
  }

  private void softmaxCrossEntropyBackward() {
    for (int[] shape : rowsAndFewColumns()) {
      for (float beta : BETAS) {
        int rows = shape[0];
        int columns = shape[1];
        int[] labels = values.ints(columns, rows);
        if (rows > 2) {
          labels[0] = -1;
          labels[1] = columns;
        }
        Launch launch =
            add(Kernel.SOFTMAX_CROSS_ENTROPY_BACKWARD)
                .input("probabilities", values.uniform(0, 1, rows * columns))
                .input("labels", labels);
        // All four kinds of weights with each beta.
        turn += rows;
        weights(launch, rows, columns);
        launch.input("upstream", new float[] {-0.8f});
        accumulated(launch, "dx", (long) rows * columns, beta);
        launch
            .int64("rows", rows)
            .int32("columns", columns)
            .float32("scale", 0.01f)
            .float32("beta", beta);
      }
    }
  }

  /** Mean activations, of which some are outside (0, 1) or NaN. */
  private float[] means(int columns, boolean anything) {
    float[] means = values.uniform(0, 1, columns);
    float[] odd = {0, 1, -0.5f, 2, 1e-7f, Float.NaN};
    for (int i = 0; anything && i < columns && i < odd.length; i++) {
      means[columns - 1 - i] = odd[i];
    }
    return means;
  }

  private void klSparsity() {
    for (int columns : SUMMED) {
      for (int odd = 0; odd < 2; odd++) {
        add(Kernel.KL_SPARSITY)
            .input("mean", means(columns, odd == 1))
            .output("loss", 1)
            .workspace("workspace", chunks(columns, SUM_CHUNK))
            .int32("columns", columns)
            .float32("rho", 0.05f)
            .float32("scale", 3);
      }
    }
  }

  private void klSparsityBackward() {
    int[][] shapes = {{0, 5}, {1, 1}, {4, 4}, {3, 255}, {3, 256}, {3, 257}, {100, 17}, {70, 600}};
    for (int[] shape : shapes) {
      for (float beta : BETAS) {
        Launch launch =
            add(Kernel.KL_SPARSITY_BACKWARD)
                .input("mean", means(shape[1], true))
                .input("upstream", new float[] {1.25f});
        accumulated(launch, "dx", (long) shape[0] * shape[1], beta);
        launch
            .int64("rows", shape[0])
            .int32("columns", shape[1])
            .float32("rho", 0.05f)
            .float32("scale", 0.3f)
            .float32("beta", beta);
      }
    }
  }

  private void topK() {
    int[][] shapes = {
      {0, 5}, {1, 1}, {3, 2}, {4, 4}, {5, 15}, {5, 16}, {5, 17}, {16, 16}, {20, 33}, {40, 200}
    };
    for (int[] shape : shapes) {
      int rows = shape[0];
      int columns = shape[1];
      for (int k : new int[] {1, (columns + 1) / 2, columns}) {
        topK(rows, columns, k, values.ties(rows * columns));
        for (Kind kind : KINDS) {
          topK(rows, columns, k, values.floats(kind, rows * columns));
        }
      }
    }
    topK(40, 500, 25, values.floats(40 * 500));
  }

  private void topK(int rows, int columns, int k, float[] x) {
    Launch launch = add(Kernel.TOP_K).input("x", x);
    if (turn++ % 2 == 0) {
      launch.same("y", "x");
    } else {
      launch.output("y", x.length);
    }
    launch.output("mask", x.length).int64("rows", rows).int32("columns", columns).int32("k", k);
  }

  static Launch random(Values values, int distribution, int count, long step, long seed) {
    return new Launch(Kernel.RANDOM, values)
        .output("y", count)
        .input("step", step)
        .int64("count", count)
        .int64("seed", seed)
        .int32("stream", (int) (seed >>> 7))
        .int32("distribution", distribution)
        .float32("a", distribution == 0 ? -0.7f : 0.1f)
        .float32("b", 1.3f);
  }

  private void random() {
    long[] steps = {0, 1, (1L << 32) + 5, -1};
    for (int distribution = 0; distribution < 2; distribution++) {
      for (int count : COUNTS) {
        launches.add(random(values, distribution, count, steps[turn++ % 4], values.next()));
      }
    }
  }

  private void maskNoise() {
    for (float probability : new float[] {0, 0.3f, 1}) {
      for (int count : COUNTS) {
        Launch launch = add(Kernel.MASK_NOISE).input("x", floats(count));
        if (count % 4 == 1) {
          launch.same("y", "x");
        } else {
          launch.output("y", count);
        }
        launch
            .input("step", values.next() >>> values.below(64))
            .int64("count", count)
            .int64("seed", values.next())
            .int32("stream", (int) values.next())
            .float32("probability", probability)
            .float32("scale", 1.25f);
      }
    }
  }

  private void binarize() {
    for (int count : COUNTS) {
      for (int kind = 0; kind < 3; kind++) {
        float[] x = kind == 2 ? floats(count) : values.uniform(0, 1, count);
        Launch launch = add(Kernel.BINARIZE).input("x", x);
        if (kind == 0) {
          launch.same("y", "x");
        } else {
          launch.output("y", count);
        }
        launch
            .input("step", values.next() >>> values.below(64))
            .int64("count", count)
            .int64("seed", values.next())
            .int32("stream", (int) values.next());
      }
    }
  }

  private void affineWarp() {
    int[][] shapes = {
      {0, 3, 4, 1}, {1, 1, 1, 1}, {3, 5, 7, 2}, {2, 8, 8, 8}, {60, 28, 28, 1}, {2, 1, 9, 3}
    };
    for (float probability : new float[] {0, 0.5f, 1}) {
      for (int[] shape : shapes) {
        int count = shape[0] * shape[1] * shape[2] * shape[3];
        add(Kernel.AFFINE_WARP)
            .input("x", floats(count))
            .output("y", count)
            .input("step", values.next() >>> values.below(64))
            .int64("seed", values.next())
            .int32("images", shape[0])
            .int32("height", shape[1])
            .int32("width", shape[2])
            .int32("channels", shape[3])
            .int32("stream", (int) values.next())
            .float32("probability", probability)
            .float32("rotation", 0.5f)
            .float32("scale", 0.3f)
            .float32("shear", 0.4f)
            .float32("shift", 3);
      }
    }
  }

  private void gatherRows() {
    int[] sources = {1, 2, 3, 4, 5, 16, 17, 100, 1000};
    int[][] shapes = {{0, 3}, {1, 1}, {5, 5}, {16, 17}, {64, 100}, {300, 1}, {100, 784}};
    for (int sourceRows : sources) {
      for (int[] shape : shapes) {
        for (int element = 0; element < 3; element++) {
          gatherRows(sourceRows, shape[0], shape[1], element, turn++ % 2);
        }
      }
    }
  }

  private void gatherRows(int sourceRows, int rows, int columns, int element, int shuffle) {
    long step = values.below(2) == 0 ? 0 : values.next() >>> (8 + values.below(56));
    int count = sourceRows * columns;
    Launch launch = add(Kernel.GATHER_ROWS);
    switch (element) {
      case 0 -> launch.input("source", values.bytes(count));
      case 1 -> launch.input("source", floats(count));
      default -> launch.input("source", values.ints(Integer.MAX_VALUE, count));
    }
    launch
        .output("y", (long) rows * columns)
        .input("step", step)
        .int64("source_rows", sourceRows)
        .int64("seed", values.next())
        .int32("rows", rows)
        .int32("columns", columns)
        .int32("element", element)
        .int32("shuffle", shuffle);
  }

  private void advance() {
    for (long step : new long[] {0, 41, 0xffffffffL}) {
      add(Kernel.ADVANCE).state("state", step, 0.9, 0.999, 0.1f, 1);
    }
  }

  private void schedule() {
    long[][] spans = {{0, 100}, {10, 100}, {10, 10}, {10, 5}, {0, 0}};
    for (int kind = 0; kind < 3; kind++) {
      for (long[] span : spans) {
        for (long step : new long[] {0, 1, 9, 10, 11, 37, 60, 85, 99, 100, 101, 5000}) {
          add(Kernel.SCHEDULE)
              .state("state", step, 0.81, 0.998001, 0.5f, 1)
              .float64("base", 3e-3)
              .float64("floor", 1e-5)
              .float64("factor", 0.7)
              .float64("beta1", 0.9)
              .float64("beta2", 0.999)
              .int64("warmup", span[0])
              .int64("total", span[1])
              .int64("every", 7)
              .int32("kind", kind);
        }
      }
    }
  }

  private void linearWarmup() {
    for (long steps : new long[] {0, 1, 2, 3, 1000, 1L << 60}) {
      for (long step : new long[] {0, 1, 2, 999, 1000, 1001, (1L << 60) - 1, -1}) {
        add(Kernel.LINEAR_WARMUP).input("step", step).output("y", 1).int64("steps", steps);
      }
    }
  }

  private void clipNorm() {
    for (int count : SUMMED) {
      for (Kind kind : KINDS) {
        for (float maximum : new float[] {0.5f, 1e30f}) {
          add(Kernel.CLIP_NORM)
              .input("gradients", values.floats(kind, count))
              .state("state", 3, 0.9, 0.99, 0.1f, 0.3f)
              .workspace("workspace", chunks(count, SUM_CHUNK))
              .int64("count", count)
              .float32("maximum", maximum);
        }
      }
    }
  }

  private void sgd() {
    for (int count : COUNTS) {
      for (int options = 0; options < 4; options++) {
        float weightDecay = options < 2 ? 0 : 0.01f;
        add(Kernel.SGD)
            .inOut("parameters", floats(count))
            .input("gradients", floats(count))
            .inOut("velocity", floats(count))
            .state("state", 3, 0.9, 0.99, 0.1f, 0.3f)
            .int64("count", count)
            .float32("momentum", 0.9f)
            .float32("weight_decay", weightDecay)
            .int32("nesterov", options % 2);
      }
    }
  }

  static Launch adam(Values values, int count, float weightDecay, int decoupled, float beta2) {
    return new Launch(Kernel.ADAM, values)
        .inOut("parameters", values.floats(count))
        .input("gradients", values.floats(count))
        .inOut("first_moment", values.floats(count))
        .inOut("second_moment", values.uniform(0, 2, count))
        .state("state", 3, 0.729, 0.970299, 0.01f, 0.3f)
        .int64("count", count)
        .float32("beta1", 0.9f)
        .float32("beta2", beta2)
        .float32("epsilon", 1e-8f)
        .float32("weight_decay", weightDecay)
        .int32("decoupled", decoupled);
  }

  private void adam() {
    for (int count : COUNTS) {
      for (int decoupled = 0; decoupled < 2; decoupled++) {
        launches.add(adam(values, count, 0, decoupled, 0.99f));
        launches.add(adam(values, count, 0.02f, decoupled, 0.99f));
      }
    }
  }

  private void average() {
    for (int count : COUNTS) {
      for (long step : new long[] {0, 1_000_000}) {
        add(Kernel.AVERAGE)
            .input("x", floats(count))
            .inOut("y", floats(count))
            .state("state", step, 0.9, 0.99, 0.1f, 0.3f)
            .int64("count", count)
            .float64("decay", 0.999);
      }
    }
  }

  private void reparameterize() {
    for (int count : COUNTS) {
      for (int turn = 0; turn < 2; turn++) {
        Launch launch =
            add(Kernel.REPARAMETERIZE)
                .input("mean", floats(count))
                .input("log_variance", values.uniform(-6, 2, count));
        if (turn == 0) {
          launch.same("z", "mean");
        } else {
          launch.output("z", count);
        }
        launch
            .input("step", values.next())
            .int64("count", count)
            .int64("seed", values.next())
            .int32("stream", 7 + turn);
      }
    }
  }

  private void reparameterizeBackward() {
    for (int count : COUNTS) {
      for (float beta : BETAS) {
        Launch launch =
            add(Kernel.REPARAMETERIZE_BACKWARD)
                .input("dz", floats(count))
                .input("log_variance", values.uniform(-6, 2, count));
        if (beta == 0 && count % 4 == 1) {
          launch.same("dlog_variance", "dz");
        } else {
          accumulated(launch, "dlog_variance", count, beta);
        }
        launch
            .input("step", values.next())
            .int64("count", count)
            .int64("seed", values.next())
            .int32("stream", 9)
            .float32("beta", beta);
      }
    }
  }

  private void gaussianKl() {
    for (int[] shape : ROWS) {
      for (Kind kind : KINDS) {
        gaussianKl(shape[0], shape[1], kind);
      }
    }
    gaussianKl(5000, 2, Kind.ORDINARY);
  }

  private void gaussianKl(int rows, int columns, Kind kind) {
    add(Kernel.GAUSSIAN_KL)
        .input("mean", values.floats(kind, rows * columns))
        .input("log_variance", values.floats(kind, rows * columns))
        .output("divergence", rows)
        .output("loss", 1)
        .workspace("workspace", chunks(rows, SUM_CHUNK))
        .int64("rows", rows)
        .int32("columns", columns)
        .float32("scale", 0.01f);
  }

  private void gaussianKlBackward() {
    for (int[] shape : ROWS) {
      for (int kind = 0; kind < 6; kind++) {
        int rows = shape[0];
        int columns = shape[1];
        int upstreamPerRow = kind % 2;
        float meanBeta = beta();
        float logVarianceBeta = BETAS[values.below(BETAS.length)];
        Launch launch =
            add(Kernel.GAUSSIAN_KL_BACKWARD)
                .input("mean", floats((long) rows * columns))
                .input("log_variance", floats((long) rows * columns))
                .input("upstream", values.floats(upstreamPerRow == 1 ? rows : 1));
        if (kind == 4) {
          launch.nothing("dmean");
        } else {
          accumulated(launch, "dmean", (long) rows * columns, meanBeta);
        }
        if (kind == 5) {
          launch.nothing("dlog_variance");
        } else {
          accumulated(launch, "dlog_variance", (long) rows * columns, logVarianceBeta);
        }
        launch
            .int64("rows", rows)
            .int32("columns", columns)
            .int32("upstream_per_row", upstreamPerRow)
            .float32("scale", 0.7f)
            .float32("mean_beta", meanBeta)
            .float32("log_variance_beta", logVarianceBeta);
      }
    }
  }

  private void bernoulliLogLikelihood() {
    for (int[] shape : ROWS) {
      for (int repeats = 1; repeats <= 3; repeats++) {
        for (Kind kind : KINDS) {
          bernoulliLogLikelihood(shape[0], shape[1], repeats, kind);
        }
      }
    }
    // Around the blocks of columns between logarithms.
    for (int columns : new int[] {2047, 2048, 2049}) {
      bernoulliLogLikelihood(2, columns, 2, Kind.ORDINARY);
    }
  }

  private void bernoulliLogLikelihood(int rows, int columns, int repeats, Kind kind) {
    add(Kernel.BERNOULLI_LOG_LIKELIHOOD)
        .input("logits", values.floats(kind, rows * repeats * columns))
        .input("target", values.uniform(0, 1, rows * columns))
        .output("log_likelihood", (long) rows * repeats)
        .int64("rows", rows)
        .int32("columns", columns)
        .int32("repeats", repeats);
  }

  private void bernoulliLogLikelihoodBackward() {
    for (int[] shape : ROWS) {
      for (int repeats = 1; repeats <= 3; repeats++) {
        int rows = shape[0];
        int columns = shape[1];
        long count = (long) rows * repeats * columns;
        float beta = beta();
        Launch launch =
            add(Kernel.BERNOULLI_LOG_LIKELIHOOD_BACKWARD)
                .input("logits", floats(count))
                .input("target", values.uniform(0, 1, rows * columns))
                .input("upstream", floats((long) rows * repeats));
        if (beta == 0 && columns % 4 == 1) {
          launch.same("dlogits", "logits");
        } else {
          accumulated(launch, "dlogits", count, beta);
        }
        launch
            .int64("rows", rows)
            .int32("columns", columns)
            .int32("repeats", repeats)
            .float32("beta", beta);
      }
    }
  }

  /** Mean and log variance, of which each may be absent. */
  private void gaussian(Launch launch, int present, Kind kind, int count) {
    String[] names = {"mean", "log_variance"};
    for (int i = 0; i < names.length; i++) {
      if ((present >> i & 1) != 0) {
        launch.input(names[i], values.floats(kind, count));
      } else {
        launch.nothing(names[i]);
      }
    }
  }

  private void gaussianLogDensity() {
    for (int[] shape : ROWS) {
      for (int present = 0; present < 4; present++) {
        for (Kind kind : KINDS) {
          int rows = shape[0];
          int columns = shape[1];
          int repeats = 1 + turn++ % 3;
          Launch launch =
              add(Kernel.GAUSSIAN_LOG_DENSITY)
                  .input("x", values.floats(kind, rows * repeats * columns));
          gaussian(launch, present, kind, rows * columns);
          launch
              .output("log_density", (long) rows * repeats)
              .int64("rows", rows)
              .int32("columns", columns)
              .int32("repeats", repeats);
        }
      }
    }
  }

  private void gaussianLogDensityBackward() {
    String[] gradients = {"dx", "dmean", "dlog_variance"};
    for (int[] shape : ROWS) {
      for (int present = 0; present < 4; present++) {
        // All gradients, or all but one.
        for (int absent = 0; absent <= gradients.length; absent++) {
          int rows = shape[0];
          int columns = shape[1];
          int repeats = 1 + values.below(3);
          Launch launch =
              add(Kernel.GAUSSIAN_LOG_DENSITY_BACKWARD)
                  .input("x", floats((long) rows * repeats * columns));
          gaussian(launch, present, Kind.ORDINARY, rows * columns);
          launch.input("upstream", floats((long) rows * repeats));
          float[] betas = new float[gradients.length];
          for (int i = 0; i < gradients.length; i++) {
            betas[i] = BETAS[values.below(BETAS.length)];
            if (i == absent) {
              launch.nothing(gradients[i]);
            } else {
              accumulated(
                  launch, gradients[i], (long) rows * columns * (i == 0 ? repeats : 1), betas[i]);
            }
          }
          launch
              .int64("rows", rows)
              .int32("columns", columns)
              .int32("repeats", repeats)
              .float32("x_beta", betas[0])
              .float32("mean_beta", betas[1])
              .float32("log_variance_beta", betas[2]);
        }
      }
    }
  }
}
