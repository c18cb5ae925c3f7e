package dev.clessidra.kernels;

import static dev.clessidra.kernels.Kernel.FieldType.FLOAT32;
import static dev.clessidra.kernels.Kernel.FieldType.FLOAT64;
import static dev.clessidra.kernels.Kernel.FieldType.INT32;
import static dev.clessidra.kernels.Kernel.FieldType.INT64;
import static dev.clessidra.kernels.Kernel.FieldType.POINTER;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The kernels that every device has. A kernel takes exactly one argument, a plain struct that the C
 * header {@code clessidra/kernels.h} defines and {@link #layout()} mirrors; what each kernel
 * computes stands with its typed method in {@link Kernels}.
 *
 * <p>The order of the constants is that of {@code CLESSIDRA_KERNELS}: a kernel's {@link #id()} is
 * its position.
 */
// A StructLayout and the lists made by List.copyOf are immutable; Error Prone cannot see it.
@SuppressWarnings("ImmutableEnumChecker")
public enum Kernel {
  /** {@link Kernels#gemm}. */
  GEMM(
      POINTER.named("a", "b", "bias", "c"),
      INT32.named("m", "n", "k", "lda", "ldb", "ldc", "transpose_a", "transpose_b", "activation"),
      FLOAT32.named("slope", "beta")),
  /** {@link Kernels#activationForward}. */
  ACTIVATION_FORWARD(
      POINTER.named("x", "y"),
      INT64.named("count"),
      INT32.named("activation"),
      FLOAT32.named("slope")),
  /** {@link Kernels#activationBackward}. */
  ACTIVATION_BACKWARD(
      POINTER.named("dy", "y", "dx"),
      INT64.named("count"),
      INT32.named("activation"),
      FLOAT32.named("slope", "beta")),
  /** {@link Kernels#unary}. */
  UNARY(
      POINTER.named("x", "y"),
      INT64.named("count"),
      INT32.named("function"),
      FLOAT32.named("alpha", "shift", "beta")),
  /** {@link Kernels#binary}. */
  BINARY(
      POINTER.named("a", "b", "y"),
      INT64.named("count", "b_count"),
      INT32.named("function"),
      FLOAT32.named("alpha", "beta")),
  /** {@link Kernels#fill}. */
  FILL(POINTER.named("y"), INT64.named("count"), FLOAT32.named("value")),
  /** {@link Kernels#copy}. */
  COPY(
      POINTER.named("x", "y"),
      INT64.named("rows"),
      INT32.named("columns", "ldx", "ldy"),
      FLOAT32.named("beta")),
  /** {@link Kernels#repeatRows}. */
  REPEAT_ROWS(POINTER.named("x", "y"), INT64.named("rows"), INT32.named("columns", "repeats")),
  /** {@link Kernels#repeatRowsBackward}. */
  REPEAT_ROWS_BACKWARD(
      POINTER.named("dy", "dx"),
      INT64.named("rows"),
      INT32.named("columns", "repeats"),
      FLOAT32.named("beta")),
  /** {@link Kernels#reduce}. */
  REDUCE(
      POINTER.named("x", "y", "workspace"),
      INT64.named("count"),
      INT32.named("reduction"),
      FLOAT32.named("scale", "beta")),
  /** {@link Kernels#reduceRows}. */
  REDUCE_ROWS(
      POINTER.named("x", "y"),
      INT64.named("rows"),
      INT32.named("columns", "reduction"),
      FLOAT32.named("scale", "beta")),
  /** {@link Kernels#reduceColumns}. */
  REDUCE_COLUMNS(
      POINTER.named("x", "y", "workspace"),
      INT64.named("rows"),
      INT32.named("columns", "reduction"),
      FLOAT32.named("scale", "beta")),
  /** {@link Kernels#loss}. */
  LOSS(
      POINTER.named("x", "target", "loss", "workspace"),
      INT64.named("count"),
      INT32.named("function"),
      FLOAT32.named("scale")),
  /** {@link Kernels#lossBackward}. */
  LOSS_BACKWARD(
      POINTER.named("x", "target", "upstream", "dx"),
      INT64.named("count"),
      INT32.named("function"),
      FLOAT32.named("scale", "beta")),
  /** {@link Kernels#softmax}. */
  SOFTMAX(POINTER.named("x", "y"), INT64.named("rows"), INT32.named("columns")),
  /** {@link Kernels#logSumExp}. */
  LOG_SUM_EXP(POINTER.named("x", "y"), INT64.named("rows"), INT32.named("columns")),
  /** {@link Kernels#logSumExpBackward}. */
  LOG_SUM_EXP_BACKWARD(
      POINTER.named("x", "y", "upstream", "dx"),
      INT64.named("rows"),
      INT32.named("columns"),
      FLOAT32.named("beta")),
  /** {@link Kernels#softmaxCrossEntropy}. */
  SOFTMAX_CROSS_ENTROPY(
      POINTER.named(
          "logits", "labels", "class_weights", "row_weights", "probabilities", "loss", "workspace"),
      INT64.named("rows"),
      INT32.named("columns"),
      FLOAT32.named("scale")),
  /** {@link Kernels#softmaxCrossEntropyBackward}. */
  SOFTMAX_CROSS_ENTROPY_BACKWARD(
      POINTER.named("probabilities", "labels", "class_weights", "row_weights", "upstream", "dx"),
      INT64.named("rows"),
      INT32.named("columns"),
      FLOAT32.named("scale", "beta")),
  /** {@link Kernels#klSparsity}. */
  KL_SPARSITY(
      POINTER.named("mean", "loss", "workspace"),
      INT32.named("columns"),
      FLOAT32.named("rho", "scale")),
  /** {@link Kernels#klSparsityBackward}. */
  KL_SPARSITY_BACKWARD(
      POINTER.named("mean", "upstream", "dx"),
      INT64.named("rows"),
      INT32.named("columns"),
      FLOAT32.named("rho", "scale", "beta")),
  /** {@link Kernels#topK}. */
  TOP_K(POINTER.named("x", "y", "mask"), INT64.named("rows"), INT32.named("columns", "k")),
  /** {@link Kernels#random}. */
  RANDOM(
      POINTER.named("y", "step"),
      INT64.named("count", "seed"),
      INT32.named("stream", "distribution"),
      FLOAT32.named("a", "b")),
  /** {@link Kernels#maskNoise}. */
  MASK_NOISE(
      POINTER.named("x", "y", "step"),
      INT64.named("count", "seed"),
      INT32.named("stream"),
      FLOAT32.named("probability", "scale")),
  /** {@link Kernels#binarize}. */
  BINARIZE(POINTER.named("x", "y", "step"), INT64.named("count", "seed"), INT32.named("stream")),
  /** {@link Kernels#gatherRows}. */
  GATHER_ROWS(
      POINTER.named("source", "y", "step"),
      INT64.named("source_rows", "seed"),
      INT32.named("rows", "columns", "element", "shuffle")),
  /** {@link Kernels#affineWarp}. */
  AFFINE_WARP(
      POINTER.named("x", "y", "step"),
      INT64.named("seed"),
      INT32.named("images", "height", "width", "channels", "stream"),
      FLOAT32.named("probability", "rotation", "scale", "shear", "shift")),
  /** {@link Kernels#deformationField}. */
  DEFORMATION_FIELD(
      POINTER.named("field", "step"),
      INT64.named("seed"),
      INT32.named(
          "images",
          "source_height",
          "source_width",
          "height",
          "width",
          "mirror_left_right",
          "mirror_up_down",
          "quarter_turns",
          "grid",
          "stream"),
      FLOAT32.named("rotation", "scale", "elastic")),
  /** {@link Kernels#sampleImages}. */
  SAMPLE_IMAGES(
      POINTER.named("x", "field", "y"),
      INT32.named(
          "images",
          "height",
          "width",
          "channels",
          "output_height",
          "output_width",
          "interpolation")),
  /** {@link Kernels#randomBrightness}. */
  RANDOM_BRIGHTNESS(
      POINTER.named("x", "y", "step"),
      INT64.named("size", "seed"),
      INT32.named("images", "stream"),
      FLOAT32.named("contrast", "brightness", "gamma")),
  /** {@link Kernels#advance}. */
  ADVANCE(POINTER.named("state")),
  /** {@link Kernels#schedule}. */
  SCHEDULE(
      POINTER.named("state"),
      FLOAT64.named("base", "floor", "factor", "beta1", "beta2"),
      INT64.named("warmup", "total", "every"),
      INT32.named("kind")),
  /** {@link Kernels#linearWarmup}. */
  LINEAR_WARMUP(POINTER.named("step", "y"), INT64.named("steps")),
  /** {@link Kernels#clipNorm}. */
  CLIP_NORM(
      POINTER.named("gradients", "state", "workspace"),
      INT64.named("count"),
      FLOAT32.named("maximum")),
  /** {@link Kernels#sgd}. */
  SGD(
      POINTER.named("parameters", "gradients", "velocity", "state"),
      INT64.named("count"),
      FLOAT32.named("momentum", "weight_decay"),
      INT32.named("nesterov")),
  /** {@link Kernels#adam}. */
  ADAM(
      POINTER.named("parameters", "gradients", "first_moment", "second_moment", "state"),
      INT64.named("count"),
      FLOAT32.named("beta1", "beta2", "epsilon", "weight_decay"),
      INT32.named("decoupled")),
  /** {@link Kernels#average}. */
  AVERAGE(POINTER.named("x", "y", "state"), INT64.named("count"), FLOAT64.named("decay")),
  /** {@link Kernels#reparameterize}. */
  REPARAMETERIZE(
      POINTER.named("mean", "log_variance", "z", "step"),
      INT64.named("count", "seed"),
      INT32.named("stream")),
  /** {@link Kernels#reparameterizeBackward}. */
  REPARAMETERIZE_BACKWARD(
      POINTER.named("dz", "log_variance", "dlog_variance", "step"),
      INT64.named("count", "seed"),
      INT32.named("stream"),
      FLOAT32.named("beta")),
  /** {@link Kernels#gaussianKl}. */
  GAUSSIAN_KL(
      POINTER.named("mean", "log_variance", "divergence", "loss", "workspace"),
      INT64.named("rows"),
      INT32.named("columns"),
      FLOAT32.named("scale")),
  /** {@link Kernels#gaussianKlBackward}. */
  GAUSSIAN_KL_BACKWARD(
      POINTER.named("mean", "log_variance", "upstream", "dmean", "dlog_variance"),
      INT64.named("rows"),
      INT32.named("columns", "upstream_per_row"),
      FLOAT32.named("scale", "mean_beta", "log_variance_beta")),
  /** {@link Kernels#bernoulliLogLikelihood}. */
  BERNOULLI_LOG_LIKELIHOOD(
      POINTER.named("logits", "target", "log_likelihood"),
      INT64.named("rows"),
      INT32.named("columns", "repeats")),
  /** {@link Kernels#bernoulliLogLikelihoodBackward}. */
  BERNOULLI_LOG_LIKELIHOOD_BACKWARD(
      POINTER.named("logits", "target", "upstream", "dlogits"),
      INT64.named("rows"),
      INT32.named("columns", "repeats"),
      FLOAT32.named("beta")),
  /** {@link Kernels#gaussianLogDensity}. */
  GAUSSIAN_LOG_DENSITY(
      POINTER.named("x", "mean", "log_variance", "log_density"),
      INT64.named("rows"),
      INT32.named("columns", "repeats")),
  /** {@link Kernels#gaussianLogDensityBackward}. */
  GAUSSIAN_LOG_DENSITY_BACKWARD(
      POINTER.named("x", "mean", "log_variance", "upstream", "dx", "dmean", "dlog_variance"),
      INT64.named("rows"),
      INT32.named("columns", "repeats"),
      FLOAT32.named("x_beta", "mean_beta", "log_variance_beta")),
  /** {@link Kernels#conv2d}. */
  CONV2D(
      POINTER.named("x", "second_x", "filter", "bias", "y"),
      INT32.named(
          "images",
          "height",
          "width",
          "channels",
          "second_channels",
          "filters",
          "filter_height",
          "filter_width",
          "output_height",
          "output_width",
          "stride_height",
          "stride_width",
          "padding_height",
          "padding_width",
          "dilation_height",
          "dilation_width",
          "algorithm",
          "activation"),
      FLOAT32.named("slope", "beta")),
  /** {@link Kernels#conv2dBackwardData}. */
  CONV2D_BACKWARD_DATA(
      POINTER.named("dy", "filter", "bias", "dx", "second_dx"),
      INT32.named(
          "images",
          "height",
          "width",
          "channels",
          "second_channels",
          "filters",
          "filter_height",
          "filter_width",
          "output_height",
          "output_width",
          "stride_height",
          "stride_width",
          "padding_height",
          "padding_width",
          "dilation_height",
          "dilation_width",
          "algorithm",
          "activation"),
      FLOAT32.named("slope", "beta", "second_beta")),
  /** {@link Kernels#conv2dBackwardFilter}. */
  CONV2D_BACKWARD_FILTER(
      POINTER.named("x", "second_x", "dy", "dfilter", "workspace"),
      INT32.named(
          "images",
          "height",
          "width",
          "channels",
          "second_channels",
          "filters",
          "filter_height",
          "filter_width",
          "output_height",
          "output_width",
          "stride_height",
          "stride_width",
          "padding_height",
          "padding_width",
          "dilation_height",
          "dilation_width",
          "algorithm"),
      FLOAT32.named("beta")),
  /** {@link Kernels#maxPool}. */
  MAX_POOL(
      POINTER.named("x", "y", "indices"),
      INT32.named(
          "images",
          "height",
          "width",
          "channels",
          "window_height",
          "window_width",
          "output_height",
          "output_width",
          "stride_height",
          "stride_width",
          "padding_height",
          "padding_width")),
  /** {@link Kernels#maxPoolBackward}. */
  MAX_POOL_BACKWARD(
      POINTER.named("dy", "indices", "dx"),
      INT32.named(
          "images",
          "height",
          "width",
          "channels",
          "window_height",
          "window_width",
          "output_height",
          "output_width",
          "stride_height",
          "stride_width",
          "padding_height",
          "padding_width"),
      FLOAT32.named("beta")),
  /** {@link Kernels#upsample}. */
  UPSAMPLE(
      POINTER.named("x", "y"),
      INT32.named(
          "images",
          "height",
          "width",
          "channels",
          "output_height",
          "output_width",
          "interpolation")),
  /** {@link Kernels#upsampleBackward}. */
  UPSAMPLE_BACKWARD(
      POINTER.named("dy", "dx"),
      INT32.named(
          "images",
          "height",
          "width",
          "channels",
          "output_height",
          "output_width",
          "interpolation"),
      FLOAT32.named("beta")),
  /** {@link Kernels#normalizeStatistics}. */
  NORMALIZE_STATISTICS(
      POINTER.named("x", "mean", "variance", "running_mean", "running_variance", "workspace"),
      INT64.named("rows"),
      INT32.named("images", "columns", "groups"),
      FLOAT32.named("momentum")),
  /** {@link Kernels#normalize}. */
  NORMALIZE(
      POINTER.named("x", "mean", "variance", "scale", "shift", "y"),
      INT64.named("rows"),
      INT32.named("images", "columns", "groups"),
      FLOAT32.named("epsilon"),
      INT32.named("activation"),
      FLOAT32.named("slope")),
  /** {@link Kernels#normalizeBackwardStatistics}. */
  NORMALIZE_BACKWARD_STATISTICS(
      POINTER.named(
          "x", "dy", "mean", "variance", "scale", "shift", "dscale", "dshift", "sums", "workspace"),
      INT64.named("rows"),
      INT32.named("images", "columns", "groups"),
      FLOAT32.named("epsilon"),
      INT32.named("activation"),
      FLOAT32.named("slope", "scale_beta", "shift_beta")),
  /** {@link Kernels#normalizeBackward}. */
  NORMALIZE_BACKWARD(
      POINTER.named("x", "dy", "mean", "variance", "scale", "shift", "sums", "dx"),
      INT64.named("rows"),
      INT32.named("images", "columns", "groups"),
      FLOAT32.named("epsilon"),
      INT32.named("activation"),
      FLOAT32.named("slope", "beta")),
  /** {@link Kernels#dice}. */
  DICE(
      POINTER.named("probabilities", "labels", "sums", "loss", "workspace"),
      INT64.named("rows"),
      INT32.named("images", "columns"),
      FLOAT32.named("smooth", "scale")),
  /** {@link Kernels#diceBackward}. */
  DICE_BACKWARD(
      POINTER.named("labels", "sums", "upstream", "dx"),
      INT64.named("rows"),
      INT32.named("images", "columns"),
      FLOAT32.named("smooth", "scale", "beta"));

  /** Size in bytes of the largest argument struct. */
  public static final int MAXIMUM_ARGUMENT_BYTES = maximumArgumentBytes();

  private final String nativeName;
  private final List<Field> fields;
  private final List<Field> pointers;
  private final StructLayout layout;

  @SafeVarargs
  @SuppressWarnings("varargs") // only read
  Kernel(List<Field>... groups) {
    nativeName = name().toLowerCase(Locale.ROOT);
    List<MemoryLayout> members = new ArrayList<>();
    List<Field> placed = new ArrayList<>();
    int offset = 0;
    int alignment = 1;
    for (List<Field> group : groups) {
      for (Field field : group) {
        int size = field.byteSize();
        alignment = Math.max(alignment, size);
        int padding = -offset & (size - 1);
        if (padding > 0) {
          members.add(MemoryLayout.paddingLayout(padding));
        }
        offset += padding;
        placed.add(new Field(field.name(), field.type(), offset));
        members.add(field.type().layout.withName(field.name()));
        offset += size;
      }
    }
    int padding = -offset & (alignment - 1);
    if (padding > 0) {
      members.add(MemoryLayout.paddingLayout(padding));
    }
    fields = List.copyOf(placed);
    pointers = placed.stream().filter(field -> field.type() == POINTER).toList();
    layout =
        MemoryLayout.structLayout(members.toArray(MemoryLayout[]::new))
            .withName("clessidra_" + nativeName);
  }

  /** Returns the kernel's number in the native library: its position in this enum. */
  @SuppressWarnings("EnumOrdinal") // the position is the definition, here as in the C header
  public int id() {
    return ordinal();
  }

  /** Returns the kernel's name in the C header, e.g. {@code reduce_rows}. */
  public String nativeName() {
    return nativeName;
  }

  /** Returns the layout of the kernel's argument struct, padding included. */
  public StructLayout layout() {
    return layout;
  }

  /** Returns the size in bytes of the kernel's argument struct. */
  public int argumentBytes() {
    return (int) layout.byteSize();
  }

  /** Returns the fields of the argument struct in their order, an immutable list. */
  public List<Field> fields() {
    return fields;
  }

  /** Returns those of the fields that are device pointers, an immutable list. */
  public List<Field> pointers() {
    return pointers;
  }

  /**
   * Returns the floating-point operations of a launch, two a multiply-add: those of a product, or
   * of a convolution's direct sums, whatever the algorithm; 0 of other kernels.
   */
  double operations(MemorySegment arguments) {
    return switch (this) {
      case GEMM -> 2 * product(arguments, "m", "n", "k");
      case CONV2D, CONV2D_BACKWARD_DATA, CONV2D_BACKWARD_FILTER ->
          2
              * product(
                  arguments,
                  "images",
                  "output_height",
                  "output_width",
                  "filters",
                  "filter_height",
                  "filter_width",
                  "channels");
      default -> 0;
    };
  }

  private double product(MemorySegment arguments, String... sizes) {
    double product = 1;
    for (String size : sizes) {
      Field field =
          fields.stream().filter(each -> each.name().equals(size)).findFirst().orElseThrow();
      product *= arguments.get(ValueLayout.JAVA_INT, field.offset());
    }
    return product;
  }

  /** Returns all layouts as text, in the format of {@code clessidra_cpu_layouts}. */
  static String layouts() {
    StringBuilder text = new StringBuilder(1 << 14);
    for (Kernel kernel : values()) {
      text.append(kernel.nativeName()).append(' ').append(kernel.argumentBytes());
      for (Field field : kernel.fields) {
        text.append(' ').append(field.name());
        text.append(':').append(field.offset()).append(':').append(field.byteSize());
      }
      text.append('\n');
    }
    return text.toString();
  }

  private static int maximumArgumentBytes() {
    int maximum = 0;
    for (Kernel kernel : values()) {
      maximum = Math.max(maximum, kernel.argumentBytes());
    }
    return maximum;
  }

  /**
   * A field of an argument struct.
   *
   * @param name the name in the C header
   * @param type what it holds
   * @param offset where it starts, in bytes from the start of the struct
   */
  public record Field(String name, FieldType type, int offset) {

    /** Returns the field's size in bytes, which is its alignment as well. */
    public int byteSize() {
      return (int) type.layout.byteSize();
    }
  }

  /** What a field of an argument struct holds. */
  public enum FieldType {
    /** An address in device memory, or 0. */
    POINTER(ValueLayout.JAVA_LONG),
    /** {@code int32_t} or {@code uint32_t}. */
    INT32(ValueLayout.JAVA_INT),
    /** {@code int64_t} or {@code uint64_t}. */
    INT64(ValueLayout.JAVA_LONG),
    /** {@code float}. */
    FLOAT32(ValueLayout.JAVA_FLOAT),
    /** {@code double}. */
    FLOAT64(ValueLayout.JAVA_DOUBLE);

    private final ValueLayout layout;

    FieldType(ValueLayout layout) {
      this.layout = layout;
    }

    // The offsets are set when the kernel's struct is put together.
    private List<Field> named(String... names) {
      return List.of(names).stream().map(name -> new Field(name, this, 0)).toList();
    }
  }
}
