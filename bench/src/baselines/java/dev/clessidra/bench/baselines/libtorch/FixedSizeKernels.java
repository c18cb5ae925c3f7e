package dev.clessidra.bench.baselines.libtorch;

import static dev.clessidra.bench.work.ModelSizes.BATCH;
import static dev.clessidra.bench.work.ModelSizes.CHANNELS;
import static dev.clessidra.bench.work.ModelSizes.CLASSES;
import static dev.clessidra.bench.work.ModelSizes.CLASS_PIXELS;
import static dev.clessidra.bench.work.ModelSizes.EPSILON;
import static dev.clessidra.bench.work.ModelSizes.HIDDEN;
import static dev.clessidra.bench.work.ModelSizes.IMAGES;
import static dev.clessidra.bench.work.ModelSizes.KEPT;
import static dev.clessidra.bench.work.ModelSizes.LEVEL;
import static dev.clessidra.bench.work.ModelSizes.PARAMETERS;
import static dev.clessidra.bench.work.ModelSizes.PIXELS;
import static dev.clessidra.bench.work.ModelSizes.REPEATS;
import static dev.clessidra.bench.work.ModelSizes.ROWS;
import static dev.clessidra.bench.work.ModelSizes.WIDTH;

import dev.clessidra.bench.work.FixedSizeKernel;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.kernels.Images;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;

/**
 * Kernels of the models' sizes, where the library has such an operation or a few make it up. Left
 * out are random numbers, which cannot be compared, and what is Clessidra's own: schedules,
 * augmentation, the KL sparsity. Results go where there is memory already, where the library can.
 */
final class FixedSizeKernels {
  private static final long SUM = 2; // at::Reduction
  private static final long NO_INDEX = -100;
  private static final long[] PIXEL_DIMENSIONS = {0, 2, 3};
  private static final Images HALF = LEVEL.resized(LEVEL.height() / 2, LEVEL.width() / 2);
  private static final Images DOUBLE = LEVEL.resized(2 * LEVEL.height(), 2 * LEVEL.width());

  private static final Images CLASS_IMAGES = LEVEL.withChannels(CLASSES);
  private static final List<MemoryFormat> FORMATS =
      List.of(MemoryFormat.ChannelsLast, MemoryFormat.Contiguous);

  private final Inputs inputs;

  private FixedSizeKernels(Inputs inputs) {
    this.inputs = inputs;
  }

  /** Several ways where the library has several that may be the fastest; none if it has none. */
  static List<Supplier<Implementation>> ways(FixedSizeKernel kernel, Inputs inputs) {
    return new FixedSizeKernels(inputs).ways(kernel);
  }

  private List<Supplier<Implementation>> ways(FixedSizeKernel kernel) {
    return switch (kernel) {
      case ACTIVATION_FORWARD, ACTIVATION_BACKWARD, UNARY, BINARY, FILL -> elements(kernel);
      case REDUCE, REDUCE_ROWS, REDUCE_COLUMNS, REPEAT_ROWS, REPEAT_ROWS_BACKWARD -> sums(kernel);
      case LOSS, LOSS_BACKWARD -> losses(kernel);
      case SOFTMAX, SOFTMAX_CROSS_ENTROPY, SOFTMAX_CROSS_ENTROPY_BACKWARD -> classes(kernel);
      case LOG_SUM_EXP,
          LOG_SUM_EXP_BACKWARD,
          GAUSSIAN_KL_BACKWARD,
          BERNOULLI_LOG_LIKELIHOOD,
          BERNOULLI_LOG_LIKELIHOOD_BACKWARD,
          GAUSSIAN_LOG_DENSITY ->
          latent(kernel);
      case TOP_K -> topK();
      case SGD, ADAM, AVERAGE -> updates(kernel);
      case MAX_POOL,
          MAX_POOL_BACKWARD,
          UPSAMPLE,
          UPSAMPLE_BACKWARD,
          NORMALIZE_STATISTICS,
          NORMALIZE,
          NORMALIZE_BACKWARD_STATISTICS ->
          images(kernel);
      default -> List.of();
    };
  }

