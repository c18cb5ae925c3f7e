package dev.clessidra.kernels;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Typed launches: one method a kernel, on one stream.
 *
 * <p>Operands are buffers of float32 unless said otherwise, read and written from their start; use
 * {@link Buffer#slice} to start elsewhere. Matrices are stored row after row. Every method checks
 * that operands are open and large enough, and throws an {@link IllegalArgumentException} that
 * names kernel and operand (an {@link IllegalStateException} for a closed one). The contents are
 * not checked. An output may be the same buffer as an input only where "in place" is said; overlaps
 * are not checked.
 *
 * <p>Results are defined to the bit, so every device, instruction set and number of threads gives
 * the same. <em>Sum</em> means: cut into chunks of {@value #SUM_CHUNK} elements; in a chunk, lane
 * {@code l} of 32 starts at +0 and adds {@code x[l], x[l + 32], ...} in turn; the lanes are folded
 * by strides 16, 8, 4, 2, 1; the chunk results form a new array that is summed the same way until
 * one number is left. The sum of nothing is +0. A term that is itself a product is rounded before
 * it is added, except where {@code fma} (fused multiply-add, one rounding) is written.
 *
 * <p>A {@code beta} of 0 means that the output is not read: NaN in it does not spread.
 *
 * <p>May be used by several threads at once.
 */
public final class Kernels {
  /** Elements of a chunk of a sum. */
  public static final int SUM_CHUNK = 4096;

  /** Rows that one link of a column reduction adds in sequence. */
  public static final int COLUMN_CHUNK = 32;

  /**
   * What changes from one training step to the next and therefore lives in device memory: {@code
   * uint64 step; double beta1_power, beta2_power; float learning_rate, gradient_scale,
   * gradient_norm, reserved}. The step comes first, so that a buffer with this struct serves
   * wherever a kernel reads the step. At the start of a training both powers and the gradient scale
   * are 1, all else is 0.
   */
  public static final StructLayout TRAINING_STATE =
      MemoryLayout.structLayout(
              ValueLayout.JAVA_LONG.withName("step"),
              ValueLayout.JAVA_DOUBLE.withName("beta1_power"),
              ValueLayout.JAVA_DOUBLE.withName("beta2_power"),
              ValueLayout.JAVA_FLOAT.withName("learning_rate"),
              ValueLayout.JAVA_FLOAT.withName("gradient_scale"),
              ValueLayout.JAVA_FLOAT.withName("gradient_norm"),
              ValueLayout.JAVA_FLOAT.withName("reserved"))
          .withName("clessidra_training_state");

  private static final int SLOTS = 16;

  /** Rows and columns of images that are read between pixels. */
  private static final int LARGEST_SAMPLED = 1 << 23;

  private final Stream stream;
  private final DeviceMemory memory;
  // Writers that wait for their next launch; a thread takes the one of its slot, or makes a new
  // one.
  private final AtomicReferenceArray<Arguments> writers = new AtomicReferenceArray<>(SLOTS);

  Kernels(Stream stream, DeviceMemory memory) {
    this.stream = stream;
    this.memory = memory;
  }

  /** Returns the floats of workspace that {@link #reduce} needs for {@code count} elements. */
  public static long reduceWorkspace(long count) {
    return ceilDivide(count, SUM_CHUNK);
  }

  /** Returns the floats of workspace that {@link #reduceColumns} needs. */
  public static long reduceColumnsWorkspace(long rows, int columns) {
    return Math.multiplyExact(ceilDivide(rows, COLUMN_CHUNK), columns);
  }

  /** Returns the floats of workspace that {@link #loss} needs for {@code count} elements. */
  public static long lossWorkspace(long count) {
    return ceilDivide(count, SUM_CHUNK);
  }

  /** Returns the floats of workspace that {@link #softmaxCrossEntropy} needs. */
  public static long softmaxCrossEntropyWorkspace(long rows) {
    return Math.addExact(rows, ceilDivide(rows, SUM_CHUNK));
  }

  /** Returns the floats of workspace that {@link #klSparsity} needs. */
  public static long klSparsityWorkspace(int columns) {
    return ceilDivide(columns, SUM_CHUNK);
  }

  /** Returns the floats of workspace that {@link #clipNorm} needs for {@code count} elements. */
  public static long clipNormWorkspace(long count) {
    return ceilDivide(count, SUM_CHUNK);
  }

  /** Returns the floats of workspace that {@link #gaussianKl} needs. */
  public static long gaussianKlWorkspace(long rows) {
    return ceilDivide(rows, SUM_CHUNK);
  }

  /** Returns the floats of workspace that {@link #dice} needs. */
  public static long diceWorkspace(int images, long rows, int columns) {
    return Math.multiplyExact(3, columnSumsWorkspace(images, rows, columns));
  }

  static long columnSumsWorkspace(int images, long rows, int columns) {
    long chunks = Math.max(1, ceilDivide(rows, COLUMN_CHUNK));
    return Math.multiplyExact(Math.multiplyExact(chunks, (long) images), (long) columns);
  }

  /**
   * Matrix product with everything that usually comes after it: {@code c = activation(chain +
   * bias)}, where {@code chain = fma(a[k-1], b[k-1], ... fma(a[0], b[0], beta * c))} is one
   * sequential chain over the inner size, started from +0 when beta is 0. An inner size of 0 leaves
   * {@code activation(beta * c + bias)}.
   *
   * @param a {@code m x k}, may be transposed
   * @param b {@code k x n}, may be transposed
   * @param bias {@code n} values added to every row, or null
   * @param c {@code m x n}, the result, not transposed
   * @param activation what is applied last
   * @param beta factor of what is in c
   */
  public void gemm(Matrix a, Matrix b, Buffer bias, Matrix c, Activation activation, float beta) {
    Kernel kernel = Kernel.GEMM;
    notNull(kernel, "a", a);
    notNull(kernel, "b", b);
    notNull(kernel, "c", c);
    notNull(kernel, "activation", activation);
    if (b.rows() != a.columns() || c.rows() != a.rows() || c.columns() != b.columns()) {
      throw new IllegalArgumentException(
          ("gemm: a is %d x %d, b is %d x %d and c is %d x %d: expected a of m x k, b of k x n and"
                  + " c of m x n.")
              .formatted(a.rows(), a.columns(), b.rows(), b.columns(), c.rows(), c.columns()));
    }
    if (c.transposed()) {
      throw new IllegalArgumentException(
          "gemm: c is transposed, which a result cannot be: swap a and b and transpose them.");
    }
    launch(
        begin(kernel)
            .floats("a", a.buffer(), a.extent())
            .floats("b", b.buffer(), b.extent())
            .floatsOrNull("bias", bias, c.columns())
            .floats("c", c.buffer(), c.extent())
            .int32("m", a.rows())
            .int32("n", b.columns())
            .int32("k", a.columns())
            .int32("lda", a.leadingDimension())
            .int32("ldb", b.leadingDimension())
            .int32("ldc", c.leadingDimension())
            .int32("transpose_a", a.transposed() ? 1 : 0)
            .int32("transpose_b", b.transposed() ? 1 : 0)
            .int32("activation", activation.function().code())
            .float32("slope", activation.slope())
            .float32("beta", beta));
  }

  /**
   * {@code y = activation(x)}. In place.
   *
   * @param count number of elements
   */
  public void activationForward(Buffer x, Buffer y, long count, Activation activation) {
    Kernel kernel = Kernel.ACTIVATION_FORWARD;
    notNull(kernel, "activation", activation);
    launch(
        begin(kernel)
            .floats("x", x, count)
            .floats("y", y, count)
            .int64("count", count)
            .int32("activation", activation.function().code())
            .float32("slope", activation.slope()));
  }

  /**
   * {@code dx = fma(dy, derivative(y), beta * dx)}, just the product when beta is 0. In place
   * ({@code dx = dy}) when beta is 0.
   *
   * @param dy gradient of the activation's output
   * @param y the activation's output
   * @param dx gradient of its input
   * @param count number of elements
   */
  public void activationBackward(
      Buffer dy, Buffer y, Buffer dx, long count, Activation activation, float beta) {
    Kernel kernel = Kernel.ACTIVATION_BACKWARD;
    notNull(kernel, "activation", activation);
    launch(
        begin(kernel)
            .floats("dy", dy, count)
            .floats("y", y, count)
            .floats("dx", dx, count)
            .int64("count", count)
            .int32("activation", activation.function().code())
            .float32("slope", activation.slope())
            .float32("beta", beta));
  }

  /**
   * {@code y = beta * y + f(x)}, the product rounded; just {@code f(x)} when beta is 0. In place.
   *
   * @param count number of elements
   * @param alpha factor of {@link UnaryFunction#AFFINE}, else unused
   * @param shift summand of {@link UnaryFunction#AFFINE}, else unused
   */
  public void unary(
      UnaryFunction function,
      Buffer x,
      Buffer y,
      long count,
      float alpha,
      float shift,
      float beta) {
    Kernel kernel = Kernel.UNARY;
    notNull(kernel, "function", function);
    launch(
        begin(kernel)
            .floats("x", x, count)
            .floats("y", y, count)
            .int64("count", count)
            .int32("function", function.code())
            .float32("alpha", alpha)
            .float32("shift", shift)
            .float32("beta", beta));
  }

  /**
   * {@code y[i] = beta * y[i] + alpha * f(a[i], b[i % bCount])}: the function rounded, times alpha
   * (rounded; left out when alpha is 1), then {@code beta * y} (rounded) added (left out when beta
   * is 0). In place.
   *
   * @param count elements of a and y
   * @param bCount elements of b: {@code count}, the length of a row, or 1
   */
  public void binary(
      BinaryFunction function,
      Buffer a,
      Buffer b,
      Buffer y,
      long count,
      long bCount,
      float alpha,
      float beta) {
    Kernel kernel = Kernel.BINARY;
    notNull(kernel, "function", function);
    if (bCount == 0 && count > 0) {
      throw new IllegalArgumentException(
          "binary: b has no element for the %d of a: expected at least one.".formatted(count));
    }
    launch(
        begin(kernel)
            .floats("a", a, count)
            .floats("b", b, bCount)
            .floats("y", y, count)
            .int64("count", count)
            .int64("b_count", bCount)
            .int32("function", function.code())
            .float32("alpha", alpha)
            .float32("beta", beta));
  }

  /**
   * {@code y[i] = value}.
   *
   * @param count number of elements
   */
  public void fill(Buffer y, long count, float value) {
    Kernel kernel = Kernel.FILL;
    launch(begin(kernel).floats("y", y, count).int64("count", count).float32("value", value));
  }

  /**
   * {@code y = beta * y + x} over a block of two matrices, a plain copy when beta is 0:
   * concatenation, slices and their gradients.
   *
   * @param ldx elements from one row of x to the next, at least {@code columns}
   * @param ldy elements from one row of y to the next, at least {@code columns}
   */
  public void copy(Buffer x, int ldx, Buffer y, int ldy, long rows, int columns, float beta) {
    Kernel kernel = Kernel.COPY;
    launch(
        begin(kernel)
            .floats("x", x, extent(kernel, "x", rows, columns, ldx))
            .floats("y", y, extent(kernel, "y", rows, columns, ldy))
            .int64("rows", rows)
            .int32("columns", columns)
            .int32("ldx", ldx)
            .int32("ldy", ldy)
            .float32("beta", beta));
  }

  /**
   * Each row several times, one after the other: row r of y is row {@code r / repeats} of x.
   *
   * @param x {@code rows x columns}
   * @param y {@code rows * repeats x columns}
   * @param repeats at least 1
   */
  public void repeatRows(Buffer x, Buffer y, long rows, int columns, int repeats) {
    Kernel kernel = Kernel.REPEAT_ROWS;
    long repeatedRows = repeatedRows(kernel, rows, repeats);
    launch(
        begin(kernel)
            .floats("x", x, elements(kernel, rows, columns))
            .floats("y", y, elements(kernel, repeatedRows, columns))
            .int64("rows", rows)
            .int32("columns", columns)
            .int32("repeats", repeats));
  }

  /**
   * {@code dx = beta * dx + sum}, products rounded, with the sum of each row's repeats of dy, added
   * in turn from the first on; just the sum when beta is 0.
   *
   * @param dy {@code rows * repeats x columns}
   * @param dx {@code rows x columns}
   * @param repeats at least 1
   */
  public void repeatRowsBackward(
      Buffer dy, Buffer dx, long rows, int columns, int repeats, float beta) {
    Kernel kernel = Kernel.REPEAT_ROWS_BACKWARD;
    long repeatedRows = repeatedRows(kernel, rows, repeats);
    launch(
        begin(kernel)
            .floats("dy", dy, elements(kernel, repeatedRows, columns))
            .floats("dx", dx, elements(kernel, rows, columns))
            .int64("rows", rows)
            .int32("columns", columns)
            .int32("repeats", repeats)
            .float32("beta", beta));
  }

  /**
   * All of x to one number r: {@code y[0] = beta * y[0] + scale * r}, products rounded; no beta
   * term when beta is 0, scale left out when it is 1.
   *
   * @param workspace {@link #reduceWorkspace} floats
   * @param count elements of x
   */
  public void reduce(
      Reduction reduction,
      Buffer x,
      Buffer y,
      Buffer workspace,
      long count,
      float scale,
      float beta) {
    Kernel kernel = Kernel.REDUCE;
    notNull(kernel, "reduction", reduction);
    launch(
        begin(kernel)
            .floats("x", x, count)
            .floats("y", y, 1)
            .floats("workspace", workspace, reduceWorkspace(count))
            .int64("count", count)
            .int32("reduction", reduction.code())
            .float32("scale", scale)
            .float32("beta", beta));
  }

  /**
   * Each row to one number r: {@code y[row] = beta * y[row] + scale * r}, as for {@link #reduce}.
   *
   * @param x {@code rows x columns}
   * @param y {@code rows} values
   */
  public void reduceRows(
      Reduction reduction, Buffer x, Buffer y, long rows, int columns, float scale, float beta) {
    Kernel kernel = Kernel.REDUCE_ROWS;
    notNull(kernel, "reduction", reduction);
    launch(
        begin(kernel)
            .floats("x", x, elements(kernel, rows, columns))
            .floats("y", y, rows)
            .int64("rows", rows)
            .int32("columns", columns)
            .int32("reduction", reduction.code())
            .float32("scale", scale)
            .float32("beta", beta));
  }

  /**
   * Each column to one number r: {@code y[column] = beta * y[column] + scale * r}. The rows are cut
   * into chunks of {@value #COLUMN_CHUNK}, each added in sequence from +0; the chunk results are
   * reduced the same way until one row is left.
   *
   * @param x {@code rows x columns}
   * @param y {@code columns} values
   * @param workspace {@link #reduceColumnsWorkspace} floats
   */
  public void reduceColumns(
      Reduction reduction,
      Buffer x,
      Buffer y,
      Buffer workspace,
      long rows,
      int columns,
      float scale,
      float beta) {
    Kernel kernel = Kernel.REDUCE_COLUMNS;
    notNull(kernel, "reduction", reduction);
    launch(
        begin(kernel)
            .floats("x", x, elements(kernel, rows, columns))
            .floats("y", y, columns)
            .floats("workspace", workspace, reduceColumnsWorkspace(rows, columns))
            .int64("rows", rows)
            .int32("columns", columns)
            .int32("reduction", reduction.code())
            .float32("scale", scale)
            .float32("beta", beta));
  }

  /**
   * {@code loss[0] = scale * sum(term(x[i], target[i]))}.
   *
   * @param target {@code count} values, or null for {@link LossFunction#ABSOLUTE_VALUE}
   * @param loss one value
   * @param workspace {@link #lossWorkspace} floats
   * @param count elements of x
   */
  public void loss(
      LossFunction function,
      Buffer x,
      Buffer target,
      Buffer loss,
      Buffer workspace,
      long count,
      float scale) {
    Kernel kernel = Kernel.LOSS;
    notNull(kernel, "function", function);
    launch(
        target(begin(kernel).floats("x", x, count), function, target, count)
            .floats("loss", loss, 1)
            .floats("workspace", workspace, lossWorkspace(count))
            .int64("count", count)
            .int32("function", function.code())
            .float32("scale", scale));
  }

  /**
   * {@code dx = fma(upstream[0] * scale, gradient(x, target), beta * dx)}, just the product when
   * beta is 0. In place ({@code dx = x}) when beta is 0.
   *
   * @param target {@code count} values, or null for {@link LossFunction#ABSOLUTE_VALUE}
   * @param upstream gradient of the loss, one value
   * @param dx gradient of x
   * @param count elements of x
   */
  public void lossBackward(
      LossFunction function,
      Buffer x,
      Buffer target,
      Buffer upstream,
      Buffer dx,
      long count,
      float scale,
      float beta) {
    Kernel kernel = Kernel.LOSS_BACKWARD;
    notNull(kernel, "function", function);
    launch(
        target(begin(kernel).floats("x", x, count), function, target, count)
            .floats("upstream", upstream, 1)
            .floats("dx", dx, count)
            .int64("count", count)
            .int32("function", function.code())
            .float32("scale", scale)
            .float32("beta", beta));
  }

  /**
   * Rows of logits to probabilities: {@code exp(x - max) / sum(exp(x - max))}. In place.
   *
   * @param x {@code rows x columns}
   * @param y {@code rows x columns}
   */
  public void softmax(Buffer x, Buffer y, long rows, int columns) {
    Kernel kernel = Kernel.SOFTMAX;
    long count = elements(kernel, rows, columns);
    launch(
        begin(kernel)
            .floats("x", x, count)
            .floats("y", y, count)
            .int64("rows", rows)
            .int32("columns", columns));
  }

  /**
   * The logarithm of the sum of exponentials of each row: {@code y[row] = m + log(sum(exp(x - m)))}
   * with m the row's largest value, 0 where that is infinite.
   *
   * @param x {@code rows x columns}
   * @param y {@code rows} values
   */
  public void logSumExp(Buffer x, Buffer y, long rows, int columns) {
    Kernel kernel = Kernel.LOG_SUM_EXP;
    launch(
        begin(kernel)
            .floats("x", x, elements(kernel, rows, columns))
            .floats("y", y, rows)
            .int64("rows", rows)
            .int32("columns", columns));
  }

  /**
   * {@code dx = fma(upstream[row], exp(x - y[row]), beta * dx)}, just the product when beta is 0.
   * In place ({@code dx = x}) when beta is 0.
   *
   * @param x {@code rows x columns}
   * @param y {@code rows} values, from {@link #logSumExp}
   * @param upstream gradient of y, {@code rows} values
   * @param dx gradient of x, {@code rows x columns}
   */
  public void logSumExpBackward(
      Buffer x, Buffer y, Buffer upstream, Buffer dx, long rows, int columns, float beta) {
    Kernel kernel = Kernel.LOG_SUM_EXP_BACKWARD;
    long count = elements(kernel, rows, columns);
    launch(
        begin(kernel)
            .floats("x", x, count)
            .floats("y", y, rows)
            .floats("upstream", upstream, rows)
            .floats("dx", dx, count)
            .int64("rows", rows)
            .int32("columns", columns)
            .float32("beta", beta));
  }

  /**
   * {@code loss[0] = scale * sum over rows of w * (log(sum(exp(x - max))) - (x[label] - max))} with
   * {@code w = classWeights[label] * rowWeights[row]}, where there are any; stores the
   * probabilities for the backward. A label outside [0, columns) makes the loss NaN.
   *
   * @param logits {@code rows x columns}
   * @param labels {@code rows} values of int32
   * @param classWeights {@code columns} values, or null
   * @param rowWeights {@code rows} values, or null: a weight for each pixel
   * @param probabilities {@code rows x columns}
   * @param loss one value
   * @param workspace {@link #softmaxCrossEntropyWorkspace} floats; the rows' losses come first
   */
  public void softmaxCrossEntropy(
      Buffer logits,
      Buffer labels,
      Buffer classWeights,
      Buffer rowWeights,
      Buffer probabilities,
      Buffer loss,
      Buffer workspace,
      long rows,
      int columns,
      float scale) {
    Kernel kernel = Kernel.SOFTMAX_CROSS_ENTROPY;
    long count = elements(kernel, rows, columns);
    launch(
        begin(kernel)
            .floats("logits", logits, count)
            .operand("labels", labels, rows, Integer.BYTES)
            .floatsOrNull("class_weights", classWeights, columns)
            .floatsOrNull("row_weights", rowWeights, rows)
            .floats("probabilities", probabilities, count)
            .floats("loss", loss, 1)
            .floats("workspace", workspace, softmaxCrossEntropyWorkspace(rows))
            .int64("rows", rows)
            .int32("columns", columns)
            .float32("scale", scale));
  }

  /**
   * {@code dx = fma(upstream[0] * scale * w, p - onehot(label), beta * dx)}, just the product when
   * beta is 0.
   *
   * @param probabilities {@code rows x columns}, from {@link #softmaxCrossEntropy}
   * @param labels {@code rows} values of int32
   * @param classWeights {@code columns} values, or null
   * @param rowWeights {@code rows} values, or null
   * @param upstream gradient of the loss, one value
   * @param dx gradient of the logits, {@code rows x columns}
   */
  public void softmaxCrossEntropyBackward(
      Buffer probabilities,
      Buffer labels,
      Buffer classWeights,
      Buffer rowWeights,
      Buffer upstream,
      Buffer dx,
      long rows,
      int columns,
      float scale,
      float beta) {
    Kernel kernel = Kernel.SOFTMAX_CROSS_ENTROPY_BACKWARD;
    long count = elements(kernel, rows, columns);
    launch(
        begin(kernel)
            .floats("probabilities", probabilities, count)
            .operand("labels", labels, rows, Integer.BYTES)
            .floatsOrNull("class_weights", classWeights, columns)
            .floatsOrNull("row_weights", rowWeights, rows)
            .floats("upstream", upstream, 1)
            .floats("dx", dx, count)
            .int64("rows", rows)
            .int32("columns", columns)
            .float32("scale", scale)
            .float32("beta", beta));
  }

  /**
   * Kullback-Leibler sparsity of mean activations (Ng, CS294A lecture notes, 2011): {@code loss[0]
   * = scale * sum_j (rho * log(rho / q_j) + (1 - rho) * log((1 - rho) / (1 - q_j)))} with {@code
   * q_j = clamp(mean[j], 1e-6, 1 - 1e-6)}.
   *
   * @param mean {@code columns} values, the mean activation of each unit over the batch
   * @param loss one value
   * @param workspace {@link #klSparsityWorkspace} floats
   * @param rho the mean activation wished for, between 0 and 1
   */
  public void klSparsity(
      Buffer mean, Buffer loss, Buffer workspace, int columns, float rho, float scale) {
    Kernel kernel = Kernel.KL_SPARSITY;
    rho(kernel, rho);
    launch(
        begin(kernel)
            .floats("mean", mean, columns)
            .floats("loss", loss, 1)
            .floats("workspace", workspace, klSparsityWorkspace(columns))
            .int32("columns", columns)
            .float32("rho", rho)
            .float32("scale", scale));
  }

  /**
   * {@code dx[i, j] = beta * dx[i, j] + g_j} with {@code g_j = (upstream[0] * scale / rows) * ((1 -
   * rho) / (1 - q_j) - rho / q_j)}; no beta term when beta is 0.
   *
   * @param mean {@code columns} values, as for {@link #klSparsity}
   * @param upstream gradient of the loss, one value
   * @param dx gradient of the activations, {@code rows x columns}
   */
  public void klSparsityBackward(
      Buffer mean,
      Buffer upstream,
      Buffer dx,
      long rows,
      int columns,
      float rho,
      float scale,
      float beta) {
    Kernel kernel = Kernel.KL_SPARSITY_BACKWARD;
    rho(kernel, rho);
    launch(
        begin(kernel)
            .floats("mean", mean, columns)
            .floats("upstream", upstream, 1)
            .floats("dx", dx, elements(kernel, rows, columns))
            .int64("rows", rows)
            .int32("columns", columns)
            .float32("rho", rho)
            .float32("scale", scale)
            .float32("beta", beta));
  }

  /**
   * Keeps the k largest values of each row (of equal ones the lower column first; NaN counts as
   * smallest) and sets the others to 0. In place ({@code y = x}).
   *
   * @param x {@code rows x columns}
   * @param y {@code rows x columns}
   * @param mask {@code rows x columns}: 1 where kept, else 0
   * @param k from 1 to {@code columns}
   */
  public void topK(Buffer x, Buffer y, Buffer mask, long rows, int columns, int k) {
    Kernel kernel = Kernel.TOP_K;
    long count = elements(kernel, rows, columns);
    if (k < 1 || k > columns) {
      throw new IllegalArgumentException(
          "top_k: k is %d: expected 1 to %d, the number of columns.".formatted(k, columns));
    }
    launch(
        begin(kernel)
            .floats("x", x, count)
            .floats("y", y, count)
            .floats("mask", mask, count)
            .int64("rows", rows)
            .int32("columns", columns)
            .int32("k", k));
  }

  /**
   * Random numbers by Philox 4x32-10 (Salmon et al. 2011) with counter words {@code (element / 4,
   * stream, step low, step high)} and the seed as key; word {@code element % 4} belongs to the
   * element.
   *
   * <ul>
   *   <li>Uniform: {@code fma(u, b - a, a)} with {@code u = (word >> 8) * 2^-24}.
   *   <li>Normal: {@code fma(z, b, a)} with z by Box and Muller from words (0, 1) and (2, 3).
   * </ul>
   *
   * @param y {@code count} values
   * @param step one uint64, read when the kernel runs
   * @param a lower end, or mean
   * @param b upper end, or standard deviation
   */
  public void random(
      Distribution distribution,
      Buffer y,
      Buffer step,
      long count,
      RandomKey key,
      float a,
      float b) {
    Kernel kernel = Kernel.RANDOM;
    notNull(kernel, "distribution", distribution);
    notNull(kernel, "key", key);
    launch(
        begin(kernel)
            .floats("y", y, count)
            .operand("step", step, 1, Long.BYTES)
            .int64("count", count)
            .int64("seed", key.seed())
            .int32("stream", key.stream())
            .int32("distribution", distribution.code())
            .float32("a", a)
            .float32("b", b));
  }

  /**
   * {@code y = u >= probability ? x * scale : 0} with u uniform in [0, 1) as in {@link #random}. In
   * place. Scale 1 is masking noise (Vincent et al. 2010), {@code 1 / (1 - probability)} dropout.
   *
   * @param step one uint64, read when the kernel runs
   * @param count elements of x and y
   * @param probability of a 0, from 0 to 1
   */
  public void maskNoise(
      Buffer x, Buffer y, Buffer step, long count, RandomKey key, float probability, float scale) {
    Kernel kernel = Kernel.MASK_NOISE;
    notNull(kernel, "key", key);
    fraction(kernel, "probability", probability);
    launch(
        begin(kernel)
            .floats("x", x, count)
            .floats("y", y, count)
            .operand("step", step, 1, Long.BYTES)
            .int64("count", count)
            .int64("seed", key.seed())
            .int32("stream", key.stream())
            .float32("probability", probability)
            .float32("scale", scale));
  }

  /**
   * {@code y = u < x ? 1 : 0} with u uniform in [0, 1) as in {@link #random}: a draw of each
   * probability x. In place.
   *
   * @param step one uint64, read when the kernel runs
   * @param count elements of x and y
   */
  public void binarize(Buffer x, Buffer y, Buffer step, long count, RandomKey key) {
    Kernel kernel = Kernel.BINARIZE;
    notNull(kernel, "key", key);
    launch(
        begin(kernel)
            .floats("x", x, count)
            .floats("y", y, count)
            .operand("step", step, 1, Long.BYTES)
            .int64("count", count)
            .int64("seed", key.seed())
            .int32("stream", key.stream()));
  }

  /**
   * The next batch of a data set: row i of the batch is position {@code p = step * rows + i} of an
   * endless stream of epochs, {@code epoch = p / source.rows}. It is row {@code p % source.rows} of
   * the source, sent through a bijection drawn from (seed, epoch) when shuffled. Bytes become
   * {@code value / 255}.
   *
   * @param y {@code rows x source.columns}: int32 of int32, else float32
   * @param rows rows of the batch
   * @param step one uint64, read when the kernel runs
   * @param shuffle whether each epoch has an order of its own
   * @param seed what the orders are drawn from
   */
  public void gatherRows(
      RowSource source, Buffer y, int rows, Buffer step, boolean shuffle, long seed) {
    Kernel kernel = Kernel.GATHER_ROWS;
    notNull(kernel, "source", source);
    launch(
        begin(kernel)
            .operand(
                "source",
                source.buffer(),
                elements(kernel, source.rows(), source.columns()),
                source.elementType().byteSize())
            .operand("y", y, elements(kernel, rows, source.columns()), Integer.BYTES)
            .operand("step", step, 1, Long.BYTES)
            .int64("source_rows", source.rows())
            .int64("seed", seed)
            .int32("rows", rows)
            .int32("columns", source.columns())
            .int32("element", source.elementType().code())
            .int32("shuffle", shuffle ? 1 : 0));
  }

  /**
   * Distorts each image of a batch at random: rotation, scaling, shearing and shifting about its
   * centre, read between pixels (bilinear), 0 outside. The formula is in kernels.h.
   *
   * @param x {@code images x height x width x channels}
   * @param y as x, not the same memory
   * @param step one uint64, read when the kernel runs
   */
  public void affineWarp(
      Buffer x,
      Buffer y,
      Buffer step,
      RandomKey key,
      int images,
      int height,
      int width,
      int channels,
      AffineRange range) {
    Kernel kernel = Kernel.AFFINE_WARP;
    notNull(kernel, "key", key);
    notNull(kernel, "range", range);
    if (height < 0 || width < 0 || channels < 0) {
      throw new IllegalArgumentException(
          "affine_warp: images are %d x %d x %d: expected sizes of at least 0."
              .formatted(height, width, channels));
    }
    long rowSize = Math.multiplyExact((long) width, channels);
    long count = elements(kernel, images, Math.toIntExact(Math.multiplyExact(height, rowSize)));
    launch(
        begin(kernel)
            .floats("x", x, count)
            .floats("y", y, count)
            .operand("step", step, 1, Long.BYTES)
            .int64("seed", key.seed())
            .int32("images", images)
            .int32("height", height)
            .int32("width", width)
            .int32("channels", channels)
            .int32("stream", key.stream())
            .float32("probability", range.probability())
            .float32("rotation", range.rotation())
            .float32("scale", range.scale())
            .float32("shear", range.shear())
            .float32("shift", range.shift()));
  }

  /**
   * Where a random view of each image reads its pixels: a crop at a place drawn evenly from those
   * that fit, mirrored, turned and scaled about its centre and deformed elastically. A view that is
   * larger than the image has it somewhere inside. The formula is in kernels.h; {@link
   * #sampleImages} reads the image there.
   *
   * @param images the images viewed; their channels do not count
   * @param height rows of a view
   * @param width columns of a view
   * @param range how far views go
   * @param field {@code images.count x height x width x 2}: row and column, in pixels, 0 being the
   *     centre of the first
   * @param step one uint64, read when the kernel runs
   */
  public void deformationField(
      Images images,
      int height,
      int width,
      DeformationRange range,
      Buffer field,
      Buffer step,
      RandomKey key) {
    Kernel kernel = Kernel.DEFORMATION_FIELD;
    notNull(kernel, "images", images);
    notNull(kernel, "range", range);
    notNull(kernel, "key", key);
    Images views = images.resized(height, width).withChannels(2);
    sampled(kernel, images);
    sampled(kernel, views);
    if (range.quarterTurns() && height != width) {
      throw new IllegalArgumentException(
          "deformation_field: views are %d x %d: expected squares, which quarter turns need."
              .formatted(height, width));
    }
    launch(
        begin(kernel)
            .floats("field", field, views.elements())
            .operand("step", step, 1, Long.BYTES)
            .int64("seed", key.seed())
            .int32("images", images.count())
            .int32("source_height", images.height())
            .int32("source_width", images.width())
            .int32("height", height)
            .int32("width", width)
            .int32("mirror_left_right", range.mirrorLeftRight() ? 1 : 0)
            .int32("mirror_up_down", range.mirrorUpDown() ? 1 : 0)
            .int32("quarter_turns", range.quarterTurns() ? 1 : 0)
            .int32("grid", range.grid())
            .int32("stream", key.stream())
            .float32("rotation", range.rotation())
            .float32("scale", range.scale())
            .float32("elastic", range.elastic()));
  }

  /**
   * Images read at the places of a field, mirrored at the centres of their outermost pixels: row -1
   * is row 1. A place that is NaN or infinite is 0. The formula is in kernels.h.
   *
   * @param interpolation {@link Interpolation#NEAREST} moves elements of 32 bits of any type as
   *     they are, {@link Interpolation#BILINEAR} needs float32
   * @param x {@code images}
   * @param field {@code images.count x outputHeight x outputWidth x 2}: row and column, in pixels
   * @param y {@code images.resized(outputHeight, outputWidth)}
   */
  public void sampleImages(
      Interpolation interpolation,
      Images images,
      int outputHeight,
      int outputWidth,
      Buffer x,
      Buffer field,
      Buffer y) {
    Kernel kernel = Kernel.SAMPLE_IMAGES;
    notNull(kernel, "interpolation", interpolation);
    notNull(kernel, "images", images);
    Images output = images.resized(outputHeight, outputWidth);
    sampled(kernel, images);
    sampled(kernel, output);
    launch(
        sizes(
                begin(kernel)
                    .floats("x", x, images.elements())
                    .floats("field", field, output.withChannels(2).elements())
                    .floats("y", y, output.elements()),
                images)
            .int32("output_height", outputHeight)
            .int32("output_width", outputWidth)
            .int32("interpolation", interpolation.code()));
  }

  /**
   * Random contrast, brightness and gamma of each image: {@code y = (g - 0.5) * a + 0.5 + b} with
   * {@code g = x^c} where x is above 0, else x; a is drawn evenly from 1 plus or minus the
   * contrast, b from plus or minus the brightness, c from 1 plus or minus the gamma. Results are
   * not clamped to [0, 1]. The formula is in kernels.h. In place.
   *
   * @param images how many
   * @param size elements of an image
   * @param contrast in [0, 1]
   * @param brightness in [0, 1]
   * @param gamma in [0, 1]
   * @param step one uint64, read when the kernel runs
   */
  public void randomBrightness(
      Buffer x,
      Buffer y,
      Buffer step,
      RandomKey key,
      int images,
      long size,
      float contrast,
      float brightness,
      float gamma) {
    Kernel kernel = Kernel.RANDOM_BRIGHTNESS;
    notNull(kernel, "key", key);
    fraction(kernel, "contrast", contrast);
    fraction(kernel, "brightness", brightness);
    fraction(kernel, "gamma", gamma);
    long count = elements(kernel, size, images);
    launch(
        begin(kernel)
            .floats("x", x, count)
            .floats("y", y, count)
            .operand("step", step, 1, Long.BYTES)
            .int64("size", size)
            .int64("seed", key.seed())
            .int32("images", images)
            .int32("stream", key.stream())
            .float32("contrast", contrast)
            .float32("brightness", brightness)
            .float32("gamma", gamma));
  }

  /**
   * {@code state.step += 1}.
   *
   * @param state a {@link #TRAINING_STATE}
   */
  public void advance(Buffer state) {
    Kernel kernel = Kernel.ADVANCE;
    launch(begin(kernel).operand("state", state, TRAINING_STATE.byteSize(), 1));
  }

  /**
   * Sets {@code state.learning_rate} to the schedule's value at {@code state.step}, and multiplies
   * {@code beta1_power} and {@code beta2_power} with the schedule's decay rates. With s the step:
   *
   * <ul>
   *   <li>constant: {@code base};
   *   <li>warm-up and cosine: {@code base * (s + 1) / warmup} while {@code s < warmup}, then {@code
   *       floor + (base - floor) * (1 + cos(pi * t)) / 2} with {@code t = min(1, (s - warmup) /
   *       max(1, total - warmup))};
   *   <li>step decay: {@code base * factor ^ floor(s / every)}.
   * </ul>
   *
   * @param state a {@link #TRAINING_STATE}
   */
  public void schedule(Buffer state, Schedule schedule) {
    Kernel kernel = Kernel.SCHEDULE;
    notNull(kernel, "schedule", schedule);
    launch(
        begin(kernel)
            .operand("state", state, TRAINING_STATE.byteSize(), 1)
            .float64("base", schedule.base())
            .float64("floor", schedule.floor())
            .float64("factor", schedule.factor())
            .float64("beta1", schedule.beta1())
            .float64("beta2", schedule.beta2())
            .int64("warmup", schedule.warmup())
            .int64("total", schedule.total())
            .int64("every", schedule.every())
            .int32("kind", schedule.kind().code()));
  }

  /**
   * {@code y[0] = min(1, step / steps)}, computed in double: the weight of a term that is warmed up
   * from 0 to 1.
   *
   * @param step one uint64, read when the kernel runs
   * @param y one value
   * @param steps of the warm-up, 0 or more; without any the weight is 1
   */
  public void linearWarmup(Buffer step, Buffer y, long steps) {
    Kernel kernel = Kernel.LINEAR_WARMUP;
    if (steps < 0) {
      throw new IllegalArgumentException(
          "linear_warmup: steps is " + steps + ": expected 0 or more.");
    }
    launch(
        begin(kernel).operand("step", step, 1, Long.BYTES).floats("y", y, 1).int64("steps", steps));
  }

  /**
   * {@code state.gradient_norm = norm = sqrt(sum(g * g))} and {@code state.gradient_scale = norm >
   * maximum ? maximum / norm : 1}.
   *
   * @param state a {@link #TRAINING_STATE}
   * @param workspace {@link #clipNormWorkspace} floats
   * @param count elements of the gradients
   * @param maximum the largest norm allowed, above 0
   */
  public void clipNorm(
      Buffer gradients, Buffer state, Buffer workspace, long count, float maximum) {
    Kernel kernel = Kernel.CLIP_NORM;
    if (!(maximum > 0)) {
      throw new IllegalArgumentException(
          "clip_norm: maximum is " + maximum + ": expected a number above 0.");
    }
    launch(
        begin(kernel)
            .floats("gradients", gradients, count)
            .operand("state", state, TRAINING_STATE.byteSize(), 1)
            .floats("workspace", workspace, clipNormWorkspace(count))
            .int64("count", count)
            .float32("maximum", maximum));
  }

  /**
   * Stochastic gradient descent with momentum: {@code g = gradient * state.gradient_scale}; {@code
   * g = fma(weightDecay, p, g)} (left out when 0); {@code v = fma(momentum, v, g)}; {@code p =
   * fma(-learning_rate, nesterov ? fma(momentum, v, g) : v, p)}.
   *
   * @param velocity {@code count} values, kept from step to step, 0 at first
   * @param state a {@link #TRAINING_STATE}
   * @param count elements of parameters, gradients and velocity
   */
  public void sgd(
      Buffer parameters,
      Buffer gradients,
      Buffer velocity,
      Buffer state,
      long count,
      SgdOptions options) {
    Kernel kernel = Kernel.SGD;
    notNull(kernel, "options", options);
    launch(
        begin(kernel)
            .floats("parameters", parameters, count)
            .floats("gradients", gradients, count)
            .floats("velocity", velocity, count)
            .operand("state", state, TRAINING_STATE.byteSize(), 1)
            .int64("count", count)
            .float32("momentum", options.momentum())
            .float32("weight_decay", options.weightDecay())
            .int32("nesterov", options.nesterov() ? 1 : 0));
  }

  /**
   * Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019): {@code g = gradient *
   * state.gradient_scale}; not decoupled: {@code g = fma(weightDecay, p, g)}; {@code m = fma(1 -
   * beta1, g - m, m)}; {@code v = fma(1 - beta2, fma(g, g, -v), v)}; with {@code c1 = learning_rate
   * / (1 - beta1_power)} and {@code c2 = 1 / sqrt(1 - beta2_power)} taken in double; decoupled:
   * {@code p = fma(-learning_rate * weightDecay, p, p)}; {@code p = fma(-c1, m / fma(sqrt(v), c2,
   * epsilon), p)}.
   *
   * <p>The powers in the state have to be those after this update: launch {@link #schedule} first.
   *
   * @param firstMoment {@code count} values, kept from step to step, 0 at first
   * @param secondMoment {@code count} values, kept from step to step, 0 at first
   * @param state a {@link #TRAINING_STATE}
   * @param count elements of parameters, gradients and moments
   */
  public void adam(
      Buffer parameters,
      Buffer gradients,
      Buffer firstMoment,
      Buffer secondMoment,
      Buffer state,
      long count,
      AdamOptions options) {
    Kernel kernel = Kernel.ADAM;
    notNull(kernel, "options", options);
    launch(
        begin(kernel)
            .floats("parameters", parameters, count)
            .floats("gradients", gradients, count)
            .floats("first_moment", firstMoment, count)
            .floats("second_moment", secondMoment, count)
            .operand("state", state, TRAINING_STATE.byteSize(), 1)
            .int64("count", count)
            .float32("beta1", options.beta1())
            .float32("beta2", options.beta2())
            .float32("epsilon", options.epsilon())
            .float32("weight_decay", options.weightDecay())
            .int32("decoupled", options.decoupled() ? 1 : 0));
  }

  /**
   * Exponential moving average: {@code y = fma(1 - d, x - y, y)} with {@code d = min(decay, (1 + s)
   * / (10 + s))}, s being {@code state.step}, in double and rounded to float.
   *
   * @param x what is averaged
   * @param y the average
   * @param state a {@link #TRAINING_STATE}
   * @param count elements of x and y
   * @param decay from 0 to 1
   */
  public void average(Buffer x, Buffer y, Buffer state, long count, double decay) {
    Kernel kernel = Kernel.AVERAGE;
    if (!(decay >= 0 && decay <= 1)) {
      throw new IllegalArgumentException("average: decay is " + decay + ": expected 0 to 1.");
    }
    launch(
        begin(kernel)
            .floats("x", x, count)
            .floats("y", y, count)
            .operand("state", state, TRAINING_STATE.byteSize(), 1)
            .int64("count", count)
            .float64("decay", decay));
  }

  /**
   * Samples a diagonal Gaussian (Kingma and Welling 2014): {@code z = fma(exp(logVariance / 2), e,
   * mean)} with e normal of mean 0 and deviation 1 as in {@link #random}. In place ({@code z =
   * mean}).
   *
   * @param step one uint64, read when the kernel runs
   * @param count elements of mean, logVariance and z
   */
  public void reparameterize(
      Buffer mean, Buffer logVariance, Buffer z, Buffer step, long count, RandomKey key) {
    Kernel kernel = Kernel.REPARAMETERIZE;
    notNull(kernel, "key", key);
    launch(
        begin(kernel)
            .floats("mean", mean, count)
            .floats("log_variance", logVariance, count)
            .floats("z", z, count)
            .operand("step", step, 1, Long.BYTES)
            .int64("count", count)
            .int64("seed", key.seed())
            .int32("stream", key.stream()));
  }

  /**
   * {@code dLogVariance = fma(dz, e * exp(logVariance / 2) / 2, beta * dLogVariance)}, just the
   * product when beta is 0, with the e that {@link #reparameterize} drew: the step must be the
   * same. The gradient of the mean is dz itself. In place ({@code dLogVariance = dz}) when beta is
   * 0.
   *
   * @param step one uint64, read when the kernel runs
   * @param count elements of dz, logVariance and dLogVariance
   */
  public void reparameterizeBackward(
      Buffer dz,
      Buffer logVariance,
      Buffer dLogVariance,
      Buffer step,
      long count,
      RandomKey key,
      float beta) {
    Kernel kernel = Kernel.REPARAMETERIZE_BACKWARD;
    notNull(kernel, "key", key);
    launch(
        begin(kernel)
            .floats("dz", dz, count)
            .floats("log_variance", logVariance, count)
            .floats("dlog_variance", dLogVariance, count)
            .operand("step", step, 1, Long.BYTES)
            .int64("count", count)
            .int64("seed", key.seed())
            .int32("stream", key.stream())
            .float32("beta", beta));
  }

  /**
   * Kullback-Leibler divergence of {@code N(mean, exp(logVariance))} to {@code N(0, 1)}: {@code
   * divergence[row] = sum over columns of (mean^2 + exp(logVariance) - 1 - logVariance) / 2} and
   * {@code loss[0] = scale * sum(divergence)} (Kingma and Welling 2014, appendix B).
   *
   * @param mean {@code rows x columns}
   * @param logVariance {@code rows x columns}
   * @param divergence {@code rows} values
   * @param loss one value
   * @param workspace {@link #gaussianKlWorkspace} floats
   */
  public void gaussianKl(
      Buffer mean,
      Buffer logVariance,
      Buffer divergence,
      Buffer loss,
      Buffer workspace,
      long rows,
      int columns,
      float scale) {
    Kernel kernel = Kernel.GAUSSIAN_KL;
    long count = elements(kernel, rows, columns);
    launch(
        begin(kernel)
            .floats("mean", mean, count)
            .floats("log_variance", logVariance, count)
            .floats("divergence", divergence, rows)
            .floats("loss", loss, 1)
            .floats("workspace", workspace, gaussianKlWorkspace(rows))
            .int64("rows", rows)
            .int32("columns", columns)
            .float32("scale", scale));
  }

  /**
   * {@code dMean = fma(f, mean, meanBeta * dMean)} and {@code dLogVariance = fma(f,
   * (exp(logVariance) - 1) / 2, logVarianceBeta * dLogVariance)}, just the product where beta is 0,
   * with {@code f = upstream[0] * scale}, or {@code upstream[row] * scale}.
   *
   * @param upstream gradient of the loss, one value, or of the divergences, {@code rows} values
   * @param upstreamPerRow whether it is of the divergences
   * @param dMean gradient of the mean, {@code rows x columns}, or null
   * @param dLogVariance gradient of the logarithm of the variance, {@code rows x columns}, or null
   */
  public void gaussianKlBackward(
      Buffer mean,
      Buffer logVariance,
      Buffer upstream,
      boolean upstreamPerRow,
      Buffer dMean,
      Buffer dLogVariance,
      long rows,
      int columns,
      float scale,
      float meanBeta,
      float logVarianceBeta) {
    Kernel kernel = Kernel.GAUSSIAN_KL_BACKWARD;
    long count = elements(kernel, rows, columns);
    launch(
        begin(kernel)
            .floats("mean", mean, count)
            .floats("log_variance", logVariance, count)
            .floats("upstream", upstream, upstreamPerRow ? rows : 1)
            .floatsOrNull("dmean", dMean, count)
            .floatsOrNull("dlog_variance", dLogVariance, count)
            .int64("rows", rows)
            .int32("columns", columns)
            .int32("upstream_per_row", upstreamPerRow ? 1 : 0)
            .float32("scale", scale)
            .float32("mean_beta", meanBeta)
            .float32("log_variance_beta", logVarianceBeta));
  }

  /** Convolution of one operand: as the form with two, without the second. */
  public void conv2d(
      Convolution convolution,
      Buffer x,
      Buffer filter,
      Buffer bias,
      Buffer y,
      Activation activation,
      float beta) {
    conv2d(convolution, x, null, filter, bias, y, activation, beta);
  }

  /**
   * Logarithm of the probability of each row of targets t under Bernoulli variables with logits x:
   * {@code logLikelihood[r] = sum over columns of (x t - max(x, 0) - log(1 + exp(-|x|)))}. Row r of
   * the logits belongs to row {@code r / repeats} of the target. The order of the sum is in
   * kernels.h.
   *
   * @param logits {@code rows * repeats x columns}
   * @param target {@code rows x columns}, from 0 to 1
   * @param logLikelihood {@code rows * repeats} values
   * @param rows of the target
   * @param repeats rows of the logits for each row of the target, at least 1
   */
  public void bernoulliLogLikelihood(
      Buffer logits, Buffer target, Buffer logLikelihood, long rows, int columns, int repeats) {
    Kernel kernel = Kernel.BERNOULLI_LOG_LIKELIHOOD;
    long repeatedRows = repeatedRows(kernel, rows, repeats);
    launch(
        begin(kernel)
            .floats("logits", logits, elements(kernel, repeatedRows, columns))
            .floats("target", target, elements(kernel, rows, columns))
            .floats("log_likelihood", logLikelihood, repeatedRows)
            .int64("rows", rows)
            .int32("columns", columns)
            .int32("repeats", repeats));
  }

  /**
   * {@code dLogits = fma(upstream[r], t - sigmoid(x), beta * dLogits)}, just the product when beta
   * is 0. In place ({@code dLogits = logits}) when beta is 0.
   *
   * @param logits {@code rows * repeats x columns}
   * @param target {@code rows x columns}
   * @param upstream gradient of the log-likelihoods, {@code rows * repeats} values
   * @param dLogits gradient of the logits, {@code rows * repeats x columns}
   * @param rows of the target
   * @param repeats rows of the logits for each row of the target, at least 1
   */
  public void bernoulliLogLikelihoodBackward(
      Buffer logits,
      Buffer target,
      Buffer upstream,
      Buffer dLogits,
      long rows,
      int columns,
      int repeats,
      float beta) {
    Kernel kernel = Kernel.BERNOULLI_LOG_LIKELIHOOD_BACKWARD;
    long repeatedRows = repeatedRows(kernel, rows, repeats);
    long count = elements(kernel, repeatedRows, columns);
    launch(
        begin(kernel)
            .floats("logits", logits, count)
            .floats("target", target, elements(kernel, rows, columns))
            .floats("upstream", upstream, repeatedRows)
            .floats("dlogits", dLogits, count)
            .int64("rows", rows)
            .int32("columns", columns)
            .int32("repeats", repeats)
            .float32("beta", beta));
  }

  /**
   * Logarithm of the density of each row of x under a diagonal Gaussian: {@code logDensity[r] =
   * -0.5 * sum over columns of (log(2 pi) + logVariance + (x - mean)^2 exp(-logVariance))}. Row r
   * of x belongs to row {@code r / repeats} of mean and log variance.
   *
   * @param x {@code rows * repeats x columns}
   * @param mean {@code rows x columns}, or null for 0
   * @param logVariance {@code rows x columns}, or null for 0
   * @param logDensity {@code rows * repeats} values
   * @param rows of mean and log variance
   * @param repeats rows of x for each of them, at least 1
   */
  public void gaussianLogDensity(
      Buffer x,
      Buffer mean,
      Buffer logVariance,
      Buffer logDensity,
      long rows,
      int columns,
      int repeats) {
    Kernel kernel = Kernel.GAUSSIAN_LOG_DENSITY;
    long repeatedRows = repeatedRows(kernel, rows, repeats);
    long count = elements(kernel, rows, columns);
    launch(
        begin(kernel)
            .floats("x", x, elements(kernel, repeatedRows, columns))
            .floatsOrNull("mean", mean, count)
            .floatsOrNull("log_variance", logVariance, count)
            .floats("log_density", logDensity, repeatedRows)
            .int64("rows", rows)
            .int32("columns", columns)
            .int32("repeats", repeats));
  }

  /**
   * With {@code q = (x - mean) exp(-logVariance)}: {@code dx = xBeta * dx - upstream[r] q}; {@code
   * dMean = meanBeta * dMean + sum of upstream[r] q} and {@code dLogVariance = logVarianceBeta *
   * dLogVariance + sum of upstream[r] ((x - mean) q - 1) / 2}, the sums over the row's repeats in
   * order.
   *
   * @param x {@code rows * repeats x columns}
   * @param mean {@code rows x columns}, or null for 0
   * @param logVariance {@code rows x columns}, or null for 0
   * @param upstream gradient of the log-densities, {@code rows * repeats} values
   * @param dx gradient of x, {@code rows * repeats x columns}, or null
   * @param dMean gradient of the mean, {@code rows x columns}, or null
   * @param dLogVariance gradient of the logarithm of the variance, {@code rows x columns}, or null
   * @param rows of mean and log variance
   * @param repeats rows of x for each of them, at least 1
   */
  public void gaussianLogDensityBackward(
      Buffer x,
      Buffer mean,
      Buffer logVariance,
      Buffer upstream,
      Buffer dx,
      Buffer dMean,
      Buffer dLogVariance,
      long rows,
      int columns,
      int repeats,
      float xBeta,
      float meanBeta,
      float logVarianceBeta) {
    Kernel kernel = Kernel.GAUSSIAN_LOG_DENSITY_BACKWARD;
    long repeatedRows = repeatedRows(kernel, rows, repeats);
    long count = elements(kernel, rows, columns);
    launch(
        begin(kernel)
            .floats("x", x, elements(kernel, repeatedRows, columns))
            .floatsOrNull("mean", mean, count)
            .floatsOrNull("log_variance", logVariance, count)
            .floats("upstream", upstream, repeatedRows)
            .floatsOrNull("dx", dx, elements(kernel, repeatedRows, columns))
            .floatsOrNull("dmean", dMean, count)
            .floatsOrNull("dlog_variance", dLogVariance, count)
            .int64("rows", rows)
            .int32("columns", columns)
            .int32("repeats", repeats)
            .float32("x_beta", xBeta)
            .float32("mean_beta", meanBeta)
            .float32("log_variance_beta", logVarianceBeta));
  }

  /**
   * Convolution: {@code y = activation(chain + bias)}, where the chain of {@code fma(x, filter,
   * chain)} over (row of the filter, column, channel) starts from {@code beta * y}, from +0 when
   * beta is 0. What a filter reads outside the image is 0. What {@link
   * ConvolutionAlgorithm#WINOGRAD} computes in its place is in kernels.h.
   *
   * @param x {@code convolution.firstImages()}, which are all but where the convolution is of two
   * @param secondX the images with the other channels, null where there are none
   * @param filter {@code [filters, window.height, window.width, channels]}
   * @param bias one value for each filter, or null
   * @param y {@code convolution.output()}
   * @param activation what is applied last
   * @param beta factor of what is in y
   */
  public void conv2d(
      Convolution convolution,
      Buffer x,
      Buffer secondX,
      Buffer filter,
      Buffer bias,
      Buffer y,
      Activation activation,
      float beta) {
    Kernel kernel = Kernel.CONV2D;
    notNull(kernel, "convolution", convolution);
    notNull(kernel, "activation", activation);
    launch(
        sizes(
                images(begin(kernel), convolution, "x", x, "second_x", secondX)
                    .floats("filter", filter, convolution.filterElements())
                    .floatsOrNull("bias", bias, convolution.filters())
                    .floats("y", y, convolution.output().elements()),
                convolution)
            .int32("activation", activation.function().code())
            .float32("slope", activation.slope())
            .float32("beta", beta));
  }

  /** The gradient of a convolution's only operand: as the form with two, without the second. */
  public void conv2dBackwardData(
      Convolution convolution,
      Buffer dy,
      Buffer filter,
      Buffer bias,
      Buffer dx,
      Activation activation,
      float beta) {
    conv2dBackwardData(convolution, dy, filter, bias, dx, null, activation, beta, 0);
  }

  /**
   * The gradient of a convolution's images or, with a bias and an activation, the transposed
   * convolution of dy (Zeiler et al. 2010): {@code dx = activation(chain + bias)}, where the chain
   * of {@code fma(dy, filter, chain)} over (row of the filter, column, filter) starts from {@code
   * beta * dx}, from +0 when beta is 0.
   *
   * @param dy {@code convolution.output()}
   * @param filter {@code [filters, window.height, window.width, channels]}
   * @param bias {@code channels} values, or null
   * @param dx {@code convolution.firstImages()}, which are all but where the convolution is of two
   * @param secondDx the images with the other channels, null where there are none
   * @param activation what is applied last
   * @param beta factor of what is in dx
   * @param secondBeta factor of what is in secondDx
   */
  public void conv2dBackwardData(
      Convolution convolution,
      Buffer dy,
      Buffer filter,
      Buffer bias,
      Buffer dx,
      Buffer secondDx,
      Activation activation,
      float beta,
      float secondBeta) {
    Kernel kernel = Kernel.CONV2D_BACKWARD_DATA;
    notNull(kernel, "convolution", convolution);
    notNull(kernel, "activation", activation);
    launch(
        sizes(
                images(
                    begin(kernel)
                        .floats("dy", dy, convolution.output().elements())
                        .floats("filter", filter, convolution.filterElements())
                        .floatsOrNull("bias", bias, convolution.images().channels()),
                    convolution,
                    "dx",
                    dx,
                    "second_dx",
                    secondDx),
                convolution)
            .int32("activation", activation.function().code())
            .float32("slope", activation.slope())
            .float32("beta", beta)
            .float32("second_beta", secondBeta));
  }

  /** The gradient of a convolution's filters: as the form with two operands, without the second. */
  public void conv2dBackwardFilter(
      Convolution convolution, Buffer x, Buffer dy, Buffer dFilter, Buffer workspace, float beta) {
    conv2dBackwardFilter(convolution, x, null, dy, dFilter, workspace, beta);
  }

  /**
   * The gradient of a convolution's filters: {@code dFilter = beta * dFilter + r}, where r adds up,
   * in their order, the results of chunks of output pixels, each one chain of {@code fma(dy, x,
   * chain)} from +0. The size of a chunk depends on the sizes of the convolution alone.
   *
   * @param x {@code convolution.firstImages()}, which are all but where the convolution is of two
   * @param secondX the images with the other channels, null where there are none
   * @param dy {@code convolution.output()}
   * @param dFilter {@code [filters, window.height, window.width, channels]}
   * @param workspace {@link Convolution#backwardFilterWorkspace} floats
   * @param beta factor of what is in dFilter
   */
  public void conv2dBackwardFilter(
      Convolution convolution,
      Buffer x,
      Buffer secondX,
      Buffer dy,
      Buffer dFilter,
      Buffer workspace,
      float beta) {
    Kernel kernel = Kernel.CONV2D_BACKWARD_FILTER;
    notNull(kernel, "convolution", convolution);
    launch(
        sizes(
                images(begin(kernel), convolution, "x", x, "second_x", secondX)
                    .floats("dy", dy, convolution.output().elements())
                    .floats("dfilter", dFilter, convolution.filterElements())
                    .floats("workspace", workspace, convolution.backwardFilterWorkspace()),
                convolution)
            .float32("beta", beta));
  }

  /**
   * The largest value of each window, channel by channel: of the window's pixels inside the image,
   * row by row, the first, then each that is larger than what was taken or NaN.
   *
   * @param window not dilated, with a padding below its size
   * @param x {@code images}
   * @param y {@code window.over(images)}
   * @param indices int32, as y: row * width + column of the pixel taken
   */
  public void maxPool(Images images, Window window, Buffer x, Buffer y, Buffer indices) {
    Kernel kernel = Kernel.MAX_POOL;
    pooled(kernel, images, window);
    Images output = window.over(images);
    launch(
        sizes(
            begin(kernel)
                .floats("x", x, images.elements())
                .floats("y", y, output.elements())
                .operand("indices", indices, output.elements(), Integer.BYTES),
            images,
            window));
  }

  /**
   * {@code dx = beta * dx + r}, just r when beta is 0: r adds up, row by row from +0, the dy of
   * those windows that took the pixel.
   *
   * @param dy {@code window.over(images)}
   * @param indices int32, from {@link #maxPool}
   * @param dx {@code images}
   */
  public void maxPoolBackward(
      Images images, Window window, Buffer dy, Buffer indices, Buffer dx, float beta) {
    Kernel kernel = Kernel.MAX_POOL_BACKWARD;
    pooled(kernel, images, window);
    Images output = window.over(images);
    launch(
        sizes(
                begin(kernel)
                    .floats("dy", dy, output.elements())
                    .operand("indices", indices, output.elements(), Integer.BYTES)
                    .floats("dx", dx, images.elements()),
                images,
                window)
            .float32("beta", beta));
  }

  /**
   * Images of another size; the formula is in kernels.h. Smaller ones are possible, but not
   * smoothed.
   *
   * @param x {@code images}
   * @param y {@code images.resized(outputHeight, outputWidth)}
   */
  public void upsample(
      Interpolation interpolation,
      Images images,
      int outputHeight,
      int outputWidth,
      Buffer x,
      Buffer y) {
    Kernel kernel = Kernel.UPSAMPLE;
    notNull(kernel, "interpolation", interpolation);
    notNull(kernel, "images", images);
    launch(
        sizes(
                begin(kernel)
                    .floats("x", x, images.elements())
                    .floats("y", y, images.resized(outputHeight, outputWidth).elements()),
                images)
            .int32("output_height", outputHeight)
            .int32("output_width", outputWidth)
            .int32("interpolation", interpolation.code()));
  }

  /**
   * {@code dx = beta * dx + r}, just r when beta is 0: r adds up, row by row from +0, what each
   * output pixel that reads the pixel has for it.
   *
   * @param dy {@code images.resized(outputHeight, outputWidth)}
   * @param dx {@code images}
   */
  public void upsampleBackward(
      Interpolation interpolation,
      Images images,
      int outputHeight,
      int outputWidth,
      Buffer dy,
      Buffer dx,
      float beta) {
    Kernel kernel = Kernel.UPSAMPLE_BACKWARD;
    notNull(kernel, "interpolation", interpolation);
    notNull(kernel, "images", images);
    launch(
        sizes(
                begin(kernel)
                    .floats("dy", dy, images.resized(outputHeight, outputWidth).elements())
                    .floats("dx", dx, images.elements()),
                images)
            .int32("output_height", outputHeight)
            .int32("output_width", outputWidth)
            .int32("interpolation", interpolation.code())
            .float32("beta", beta));
  }

  /**
   * Mean and variance of each group: the sum of x, and then of {@code (x - mean)^2}, divided by the
   * number m of elements. With running statistics, which batch normalisation alone may have, {@code
   * running = fma(momentum, new - running, running)}; of the variance, new is {@code variance * m /
   * (m - 1)}.
   *
   * @param x {@code images x rows x columns}
   * @param mean {@code images x groups}
   * @param variance {@code images x groups}
   * @param runningMean {@code columns} values, or null
   * @param runningVariance {@code columns} values, or null
   * @param workspace {@link Normalization#statisticsWorkspace} floats
   * @param momentum the weight of the new statistics, from 0 to 1
   */
  public void normalizeStatistics(
      Normalization normalization,
      Buffer x,
      Buffer mean,
      Buffer variance,
      Buffer runningMean,
      Buffer runningVariance,
      Buffer workspace,
      float momentum) {
    Kernel kernel = Kernel.NORMALIZE_STATISTICS;
    notNull(kernel, "normalization", normalization);
    boolean running = runningMean != null || runningVariance != null;
    if (running
        && (normalization.images() != 1 || normalization.groups() != normalization.columns())) {
      throw new IllegalArgumentException(
          ("normalize_statistics: %d images and %d groups of %d columns have no running statistics:"
                  + " expected 1 image and a group for each column.")
              .formatted(normalization.images(), normalization.groups(), normalization.columns()));
    }
    if (!(momentum >= 0 && momentum <= 1)) {
      throw new IllegalArgumentException(
          "normalize_statistics: momentum is " + momentum + ": expected 0 to 1.");
    }
    launch(
        sizes(
                begin(kernel)
                    .floats("x", x, normalization.elements())
                    .floats("mean", mean, normalization.statistics())
                    .floats("variance", variance, normalization.statistics())
                    .floatsOrNull("running_mean", runningMean, normalization.columns())
                    .floatsOrNull("running_variance", runningVariance, normalization.columns())
                    .floats("workspace", workspace, normalization.statisticsWorkspace()),
                normalization)
            .float32("momentum", momentum));
  }

  /**
   * {@code y = activation(fma((x - mean) / sqrt(variance + epsilon), scale, shift))}. In place.
   *
   * @param x {@code images x rows x columns}
   * @param mean {@code images x groups}
   * @param variance {@code images x groups}
   * @param scale {@code columns} values
   * @param shift {@code columns} values
   * @param y as x
   */
  public void normalize(
      Normalization normalization,
      Buffer x,
      Buffer mean,
      Buffer variance,
      Buffer scale,
      Buffer shift,
      Buffer y,
      Activation activation) {
    Kernel kernel = Kernel.NORMALIZE;
    notNull(kernel, "normalization", normalization);
    notNull(kernel, "activation", activation);
    launch(
        sizes(
                begin(kernel)
                    .floats("x", x, normalization.elements())
                    .floats("mean", mean, normalization.statistics())
                    .floats("variance", variance, normalization.statistics())
                    .floats("scale", scale, normalization.columns())
                    .floats("shift", shift, normalization.columns())
                    .floats("y", y, normalization.elements()),
                normalization)
            .float32("epsilon", normalization.epsilon())
            .int32("activation", activation.function().code())
            .float32("slope", activation.slope()));
  }

  /**
   * The gradients of scale and shift, {@code dShift = shiftBeta * dShift + sum of dz} and {@code
   * dScale = scaleBeta * dScale + sum of dz * n}, and what {@link #normalizeBackward} needs: the
   * means over each group of {@code scale * dz} and {@code scale * dz * n}. Here n is the
   * normalised x and {@code dz = dy * the activation's derivative} at what {@link #normalize} gave,
   * which is computed again, as that is faster than to read it.
   *
   * @param x {@code images x rows x columns}
   * @param dy gradient of what {@link #normalize} gave, as x
   * @param dScale {@code columns} values, or null
   * @param dShift {@code columns} values, or null
   * @param sums {@code 2 x images x groups}
   * @param workspace {@link Normalization#backwardWorkspace} floats
   */
  public void normalizeBackwardStatistics(
      Normalization normalization,
      Buffer x,
      Buffer dy,
      Buffer mean,
      Buffer variance,
      Buffer scale,
      Buffer shift,
      Buffer dScale,
      Buffer dShift,
      Buffer sums,
      Buffer workspace,
      Activation activation,
      float scaleBeta,
      float shiftBeta) {
    Kernel kernel = Kernel.NORMALIZE_BACKWARD_STATISTICS;
    notNull(kernel, "normalization", normalization);
    notNull(kernel, "activation", activation);
    launch(
        sizes(
                begin(kernel)
                    .floats("x", x, normalization.elements())
                    .floats("dy", dy, normalization.elements())
                    .floats("mean", mean, normalization.statistics())
                    .floats("variance", variance, normalization.statistics())
                    .floats("scale", scale, normalization.columns())
                    .floats("shift", shift, normalization.columns())
                    .floatsOrNull("dscale", dScale, normalization.columns())
                    .floatsOrNull("dshift", dShift, normalization.columns())
                    .floats("sums", sums, 2 * normalization.statistics())
                    .floats("workspace", workspace, normalization.backwardWorkspace()),
                normalization)
            .float32("epsilon", normalization.epsilon())
            .int32("activation", activation.function().code())
            .float32("slope", activation.slope())
            .float32("scale_beta", scaleBeta)
            .float32("shift_beta", shiftBeta));
  }

  /**
   * {@code dx = fma(i, scale * dz - first - n * second, beta * dx)}, just the product when beta is
   * 0, with {@code i = 1 / sqrt(variance + epsilon)}, first and second the two halves of sums, and
   * dz and n as for {@link #normalizeBackwardStatistics}. In place ({@code dx = dy}) when beta is
   * 0.
   *
   * @param sums from {@link #normalizeBackwardStatistics}, or zeros where mean and variance do not
   *     depend on x
   * @param dx {@code images x rows x columns}
   */
  public void normalizeBackward(
      Normalization normalization,
      Buffer x,
      Buffer dy,
      Buffer mean,
      Buffer variance,
      Buffer scale,
      Buffer shift,
      Buffer sums,
      Buffer dx,
      Activation activation,
      float beta) {
    Kernel kernel = Kernel.NORMALIZE_BACKWARD;
    notNull(kernel, "normalization", normalization);
    notNull(kernel, "activation", activation);
    launch(
        sizes(
                begin(kernel)
                    .floats("x", x, normalization.elements())
                    .floats("dy", dy, normalization.elements())
                    .floats("mean", mean, normalization.statistics())
                    .floats("variance", variance, normalization.statistics())
                    .floats("scale", scale, normalization.columns())
                    .floats("shift", shift, normalization.columns())
                    .floats("sums", sums, 2 * normalization.statistics())
                    .floats("dx", dx, normalization.elements()),
                normalization)
            .float32("epsilon", normalization.epsilon())
            .int32("activation", activation.function().code())
            .float32("slope", activation.slope())
            .float32("beta", beta));
  }

  /**
   * Soft Dice loss (Milletari et al. 2016, without squares): {@code loss[0] = scale * sum over
   * images and columns of (1 - (2 * overlap + smooth) / (total + smooth))}, where overlap adds up
   * the probabilities of the column's class at its labels, and total all its probabilities and the
   * number of its labels. A label outside [0, columns) is no column's.
   *
   * @param probabilities {@code images x rows x columns}
   * @param labels {@code images x rows} values of int32
   * @param sums {@code 2 x images x columns}: overlap and total, for the backward
   * @param loss one value
   * @param workspace {@link #diceWorkspace} floats
   * @param rows of an image: its pixels
   * @param smooth added above and below, 0 or more
   */
  public void dice(
      Buffer probabilities,
      Buffer labels,
      Buffer sums,
      Buffer loss,
      Buffer workspace,
      int images,
      long rows,
      int columns,
      float smooth,
      float scale) {
    Kernel kernel = Kernel.DICE;
    long pixels = elements(kernel, rows, images);
    smooth(kernel, smooth);
    launch(
        begin(kernel)
            .floats("probabilities", probabilities, elements(kernel, pixels, columns))
            .operand("labels", labels, pixels, Integer.BYTES)
            .floats("sums", sums, 2L * images * columns)
            .floats("loss", loss, 1)
            .floats("workspace", workspace, diceWorkspace(images, rows, columns))
            .int64("rows", rows)
            .int32("images", images)
            .int32("columns", columns)
            .float32("smooth", smooth)
            .float32("scale", scale));
  }

  /**
   * {@code dx = fma(upstream[0] * scale, g, beta * dx)}, just the product when beta is 0, with
   * {@code g = (2 * overlap + smooth) / (total + smooth)^2}, less {@code 2 / (total + smooth)}
   * where the label is the column.
   *
   * @param labels {@code images x rows} values of int32
   * @param sums from {@link #dice}
   * @param upstream gradient of the loss, one value
   * @param dx gradient of the probabilities, {@code images x rows x columns}
   */
  public void diceBackward(
      Buffer labels,
      Buffer sums,
      Buffer upstream,
      Buffer dx,
      int images,
      long rows,
      int columns,
      float smooth,
      float scale,
      float beta) {
    Kernel kernel = Kernel.DICE_BACKWARD;
    long pixels = elements(kernel, rows, images);
    smooth(kernel, smooth);
    launch(
        begin(kernel)
            .operand("labels", labels, pixels, Integer.BYTES)
            .floats("sums", sums, 2L * images * columns)
            .floats("upstream", upstream, 1)
            .floats("dx", dx, elements(kernel, pixels, columns))
            .int64("rows", rows)
            .int32("images", images)
            .int32("columns", columns)
            .float32("smooth", smooth)
            .float32("scale", scale)
            .float32("beta", beta));
  }

  private Arguments begin(Kernel kernel) {
    Arguments arguments = writers.getAndSet(slot(), null);
    return (arguments == null ? new Arguments(memory) : arguments).begin(kernel);
  }

  private void launch(Arguments arguments) {
    stream.launch(arguments.kernel(), arguments.finish());
    writers.setRelease(slot(), arguments);
  }

  private static int slot() {
    return (int) Thread.currentThread().threadId() & (SLOTS - 1);
  }

  private static void notNull(Kernel kernel, String operand, Object value) {
    if (value == null) {
      throw new NullPointerException(kernel.nativeName() + ": " + operand + " is null.");
    }
  }

  private static Arguments sizes(Arguments arguments, Images images) {
    return arguments
        .int32("images", images.count())
        .int32("height", images.height())
        .int32("width", images.width())
        .int32("channels", images.channels());
  }

  /** Writes the images of a convolution, which are one operand or two. */
  private static Arguments images(
      Arguments arguments,
      Convolution convolution,
      String operand,
      Buffer buffer,
      String secondOperand,
      Buffer secondBuffer) {
    arguments.floats(operand, buffer, convolution.firstImages().elements());
    if (convolution.secondChannels() > 0) {
      Images second = convolution.images().withChannels(convolution.secondChannels());
      return arguments.floats(secondOperand, secondBuffer, second.elements());
    }
    if (secondBuffer != null) {
      throw new IllegalArgumentException(
          "%s: operand %s is given, but the convolution is of one operand: expected null."
              .formatted(arguments.kernel().nativeName(), secondOperand));
    }
    return arguments.address(secondOperand, 0);
  }

  private static Arguments sizes(Arguments arguments, Convolution convolution) {
    Window window = convolution.window();
    Images output = convolution.output();
    return sizes(arguments, convolution.images())
        .int32("second_channels", convolution.secondChannels())
        .int32("filters", convolution.filters())
        .int32("filter_height", window.height())
        .int32("filter_width", window.width())
        .int32("output_height", output.height())
        .int32("output_width", output.width())
        .int32("stride_height", window.strideHeight())
        .int32("stride_width", window.strideWidth())
        .int32("padding_height", window.paddingHeight())
        .int32("padding_width", window.paddingWidth())
        .int32("dilation_height", window.dilationHeight())
        .int32("dilation_width", window.dilationWidth())
        .int32("algorithm", convolution.algorithm().code());
  }

  private static Arguments sizes(Arguments arguments, Images images, Window window) {
    Images output = window.over(images);
    return sizes(arguments, images)
        .int32("window_height", window.height())
        .int32("window_width", window.width())
        .int32("output_height", output.height())
        .int32("output_width", output.width())
        .int32("stride_height", window.strideHeight())
        .int32("stride_width", window.strideWidth())
        .int32("padding_height", window.paddingHeight())
        .int32("padding_width", window.paddingWidth());
  }

  private static Arguments sizes(Arguments arguments, Normalization normalization) {
    return arguments
        .int64("rows", normalization.rows())
        .int32("images", normalization.images())
        .int32("columns", normalization.columns())
        .int32("groups", normalization.groups());
  }

  /** Every window has to contain a pixel of the image. */
  private static void pooled(Kernel kernel, Images images, Window window) {
    notNull(kernel, "images", images);
    notNull(kernel, "window", window);
    if (window.dilationHeight() != 1
        || window.dilationWidth() != 1
        || window.paddingHeight() >= window.height()
        || window.paddingWidth() >= window.width()) {
      throw new IllegalArgumentException(
          "%s: %s: expected a window that is not dilated, with a padding below its size."
              .formatted(kernel.nativeName(), window));
    }
  }

  /** A float has to tell the places between two pixels apart. */
  private static void sampled(Kernel kernel, Images images) {
    if (Math.max(images.height(), images.width()) > LARGEST_SAMPLED) {
      throw new IllegalArgumentException(
          "%s: images are of %d x %d pixels: expected at most %d rows and columns."
              .formatted(kernel.nativeName(), images.height(), images.width(), LARGEST_SAMPLED));
    }
  }

  private static void fraction(Kernel kernel, String name, float value) {
    if (!(value >= 0 && value <= 1)) {
      throw new IllegalArgumentException(
          "%s: %s is %s: expected 0 to 1.".formatted(kernel.nativeName(), name, value));
    }
  }

  private static void smooth(Kernel kernel, float smooth) {
    if (!(smooth >= 0 && smooth < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "%s: smooth is %s: expected a finite number of 0 or more."
              .formatted(kernel.nativeName(), smooth));
    }
  }

  private static Arguments target(
      Arguments arguments, LossFunction function, Buffer target, long count) {
    if (function != LossFunction.ABSOLUTE_VALUE) {
      return arguments.floats("target", target, count);
    }
    if (target != null) {
      throw new IllegalArgumentException(
          arguments.kernel().nativeName() + ": ABSOLUTE_VALUE has no target: expected null.");
    }
    return arguments.address("target", 0);
  }

  private static void rho(Kernel kernel, float rho) {
    if (!(rho > 0 && rho < 1)) {
      throw new IllegalArgumentException(
          "%s: rho is %s: expected a number between 0 and 1.".formatted(kernel.nativeName(), rho));
    }
  }

  private static long elements(Kernel kernel, long rows, int columns) {
    if (rows < 0 || columns < 0) {
      throw new IllegalArgumentException(
          "%s: %d x %d elements: expected sizes of 0 or more."
              .formatted(kernel.nativeName(), rows, columns));
    }
    return multiply(kernel, rows, columns);
  }

  /** The rows of an operand that has several for each of another. */
  private static long repeatedRows(Kernel kernel, long rows, int repeats) {
    if (repeats < 1) {
      throw new IllegalArgumentException(
          "%s: repeats is %d: expected at least 1.".formatted(kernel.nativeName(), repeats));
    }
    return elements(kernel, rows, repeats);
  }

  private static long extent(
      Kernel kernel, String operand, long rows, int columns, int leadingDimension) {
    if (elements(kernel, rows, columns) == 0) {
      return 0;
    }
    if (leadingDimension < columns) {
      throw new IllegalArgumentException(
          "%s: operand %s has leading dimension %d: expected at least its %d columns."
              .formatted(kernel.nativeName(), operand, leadingDimension, columns));
    }
    return multiply(kernel, rows, leadingDimension) - leadingDimension + columns;
  }

  private static long multiply(Kernel kernel, long rows, int columns) {
    if (Math.multiplyHigh(rows, columns) != 0 || rows * columns < 0) {
      throw new IllegalArgumentException(
          "%s: %d x %d elements are more than any memory holds."
              .formatted(kernel.nativeName(), rows, columns));
    }
    return rows * columns;
  }

  private static long ceilDivide(long count, int chunk) {
    return Math.ceilDiv(count, chunk);
  }
}