  private List<Supplier<Implementation>> elements(FixedSizeKernel kernel) {
    Supplier<Tensor> layer = empty(BATCH, WIDTH);
    return switch (kernel) {
      case ACTIVATION_FORWARD ->
          way(
              List.of(input("x", BATCH, WIDTH), layer),
              all -> torch.relu_out(all.get(1), all.get(0)));
      case ACTIVATION_BACKWARD ->
          way(
              List.of(input("dy", BATCH, WIDTH), input("y", BATCH, WIDTH), layer),
              all ->
                  torch.threshold_backward_out(
                      all.get(2), all.get(0), all.get(1), Tensors.scalar(0)));
      case UNARY ->
          way(
              List.of(input("x", BATCH, WIDTH), layer),
              all -> torch.square_out(all.get(1), all.get(0)));
      case BINARY ->
          way(
              List.of(input("a", BATCH, WIDTH), input("b", BATCH, WIDTH), layer),
              all -> torch.mul_out(all.get(2), all.get(0), all.get(1)));
      default -> way(List.of(layer), all -> all.get(0).fill_(Tensors.scalar(1)));
    };
  }

  private List<Supplier<Implementation>> sums(FixedSizeKernel kernel) {
    return switch (kernel) {
      case REDUCE -> way(List.of(input("x", BATCH, WIDTH)), all -> all.get(0).sum());
      case REDUCE_ROWS -> sum(input("x", BATCH, WIDTH), 1, empty(BATCH));
      case REDUCE_COLUMNS -> sum(input("x", BATCH, WIDTH), 0, empty(WIDTH));
      case REPEAT_ROWS ->
          way(
              List.of(input("x", IMAGES, 1, HIDDEN), empty(IMAGES, REPEATS, HIDDEN)),
              all -> all.get(1).copy_(all.get(0).expand(IMAGES, REPEATS, HIDDEN)));
      default -> sum(input("dy", IMAGES, REPEATS, HIDDEN), 1, empty(IMAGES, HIDDEN));
    };
  }

  private static List<Supplier<Implementation>> sum(
      Supplier<Tensor> x, int dimension, Supplier<Tensor> y) {
    return way(
        List.of(x, y),
        all ->
            torch.sum_out(
                all.get(1), all.get(0), new long[] {dimension}, false, new ScalarTypeOptional()));
  }

  private List<Supplier<Implementation>> losses(FixedSizeKernel kernel) {
    Supplier<Tensor> logits = input("x", BATCH, PIXELS);
    Supplier<Tensor> target = input("target", BATCH, PIXELS);
    return switch (kernel) {
      case LOSS ->
          way(
              List.of(logits, target),
              all ->
                  torch.binary_cross_entropy_with_logits(
                      all.get(0), all.get(1), Tensors.none(), Tensors.none(), SUM));
      default ->
          way(
              List.of(logits, target, empty(BATCH, PIXELS), input("upstream", 1)),
              all -> torch.sigmoid_out(all.get(2), all.get(0)).sub_(all.get(1)).mul_(all.get(3)));
    };
  }

  /** A row of classes for each pixel; images of them, channels-last and contiguous. */
  private List<Supplier<Implementation>> classes(FixedSizeKernel kernel) {
    List<Supplier<Implementation>> ways =
        new ArrayList<>(
            classes(
                kernel,
                name -> input(name, CLASS_PIXELS, CLASSES),
                new long[] {CLASS_PIXELS},
                Function.identity()));
    for (MemoryFormat format : FORMATS) {
      ways.addAll(
          classes(
              kernel,
              name -> input(name, CLASS_IMAGES, format),
              new long[] {CLASS_IMAGES.count(), CLASS_IMAGES.height(), CLASS_IMAGES.width()},
              Tensors::channelsLast));
    }
    return ways;
  }

  private List<Supplier<Implementation>> classes(
      FixedSizeKernel kernel,
      Function<String, Supplier<Tensor>> input,
      long[] pixels,
      Function<Tensor, Tensor> layout) {
    Supplier<Tensor> labels = () -> Tensors.of(inputs.integers("labels"), pixels);
    return switch (kernel) {
      case SOFTMAX ->
          ways(
              List.of(input.apply("x"), like(input.apply("x"))),
              layout,
              all -> torch.softmax_out(all.get(1), all.get(0), 1));
      case SOFTMAX_CROSS_ENTROPY ->
          way(
              List.of(input.apply("logits"), labels),
              all ->
                  torch.cross_entropy_loss(
                      all.get(0), all.get(1), Tensors.none(), SUM, NO_INDEX, 0));
      default ->
          ways(
              List.of(
                  input.apply("probabilities"),
                  () -> labels.get().unsqueeze(1),
                  like(input.apply("probabilities")),
                  () ->
                      labels
                          .get()
                          .unsqueeze(1)
                          .to(torch.ScalarType.Float)
                          .fill_(Tensors.scalar(-1)),
                  input("upstream", 1)),
              layout,
              all ->
                  all.get(2)
                      .copy_(all.get(0))
                      .scatter_add_(1, all.get(1), all.get(3))
                      .mul_(all.get(4)));
    };
  }

  private List<Supplier<Implementation>> latent(FixedSizeKernel kernel) {
    return switch (kernel) {
      case LOG_SUM_EXP ->
          way(
              List.of(input("x", ROWS, REPEATS), empty(ROWS)),
              all -> torch.logsumexp_out(all.get(1), all.get(0), new long[] {1}, false));
      case LOG_SUM_EXP_BACKWARD ->
          way(
              List.of(
                  input("x", ROWS, REPEATS),
                  input("y", ROWS, 1),
                  input("upstream", ROWS, 1),
                  empty(ROWS, REPEATS)),
              all -> torch.sub_out(all.get(3), all.get(0), all.get(1)).exp_().mul_(all.get(2)));
      case GAUSSIAN_KL_BACKWARD ->
          way(
              List.of(
                  input("mean", BATCH, WIDTH),
                  input("log variance", BATCH, WIDTH),
                  input("upstream", 1),
                  empty(BATCH, WIDTH),
                  empty(BATCH, WIDTH)),
              all -> {
                Tensor upstream = all.get(2);
                var _ = torch.mul_out(all.get(3), all.get(0), upstream);
                return torch
                    .exp_out(all.get(4), all.get(1))
                    .sub_(Tensors.scalar(1))
                    .mul_(upstream.mul(Tensors.scalar(0.5)));
              });
      case BERNOULLI_LOG_LIKELIHOOD ->
          way(
              List.of(
                  input("logits", IMAGES, REPEATS, PIXELS),
                  input("target", IMAGES, 1, PIXELS),
                  empty(IMAGES, REPEATS, PIXELS)),
              all ->
                  torch
                      .binary_cross_entropy_with_logits(
                          all.get(0),
                          all.get(1).expand(IMAGES, REPEATS, PIXELS),
                          Tensors.none(),
                          Tensors.none(),
                          0)
                      .sum(2)
                      .neg_(),
              all -> {
                Tensor logits = all.get(0);
                return torch
                    .bmm(logits, all.get(1).transpose(1, 2))
                    .squeeze(2)
                    .sub_(torch.softplus_out(all.get(2), logits).sum(2));
              });
      case BERNOULLI_LOG_LIKELIHOOD_BACKWARD ->
          way(
              List.of(
                  input("logits", IMAGES, REPEATS, PIXELS),
                  input("target", IMAGES, 1, PIXELS),
                  input("upstream", IMAGES, REPEATS, 1),
                  empty(IMAGES, REPEATS, PIXELS)),
              all -> {
                Tensor y = torch.sigmoid_out(all.get(3), all.get(0));
                return torch.sub_out(y, all.get(1), y).mul_(all.get(2));
              });
      default ->
          way(
              List.of(
                  input("x", IMAGES, REPEATS, HIDDEN),
                  input("mean", IMAGES, 1, HIDDEN),
                  input("log variance", IMAGES, 1, HIDDEN),
                  empty(IMAGES, REPEATS, HIDDEN)),
              all -> {
                Tensor logVariance = all.get(2);
                Tensor distance = torch.sub_out(all.get(3), all.get(0), all.get(1));
                return distance
                    .mul_(distance)
                    .mul_(logVariance.neg().exp_())
                    .add_(logVariance)
                    .add_(Tensors.scalar(Math.log(2 * Math.PI)))
                    .sum(2)
                    .mul_(Tensors.scalar(-0.5));
              });
    };
  }

  private List<Supplier<Implementation>> topK() {
    return way(
        List.of(input("x", BATCH, WIDTH), () -> torch.empty(BATCH, WIDTH)),
        all -> {
          var largest = torch.topk(all.get(0), KEPT, 1, true, false);
          return all.get(1).zero_().scatter_(1, largest.get1(), largest.get0());
        });
  }

  private List<Supplier<Implementation>> updates(FixedSizeKernel kernel) {
    return switch (kernel) {
      case SGD ->
          way(
              List.of(
                  input("parameters", PARAMETERS),
                  input("gradients", PARAMETERS),
                  input("velocity", PARAMETERS)),
              all -> {
                Tensor velocity = all.get(2).mul_(Tensors.scalar(0.9)).add_(all.get(1));
                return all.get(0).sub_(velocity, Tensors.scalar(1e-3));
              },
              all -> fusedSgd(all.get(0), all.get(1), all.get(2)));
      case ADAM -> List.of(() -> new AdamUpdate(inputs, PARAMETERS));
      // The first step's weight of the new values.
      default ->
          way(
              List.of(input("x", PARAMETERS), input("y", PARAMETERS)),
              all -> all.get(1).lerp_(all.get(0), Tensors.scalar(0.9)));
    };
  }

  /** By the operator that Python's {@code SGD(fused=True)} calls. */
  private static Tensor fusedSgd(Tensor parameters, Tensor gradients, Tensor velocity) {
    Dispatcher.singleton()
        .findSchemaOrThrow("aten::_fused_sgd_", "")
        .callBoxed(
            new IValueVector(
                Tensors.list(List.of(parameters)),
                Tensors.list(List.of(gradients)),
                Tensors.list(List.of(velocity)),
                new IValue(0.0),
                new IValue(0.9),
                new IValue(1e-3),
                new IValue(0.0),
                new IValue(false),
                new IValue(false),
                new IValue(false),
                new IValue(),
                new IValue()));
    return parameters;
  }

  /** Channels-last and contiguous. */
  private List<Supplier<Implementation>> images(FixedSizeKernel kernel) {
    List<Supplier<Implementation>> ways = new ArrayList<>();
    for (MemoryFormat format : FORMATS) {
      ways.addAll(images(kernel, format));
    }
    return ways;
  }

  private List<Supplier<Implementation>> images(FixedSizeKernel kernel, MemoryFormat format) {
    long[] two = {2, 2};
    long[] none = {0, 0};
    long[] one = {1, 1};
    return switch (kernel) {
      case MAX_POOL ->
          image(
              List.of(
                  input("x", LEVEL, format),
                  () -> Tensors.emptyImages(HALF, format),
                  () -> Tensors.emptyImages(HALF, format).to(torch.ScalarType.Long)),
              all ->
                  torch
                      .max_pool2d_with_indices_out(
                          all.get(1), all.get(2), all.get(0), two, two, none, one, false)
                      .get0());
      case MAX_POOL_BACKWARD ->
          image(
              List.of(
                  input("dy", HALF, format),
                  input("x", LEVEL, format),
                  () ->
                      torch
                          .max_pool2d_with_indices(
                              input("x", LEVEL, format).get(), two, two, none, one, false)
                          .get1()
                          // Its own: the pair is gone when the operand is used.
                          .clone(),
                  () -> Tensors.emptyImages(LEVEL, format)),
              all ->
                  torch.max_pool2d_with_indices_backward_out(
                      all.get(3), all.get(0), all.get(1), two, two, none, one, false, all.get(2)));
      case UPSAMPLE ->
          image(
              List.of(input("x", LEVEL, format), () -> Tensors.emptyImages(DOUBLE, format)),
              all ->
                  torch.upsample_bilinear2d_out(
                      all.get(1),
                      all.get(0),
                      new long[] {DOUBLE.height(), DOUBLE.width()},
                      false,
                      new DoubleOptional(),
                      new DoubleOptional()));
      case UPSAMPLE_BACKWARD ->
          image(
              List.of(input("dy", DOUBLE, format), () -> Tensors.emptyImages(LEVEL, format)),
              all ->
                  torch.upsample_bilinear2d_backward_out(
                      all.get(1),
                      all.get(0),
                      new long[] {DOUBLE.height(), DOUBLE.width()},
                      new long[] {LEVEL.count(), CHANNELS, LEVEL.height(), LEVEL.width()},
                      false,
                      new DoubleOptional(),
                      new DoubleOptional()));
      case NORMALIZE_STATISTICS ->
          List.of(
              Expression.of(
                  List.of(input("x", LEVEL, format)),
                  all -> () -> torch.var_mean(all.get(0), PIXEL_DIMENSIONS, false, false).get0()),
              // What its layers call.
              Expression.of(
                  List.of(input("x", LEVEL, format)),
                  all ->
                      () ->
                          torch
                              .batch_norm_update_stats(
                                  all.get(0), Tensors.none(), Tensors.none(), 0)
                              .get1()));
      case NORMALIZE ->
          image(
              List.of(
                  input("x", LEVEL, format),
                  input("mean", CHANNELS),
                  input("variance", CHANNELS),
                  input("scale", CHANNELS),
                  input("shift", CHANNELS),
                  () -> Tensors.emptyImages(LEVEL, format),
                  empty(0)),
              all -> normalize(all.get(0), all.get(1), all.get(2), all.get(3), all.get(4)),
              all ->
                  torch
                      .native_batch_norm_out(
                          all.get(5),
                          all.get(6),
                          all.get(6),
                          all.get(0),
                          Tensors.optional(all.get(3)),
                          Tensors.optional(all.get(4)),
                          Tensors.optional(all.get(1)),
                          Tensors.optional(all.get(2)),
                          false,
                          0,
                          EPSILON)
                      .get0()
                      .relu_());
      default ->
          way(
              List.of(
                  input("x", LEVEL, format),
                  input("dy", LEVEL, format),
                  input("mean", CHANNELS),
                  () -> input("variance", CHANNELS).get().add_(Tensors.scalar(EPSILON)).rsqrt(),
                  input("scale", CHANNELS),
                  () ->
                      normalize(
                          input("x", LEVEL, format).get(),
                          input("mean", CHANNELS).get(),
                          input("variance", CHANNELS).get(),
                          input("scale", CHANNELS).get(),
                          input("shift", CHANNELS).get()),
                  () -> Tensors.emptyImages(LEVEL, format)),
              all -> {
                Tensor scale = all.get(4);
                T_TensorTensorTensor_T gradients =
                    torch.native_batch_norm_backward(
                        torch.threshold_backward_out(
                            all.get(6), all.get(1), all.get(5), Tensors.scalar(0)),
                        all.get(0),
                        Tensors.optional(scale),
                        Tensors.none(),
                        Tensors.none(),
                        Tensors.optional(all.get(2)),
                        Tensors.optional(all.get(3)),
                        true,
                        EPSILON,
                        new BoolPointer(3).put(0, false).put(1, true).put(2, true));
                return torch
                    .stack(new TensorVector(gradients.get2(), gradients.get1()), 0)
                    .mul_(scale.div(Tensors.scalar(CLASS_PIXELS)));
              });
    };
  }

  private static Tensor normalize(
      Tensor x, Tensor mean, Tensor variance, Tensor scale, Tensor shift) {
    return torch
        .batch_norm(
            x,
            Tensors.optional(scale),
            Tensors.optional(shift),
            Tensors.optional(mean),
            Tensors.optional(variance),
            false,
            0,
            EPSILON,
            false)
        .relu_();
  }

  private Supplier<Tensor> input(String name, long... shape) {
    return () -> Tensors.of(inputs.floats(name), shape);
  }

  private Supplier<Tensor> input(String name, Images sizes, MemoryFormat format) {
    return () -> Tensors.images(inputs.floats(name), sizes).contiguous(format);
  }

  private static Supplier<Tensor> empty(long... shape) {
    return () -> torch.empty(shape);
  }

  /** Memory of the shape and the format of an operand. */
  private static Supplier<Tensor> like(Supplier<Tensor> operand) {
    return () -> torch.empty_like(operand.get());
  }

  @SafeVarargs
  private static List<Supplier<Implementation>> way(
      List<Supplier<Tensor>> operands, Function<List<Tensor>, Tensor>... operations) {
    return ways(operands, Function.identity(), operations);
  }

  /** As {@link #way}, where the result are images. */
  @SafeVarargs
  private static List<Supplier<Implementation>> image(
      List<Supplier<Tensor>> operands, Function<List<Tensor>, Tensor>... operations) {
    return ways(operands, Tensors::channelsLast, operations);
  }

  @SafeVarargs
  private static List<Supplier<Implementation>> ways(
      List<Supplier<Tensor>> operands,
      Function<Tensor, Tensor> layout,
      Function<List<Tensor>, Tensor>... operations) {
    List<Supplier<Implementation>> ways = new ArrayList<>();
    for (Function<List<Tensor>, Tensor> operation : operations) {
      ways.add(Expression.of(operands, all -> () -> operation.apply(all), layout));
    }
    return ways;
  }
}
