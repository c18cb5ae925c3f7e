package dev.clessidra.bench.work;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.AdamOptions;
import dev.clessidra.kernels.AffineRange;
import dev.clessidra.kernels.BinaryFunction;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.DeformationRange;
import dev.clessidra.kernels.Distribution;
import dev.clessidra.kernels.ElementType;
import dev.clessidra.kernels.Interpolation;
import dev.clessidra.kernels.Kernel;
import dev.clessidra.kernels.Kernels;
import dev.clessidra.kernels.LossFunction;
import dev.clessidra.kernels.Reduction;
import dev.clessidra.kernels.RowSource;
import dev.clessidra.kernels.Schedule;
import dev.clessidra.kernels.SgdOptions;
import dev.clessidra.kernels.UnaryFunction;
import java.util.Locale;
import java.util.function.UnaryOperator;

/**
 * Every kernel that has no work of its own to choose sizes for, in the sizes of the models: a layer
 * of 1000 units or digits in batches of 256, the parameters of the deep autoencoder, a U-Net's
 * first level with 32 channels on four images of 128 x 128, an importance-weighted estimate of 20
 * images with 50 samples each. Memory limits most of them; their names are the kernels'.
 */
// The functions that make inputs hold nothing; Error Prone cannot see it.
@SuppressWarnings("ImmutableEnumChecker")
public enum FixedSizeKernel implements KernelWork {
  /** ReLU of a layer. */
  ACTIVATION_FORWARD(
      "256x1000",
      ModelSizes.LAYER,
      2.0 * ModelSizes.LAYER,
      in -> in.uniform("x", ModelSizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", ModelSizes.LAYER);
      return operands.launching(
          y, () -> operands.kernels().activationForward(x, y, ModelSizes.LAYER, Activation.RELU));
    }
  },
  /** The gradient of ReLU of a layer. */
  ACTIVATION_BACKWARD(
      "256x1000",
      ModelSizes.LAYER,
      3.0 * ModelSizes.LAYER,
      in -> in.uniform("dy", ModelSizes.LAYER).uniform("y", ModelSizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer dy = operands.input("dy");
      Buffer y = operands.input("y");
      Buffer dx = operands.results("dx", ModelSizes.LAYER);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .activationBackward(dy, y, dx, ModelSizes.LAYER, Activation.RELU, 0));
    }
  },
  /** The squares of a layer. */
  UNARY(
      "256x1000",
      ModelSizes.LAYER,
      2.0 * ModelSizes.LAYER,
      in -> in.uniform("x", ModelSizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", ModelSizes.LAYER);
      return operands.launching(
          y, () -> operands.kernels().unary(UnaryFunction.SQUARE, x, y, ModelSizes.LAYER, 1, 0, 0));
    }
  },
  /** The product of two layers, element by element. */
  BINARY(
      "256x1000",
      ModelSizes.LAYER,
      3.0 * ModelSizes.LAYER,
      in -> in.uniform("a", ModelSizes.LAYER).uniform("b", ModelSizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer a = operands.input("a");
      Buffer b = operands.input("b");
      Buffer y = operands.results("y", ModelSizes.LAYER);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .binary(
                      BinaryFunction.MULTIPLY, a, b, y, ModelSizes.LAYER, ModelSizes.LAYER, 1, 0));
    }
  },
  /** One value everywhere in a layer. */
  FILL("256x1000", ModelSizes.LAYER, 1.0 * ModelSizes.LAYER, in -> in) {
    @Override
    public Implementation on(Operands operands) {
      Buffer y = operands.results("y", ModelSizes.LAYER);
      return operands.launching(y, () -> operands.kernels().fill(y, ModelSizes.LAYER, 1));
    }
  },
  /** Each row of 20 layers of 200 fifty times. */
  REPEAT_ROWS(
      "20x200x50",
      ModelSizes.REPEATED,
      ModelSizes.REPEATED * (1 + 1.0 / ModelSizes.REPEATS),
      in -> in.uniform("x", ModelSizes.REPEATED / ModelSizes.REPEATS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", ModelSizes.REPEATED);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .repeatRows(x, y, ModelSizes.IMAGES, ModelSizes.HIDDEN, ModelSizes.REPEATS));
    }
  },
  /** Fifty rows added up to one, for 20 layers of 200. */
  REPEAT_ROWS_BACKWARD(
      "20x200x50",
      ModelSizes.IMAGES * ModelSizes.HIDDEN,
      ModelSizes.REPEATED * (1 + 1.0 / ModelSizes.REPEATS),
      in -> in.uniform("dy", ModelSizes.REPEATED)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer dy = operands.input("dy");
      Buffer dx = operands.results("dx", ModelSizes.IMAGES * ModelSizes.HIDDEN);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .repeatRowsBackward(
                      dy, dx, ModelSizes.IMAGES, ModelSizes.HIDDEN, ModelSizes.REPEATS, 0));
    }
  },
  /** The sum of a layer. */
  REDUCE("256x1000", 1, 1.0 * ModelSizes.LAYER, in -> in.uniform("x", ModelSizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", 1);
      Buffer workspace = operands.results("workspace", Kernels.reduceWorkspace(ModelSizes.LAYER));
      return operands.launching(
          y,
          () -> operands.kernels().reduce(Reduction.SUM, x, y, workspace, ModelSizes.LAYER, 1, 0));
    }
  },
  /** The sum of each row of a layer. */
  REDUCE_ROWS(
      "256x1000",
      ModelSizes.BATCH,
      1.0 * ModelSizes.LAYER,
      in -> in.uniform("x", ModelSizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", ModelSizes.BATCH);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .reduceRows(Reduction.SUM, x, y, ModelSizes.BATCH, ModelSizes.WIDTH, 1, 0));
    }
  },
  /** The gradient of a bias: the sum of each column of a layer. */
  REDUCE_COLUMNS(
      "256x1000",
      ModelSizes.WIDTH,
      1.0 * ModelSizes.LAYER,
      in -> in.uniform("x", ModelSizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", ModelSizes.WIDTH);
      Buffer workspace =
          operands.results(
              "workspace", Kernels.reduceColumnsWorkspace(ModelSizes.BATCH, ModelSizes.WIDTH));
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .reduceColumns(
                      Reduction.SUM, x, y, workspace, ModelSizes.BATCH, ModelSizes.WIDTH, 1, 0));
    }
  },
  /** The cross-entropy of reconstructed digits. */
  LOSS(
      "256x784",
      1,
      2.0 * ModelSizes.DIGITS,
      in -> in.uniform("x", ModelSizes.DIGITS, -6, 6).uniform("target", ModelSizes.DIGITS, 0, 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer target = operands.input("target");
      Buffer loss = operands.results("loss", 1);
      Buffer workspace = operands.results("workspace", Kernels.lossWorkspace(ModelSizes.DIGITS));
      return operands.launching(
          loss,
          () ->
              operands
                  .kernels()
                  .loss(
                      LossFunction.BINARY_CROSS_ENTROPY,
                      x,
                      target,
                      loss,
                      workspace,
                      ModelSizes.DIGITS,
                      1));
    }
  },
  /** Its gradient. */
  LOSS_BACKWARD(
      "256x784",
      ModelSizes.DIGITS,
      3.0 * ModelSizes.DIGITS,
      in ->
          in.uniform("x", ModelSizes.DIGITS, -6, 6)
              .uniform("target", ModelSizes.DIGITS, 0, 1)
              .uniform("upstream", 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer target = operands.input("target");
      Buffer upstream = operands.input("upstream");
      Buffer dx = operands.results("dx", ModelSizes.DIGITS);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .lossBackward(
                      LossFunction.BINARY_CROSS_ENTROPY,
                      x,
                      target,
                      upstream,
                      dx,
                      ModelSizes.DIGITS,
                      1,
                      0));
    }
  },
  /** Of two classes a pixel. */
  SOFTMAX(
      "65536x2",
      ModelSizes.CLASS_PIXELS * ModelSizes.CLASSES,
      2.0 * ModelSizes.CLASS_PIXELS * ModelSizes.CLASSES,
      in -> in.uniform("x", ModelSizes.CLASS_PIXELS * ModelSizes.CLASSES)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", ModelSizes.CLASS_PIXELS * ModelSizes.CLASSES);
      return operands.launching(
          y, () -> operands.kernels().softmax(x, y, ModelSizes.CLASS_PIXELS, ModelSizes.CLASSES));
    }
  },
  /** Of 50 importance weights, 10,000 times. */
  LOG_SUM_EXP(
      "10000x50",
      ModelSizes.ROWS,
      1.0 * ModelSizes.ROWS * ModelSizes.REPEATS,
      in -> in.uniform("x", ModelSizes.ROWS * ModelSizes.REPEATS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", ModelSizes.ROWS);
      return operands.launching(
          y, () -> operands.kernels().logSumExp(x, y, ModelSizes.ROWS, ModelSizes.REPEATS));
    }
  },
  /** Its gradient. */
  LOG_SUM_EXP_BACKWARD(
      "10000x50",
      ModelSizes.ROWS * ModelSizes.REPEATS,
      2.0 * ModelSizes.ROWS * ModelSizes.REPEATS,
      in ->
          in.uniform("x", ModelSizes.ROWS * ModelSizes.REPEATS)
              .uniform("y", ModelSizes.ROWS, 4, 5)
              .uniform("upstream", ModelSizes.ROWS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.input("y");
      Buffer upstream = operands.input("upstream");
      Buffer dx = operands.results("dx", ModelSizes.ROWS * ModelSizes.REPEATS);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .logSumExpBackward(x, y, upstream, dx, ModelSizes.ROWS, ModelSizes.REPEATS, 0));
    }
  },
  /** Of two classes a pixel. */
  SOFTMAX_CROSS_ENTROPY(
      "65536x2",
      1,
      (2.0 * ModelSizes.CLASSES + 1) * ModelSizes.CLASS_PIXELS,
      in ->
          in.uniform("logits", ModelSizes.CLASS_PIXELS * ModelSizes.CLASSES)
              .labels("labels", ModelSizes.CLASS_PIXELS, ModelSizes.CLASSES)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer logits = operands.input("logits");
      Buffer labels = operands.input("labels");
      Buffer probabilities =
          operands.results("probabilities", ModelSizes.CLASS_PIXELS * ModelSizes.CLASSES);
      Buffer loss = operands.results("loss", 1);
      Buffer workspace =
          operands.results(
              "workspace", Kernels.softmaxCrossEntropyWorkspace(ModelSizes.CLASS_PIXELS));
      return operands.launching(
          loss,
          () ->
              operands
                  .kernels()
                  .softmaxCrossEntropy(
                      logits,
                      labels,
                      null,
                      null,
                      probabilities,
                      loss,
                      workspace,
                      ModelSizes.CLASS_PIXELS,
                      ModelSizes.CLASSES,
                      1));
    }
  },
  /** Its gradient. */
  SOFTMAX_CROSS_ENTROPY_BACKWARD(
      "65536x2",
      ModelSizes.CLASS_PIXELS * ModelSizes.CLASSES,
      (2.0 * ModelSizes.CLASSES + 1) * ModelSizes.CLASS_PIXELS,
      in ->
          in.uniform("probabilities", ModelSizes.CLASS_PIXELS * ModelSizes.CLASSES, 0, 1)
              .labels("labels", ModelSizes.CLASS_PIXELS, ModelSizes.CLASSES)
              .uniform("upstream", 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer probabilities = operands.input("probabilities");
      Buffer labels = operands.input("labels");
      Buffer upstream = operands.input("upstream");
      Buffer dx = operands.results("dx", ModelSizes.CLASS_PIXELS * ModelSizes.CLASSES);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .softmaxCrossEntropyBackward(
                      probabilities,
                      labels,
                      null,
                      null,
                      upstream,
                      dx,
                      ModelSizes.CLASS_PIXELS,
                      ModelSizes.CLASSES,
                      1,
                      0));
    }
  },
  /** The penalty of a sparse autoencoder of 1000 units. */
  KL_SPARSITY(
      "1000", 1, 1.0 * ModelSizes.WIDTH, in -> in.uniform("mean", ModelSizes.WIDTH, 0.01f, 0.99f)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer mean = operands.input("mean");
      Buffer loss = operands.results("loss", 1);
      Buffer workspace =
          operands.results("workspace", Kernels.klSparsityWorkspace(ModelSizes.WIDTH));
      return operands.launching(
          loss,
          () -> operands.kernels().klSparsity(mean, loss, workspace, ModelSizes.WIDTH, 0.05f, 1));
    }
  },
  /** Its gradient. */
  KL_SPARSITY_BACKWARD(
      "256x1000",
      ModelSizes.LAYER,
      1.0 * ModelSizes.LAYER,
      in -> in.uniform("mean", ModelSizes.WIDTH, 0.01f, 0.99f).uniform("upstream", 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer mean = operands.input("mean");
      Buffer upstream = operands.input("upstream");
      Buffer dx = operands.results("dx", ModelSizes.LAYER);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .klSparsityBackward(
                      mean, upstream, dx, ModelSizes.BATCH, ModelSizes.WIDTH, 0.05f, 1, 0));
    }
  },
  /** The 25 largest of each row of a layer. */
  TOP_K(
      "256x1000",
      ModelSizes.LAYER,
      3.0 * ModelSizes.LAYER,
      in -> in.uniform("x", ModelSizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", ModelSizes.LAYER);
      Buffer mask = operands.results("mask", ModelSizes.LAYER);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .topK(x, y, mask, ModelSizes.BATCH, ModelSizes.WIDTH, ModelSizes.KEPT));
    }
  },
  /** Normally distributed numbers. */
  RANDOM("256x1000", ModelSizes.LAYER, 1.0 * ModelSizes.LAYER, in -> in) {
    @Override
    public Implementation on(Operands operands) {
      Buffer y = operands.results("y", ModelSizes.LAYER);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .random(
                      Distribution.NORMAL,
                      y,
                      operands.state(),
                      ModelSizes.LAYER,
                      ModelSizes.KEY,
                      0,
                      1));
    }
  },
  /** Masking noise on digits. */
  MASK_NOISE(
      "256x784",
      ModelSizes.DIGITS,
      2.0 * ModelSizes.DIGITS,
      in -> in.uniform("x", ModelSizes.DIGITS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", ModelSizes.DIGITS);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .maskNoise(x, y, operands.state(), ModelSizes.DIGITS, ModelSizes.KEY, 0.3f, 1));
    }
  },
  /** Digits as bits. */
  BINARIZE(
      "256x784",
      ModelSizes.DIGITS,
      2.0 * ModelSizes.DIGITS,
      in -> in.uniform("x", ModelSizes.DIGITS, 0, 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", ModelSizes.DIGITS);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .binarize(x, y, operands.state(), ModelSizes.DIGITS, ModelSizes.KEY));
    }
  },
  /** A shuffled batch of 256 out of 60,000 images of 784 bytes, as floats; then the next step. */
  GATHER_ROWS(
      "256x784",
      ModelSizes.DIGITS,
      1.25 * ModelSizes.DIGITS,
      in -> in.bytes("images", ModelSizes.TRAINING_IMAGES * ModelSizes.PIXELS)) {
    @Override
    public Implementation on(Operands operands) {
      RowSource source =
          new RowSource(
              operands.input("images"),
              ElementType.UINT8,
              ModelSizes.TRAINING_IMAGES,
              ModelSizes.PIXELS);
      Buffer batch = operands.results("batch", ModelSizes.DIGITS);
      return operands.launching(
          batch,
          () -> {
            operands
                .kernels()
                .gatherRows(source, batch, ModelSizes.BATCH, operands.state(), true, 1);
            // The same rows again would come out of a cache.
            operands.kernels().advance(operands.state());
          });
    }
  },
  /** Distorted digits. */
  AFFINE_WARP(
      "256x784",
      ModelSizes.DIGITS,
      2.0 * ModelSizes.DIGITS,
      in -> in.uniform("x", ModelSizes.DIGITS, 0, 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", ModelSizes.DIGITS);
      AffineRange range = new AffineRange(0.9f, 0.1f, 0.1f, 0.1f, 2);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .affineWarp(
                      x, y, operands.state(), ModelSizes.KEY, ModelSizes.BATCH, 28, 28, 1, range));
    }
  },
  /** Where the pixels of elastic views come from. */
  DEFORMATION_FIELD(
      "4x256x256x1", 2 * ModelSizes.VIEW_PIXELS, 2.0 * ModelSizes.VIEW_PIXELS, in -> in) {
    @Override
    public Implementation on(Operands operands) {
      Buffer field = operands.results("field", 2 * ModelSizes.VIEW_PIXELS);
      DeformationRange range =
          DeformationRange.none()
              .withMirrors(true, true)
              .withQuarterTurns(true)
              .withRotation(0.1f)
              .withScale(0.1f)
              .withElastic(10);
      return operands.launching(
          field,
          () ->
              operands
                  .kernels()
                  .deformationField(
                      ModelSizes.VIEW,
                      ModelSizes.VIEW.height(),
                      ModelSizes.VIEW.width(),
                      range,
                      field,
                      operands.state(),
                      ModelSizes.KEY));
    }
  },
  /** Images read between pixels. */
  SAMPLE_IMAGES(
      "4x256x256x1",
      ModelSizes.VIEW_PIXELS,
      4.0 * ModelSizes.VIEW_PIXELS,
      in ->
          in.uniform("x", ModelSizes.VIEW_PIXELS)
              .uniform("field", 2 * ModelSizes.VIEW_PIXELS, 0, 255)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer field = operands.input("field");
      Buffer view = operands.results("view", ModelSizes.VIEW_PIXELS);
      return operands.launching(
          view,
          () ->
              operands
                  .kernels()
                  .sampleImages(
                      Interpolation.BILINEAR,
                      ModelSizes.VIEW,
                      ModelSizes.VIEW.height(),
                      ModelSizes.VIEW.width(),
                      x,
                      field,
                      view));
    }
  },
  /** Images of other contrast, brightness and gamma. */
  RANDOM_BRIGHTNESS(
      "4x256x256x1",
      ModelSizes.VIEW_PIXELS,
      2.0 * ModelSizes.VIEW_PIXELS,
      in -> in.uniform("x", ModelSizes.VIEW_PIXELS, 0, 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", ModelSizes.VIEW_PIXELS);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .randomBrightness(
                      x,
                      y,
                      operands.state(),
                      ModelSizes.KEY,
                      ModelSizes.VIEW.count(),
                      ModelSizes.VIEW.pixels() / ModelSizes.VIEW.count(),
                      0.2f,
                      0.2f,
                      0.2f));
    }
  },
  /** The next step. */
  ADVANCE("1", ModelSizes.STATE, 2.0 * ModelSizes.STATE, in -> in) {
    @Override
    public Implementation on(Operands operands) {
      return operands.launching(
          operands.state(), () -> operands.kernels().advance(operands.state()));
    }
  },
  /** A step's learning rate and powers of Adam's betas. */
  SCHEDULE("1", ModelSizes.STATE, 2.0 * ModelSizes.STATE, in -> in) {
    @Override
    public Implementation on(Operands operands) {
      Schedule schedule = Schedule.warmupCosine(1e-3, 100, 10_000, 1e-5).withBetas(0.9, 0.999);
      return operands.launching(
          operands.state(), () -> operands.kernels().schedule(operands.state(), schedule));
    }
  },
  /** The factor of a warm-up. */
  LINEAR_WARMUP("1", 1, 3.0, in -> in) {
    @Override
    public Implementation on(Operands operands) {
      Buffer y = operands.results("y", 1);
      return operands.launching(
          y,
          () -> {
            operands.kernels().advance(operands.state());
            operands.kernels().linearWarmup(operands.state(), y, 1L << 40);
          });
    }
  },
  /** The norm of the deep autoencoder's gradients. */
  CLIP_NORM(
      "2837314",
      ModelSizes.STATE,
      1.0 * ModelSizes.PARAMETERS,
      in -> in.uniform("gradients", ModelSizes.PARAMETERS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer gradients = operands.input("gradients");
      Buffer workspace =
          operands.results("workspace", Kernels.clipNormWorkspace(ModelSizes.PARAMETERS));
      return operands.launching(
          operands.state(),
          () ->
              operands
                  .kernels()
                  .clipNorm(gradients, operands.state(), workspace, ModelSizes.PARAMETERS, 1));
    }
  },
  /** With momentum, on the parameters of the deep autoencoder. */
  SGD(
      "2837314",
      ModelSizes.PARAMETERS,
      5.0 * ModelSizes.PARAMETERS,
      in ->
          in.uniform("parameters", ModelSizes.PARAMETERS)
              .uniform("gradients", ModelSizes.PARAMETERS)
              .uniform("velocity", ModelSizes.PARAMETERS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer parameters = operands.input("parameters");
      Buffer gradients = operands.input("gradients");
      Buffer velocity = operands.input("velocity");
      SgdOptions options = new SgdOptions(0.9f, 0, false);
      operands.kernels().schedule(operands.state(), Schedule.constant(1e-3));
      return operands.launching(
          parameters,
          () ->
              operands
                  .kernels()
                  .sgd(
                      parameters,
                      gradients,
                      velocity,
                      operands.state(),
                      ModelSizes.PARAMETERS,
                      options));
    }
  },
  /** On the parameters of the deep autoencoder. */
  ADAM(
      "2837314",
      ModelSizes.PARAMETERS,
      7.0 * ModelSizes.PARAMETERS,
      in ->
          in.uniform("parameters", ModelSizes.PARAMETERS)
              .uniform("gradients", ModelSizes.PARAMETERS)
              .uniform("first moment", ModelSizes.PARAMETERS)
              .uniform("second moment", ModelSizes.PARAMETERS, 0, 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer parameters = operands.input("parameters");
      Buffer gradients = operands.input("gradients");
      Buffer firstMoment = operands.input("first moment");
      Buffer secondMoment = operands.input("second moment");
      AdamOptions options = new AdamOptions(0.9f, 0.999f, 1e-8f, 0, false);
      operands.kernels().schedule(operands.state(), Schedule.constant(1e-3).withBetas(0.9, 0.999));
      return operands.launching(
          parameters,
          () ->
              operands
                  .kernels()
                  .adam(
                      parameters,
                      gradients,
                      firstMoment,
                      secondMoment,
                      operands.state(),
                      ModelSizes.PARAMETERS,
                      options));
    }
  },
  /** The moving average of the parameters of the deep autoencoder. */
  AVERAGE(
      "2837314",
      ModelSizes.PARAMETERS,
      3.0 * ModelSizes.PARAMETERS,
      in -> in.uniform("x", ModelSizes.PARAMETERS).uniform("y", ModelSizes.PARAMETERS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.input("y");
      return operands.launching(
          y,
          () -> operands.kernels().average(x, y, operands.state(), ModelSizes.PARAMETERS, 0.999));
    }
  },
  /** The gradient of the log-variance of samples. */
  REPARAMETERIZE_BACKWARD(
      "256x1000",
      ModelSizes.LAYER,
      3.0 * ModelSizes.LAYER,
      in -> in.uniform("dz", ModelSizes.LAYER).uniform("log variance", ModelSizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer dz = operands.input("dz");
      Buffer logVariance = operands.input("log variance");
      Buffer gradient = operands.results("gradient", ModelSizes.LAYER);
      return operands.launching(
          gradient,
          () ->
              operands
                  .kernels()
                  .reparameterizeBackward(
                      dz,
                      logVariance,
                      gradient,
                      operands.state(),
                      ModelSizes.LAYER,
                      ModelSizes.KEY,
                      0));
    }
  },
  /** The gradients of mean and log-variance. */
  GAUSSIAN_KL_BACKWARD(
      "256x1000",
      ModelSizes.LAYER,
      4.0 * ModelSizes.LAYER,
      in ->
          in.uniform("mean", ModelSizes.LAYER)
              .uniform("log variance", ModelSizes.LAYER)
              .uniform("upstream", 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer mean = operands.input("mean");
      Buffer logVariance = operands.input("log variance");
      Buffer upstream = operands.input("upstream");
      Buffer meanGradient = operands.results("mean gradient", ModelSizes.LAYER);
      Buffer gradient = operands.results("gradient", ModelSizes.LAYER);
      return operands.launching(
          gradient,
          () ->
              operands
                  .kernels()
                  .gaussianKlBackward(
                      mean,
                      logVariance,
                      upstream,
                      false,
                      meanGradient,
                      gradient,
                      ModelSizes.BATCH,
                      ModelSizes.WIDTH,
                      1,
                      0,
                      0));
    }
  },
  /** Of 20 images under 50 samples' pixel probabilities each. */
  BERNOULLI_LOG_LIKELIHOOD(
      "20x784x50",
      ModelSizes.IMAGES * ModelSizes.REPEATS,
      ModelSizes.SAMPLED_PIXELS * (1 + 1.0 / ModelSizes.REPEATS),
      in ->
          in.uniform("logits", ModelSizes.SAMPLED_PIXELS, -6, 6)
              .uniform("target", ModelSizes.IMAGES * ModelSizes.PIXELS, 0, 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer logits = operands.input("logits");
      Buffer target = operands.input("target");
      Buffer logLikelihood =
          operands.results("log-likelihood", ModelSizes.IMAGES * ModelSizes.REPEATS);
      return operands.launching(
          logLikelihood,
          () ->
              operands
                  .kernels()
                  .bernoulliLogLikelihood(
                      logits,
                      target,
                      logLikelihood,
                      ModelSizes.IMAGES,
                      ModelSizes.PIXELS,
                      ModelSizes.REPEATS));
    }
  },
  /** Its gradient. */
  BERNOULLI_LOG_LIKELIHOOD_BACKWARD(
      "20x784x50",
      ModelSizes.SAMPLED_PIXELS,
      ModelSizes.SAMPLED_PIXELS * (2 + 1.0 / ModelSizes.REPEATS),
      in ->
          in.uniform("logits", ModelSizes.SAMPLED_PIXELS, -6, 6)
              .uniform("target", ModelSizes.IMAGES * ModelSizes.PIXELS, 0, 1)
              .uniform("upstream", ModelSizes.IMAGES * ModelSizes.REPEATS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer logits = operands.input("logits");
      Buffer target = operands.input("target");
      Buffer upstream = operands.input("upstream");
      Buffer dLogits = operands.results("gradient", ModelSizes.SAMPLED_PIXELS);
      return operands.launching(
          dLogits,
          () ->
              operands
                  .kernels()
                  .bernoulliLogLikelihoodBackward(
                      logits,
                      target,
                      upstream,
                      dLogits,
                      ModelSizes.IMAGES,
                      ModelSizes.PIXELS,
                      ModelSizes.REPEATS,
                      0));
    }
  },
  /** Of 50 codes each of 20 Gaussians of 200 dimensions. */
  GAUSSIAN_LOG_DENSITY(
      "20x200x50",
      ModelSizes.IMAGES * ModelSizes.REPEATS,
      ModelSizes.REPEATED * (1 + 2.0 / ModelSizes.REPEATS),
      in ->
          in.uniform("x", ModelSizes.REPEATED)
              .uniform("mean", ModelSizes.IMAGES * ModelSizes.HIDDEN)
              .uniform("log variance", ModelSizes.IMAGES * ModelSizes.HIDDEN)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer mean = operands.input("mean");
      Buffer logVariance = operands.input("log variance");
      Buffer logDensity = operands.results("log-density", ModelSizes.IMAGES * ModelSizes.REPEATS);
      return operands.launching(
          logDensity,
          () ->
              operands
                  .kernels()
                  .gaussianLogDensity(
                      x,
                      mean,
                      logVariance,
                      logDensity,
                      ModelSizes.IMAGES,
                      ModelSizes.HIDDEN,
                      ModelSizes.REPEATS));
    }
  },
  /** Its gradients. */
  GAUSSIAN_LOG_DENSITY_BACKWARD(
      "20x200x50",
      ModelSizes.REPEATED,
      ModelSizes.REPEATED * (2 + 4.0 / ModelSizes.REPEATS),
      in ->
          in.uniform("x", ModelSizes.REPEATED)
              .uniform("mean", ModelSizes.IMAGES * ModelSizes.HIDDEN)
              .uniform("log variance", ModelSizes.IMAGES * ModelSizes.HIDDEN)
              .uniform("upstream", ModelSizes.IMAGES * ModelSizes.REPEATS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer mean = operands.input("mean");
      Buffer logVariance = operands.input("log variance");
      Buffer upstream = operands.input("upstream");
      Buffer dx = operands.results("dx", ModelSizes.REPEATED);
      Buffer meanGradient =
          operands.results("mean gradient", ModelSizes.IMAGES * ModelSizes.HIDDEN);
      Buffer gradient = operands.results("gradient", ModelSizes.IMAGES * ModelSizes.HIDDEN);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .gaussianLogDensityBackward(
                      x,
                      mean,
                      logVariance,
                      upstream,
                      dx,
                      meanGradient,
                      gradient,
                      ModelSizes.IMAGES,
                      ModelSizes.HIDDEN,
                      ModelSizes.REPEATS,
                      0,
                      0,
                      0));
    }
  },
  /** The largest of each 2 x 2 pixels. */
  MAX_POOL(
      "4x128x128x32",
      ModelSizes.LEVEL_ELEMENTS / 4,
      1.5 * ModelSizes.LEVEL_ELEMENTS,
      in -> in.uniform("x", ModelSizes.LEVEL_ELEMENTS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", ModelSizes.LEVEL_ELEMENTS / 4);
      Buffer indices = operands.results("indices", ModelSizes.LEVEL_ELEMENTS / 4);
      return operands.launching(
          y, () -> operands.kernels().maxPool(ModelSizes.LEVEL, ModelSizes.POOLING, x, y, indices));
    }
  },
  /** Its gradient, of pixels that the pooling took. */
  MAX_POOL_BACKWARD(
      "4x128x128x32",
      ModelSizes.LEVEL_ELEMENTS,
      1.5 * ModelSizes.LEVEL_ELEMENTS,
      in ->
          in.uniform("x", ModelSizes.LEVEL_ELEMENTS).uniform("dy", ModelSizes.LEVEL_ELEMENTS / 4)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer dy = operands.input("dy");
      Buffer y = operands.results("y", ModelSizes.LEVEL_ELEMENTS / 4);
      Buffer indices = operands.results("indices", ModelSizes.LEVEL_ELEMENTS / 4);
      Buffer dx = operands.results("dx", ModelSizes.LEVEL_ELEMENTS);
      operands.kernels().maxPool(ModelSizes.LEVEL, ModelSizes.POOLING, x, y, indices);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .maxPoolBackward(ModelSizes.LEVEL, ModelSizes.POOLING, dy, indices, dx, 0));
    }
  },
  /** Twice the height and width, bilinear. */
  UPSAMPLE(
      "4x128x128x32",
      4 * ModelSizes.LEVEL_ELEMENTS,
      5.0 * ModelSizes.LEVEL_ELEMENTS,
      in -> in.uniform("x", ModelSizes.LEVEL_ELEMENTS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", 4 * ModelSizes.LEVEL_ELEMENTS);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .upsample(
                      Interpolation.BILINEAR,
                      ModelSizes.LEVEL,
                      2 * ModelSizes.LEVEL.height(),
                      2 * ModelSizes.LEVEL.width(),
                      x,
                      y));
    }
  },
  /** Its gradient. */
  UPSAMPLE_BACKWARD(
      "4x128x128x32",
      ModelSizes.LEVEL_ELEMENTS,
      5.0 * ModelSizes.LEVEL_ELEMENTS,
      in -> in.uniform("dy", 4 * ModelSizes.LEVEL_ELEMENTS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer dy = operands.input("dy");
      Buffer dx = operands.results("dx", ModelSizes.LEVEL_ELEMENTS);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .upsampleBackward(
                      Interpolation.BILINEAR,
                      ModelSizes.LEVEL,
                      2 * ModelSizes.LEVEL.height(),
                      2 * ModelSizes.LEVEL.width(),
                      dy,
                      dx,
                      0));
    }
  },
  /** Mean and variance of each channel. */
  NORMALIZE_STATISTICS(
      "4x128x128x32",
      ModelSizes.CHANNELS,
      1.0 * ModelSizes.LEVEL_ELEMENTS,
      in -> in.uniform("x", ModelSizes.LEVEL_ELEMENTS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer mean = operands.results("mean", ModelSizes.CHANNELS);
      Buffer variance = operands.results("variance", ModelSizes.CHANNELS);
      Buffer workspace =
          operands.results("workspace", ModelSizes.BATCH_NORMALIZATION.statisticsWorkspace());
      return operands.launching(
          variance,
          () ->
              operands
                  .kernels()
                  .normalizeStatistics(
                      ModelSizes.BATCH_NORMALIZATION, x, mean, variance, null, null, workspace, 0));
    }
  },
  /** Each channel normalised, then ReLU. */
  NORMALIZE(
      "4x128x128x32",
      ModelSizes.LEVEL_ELEMENTS,
      2.0 * ModelSizes.LEVEL_ELEMENTS,
      in ->
          in.uniform("x", ModelSizes.LEVEL_ELEMENTS)
              .uniform("mean", ModelSizes.CHANNELS)
              .uniform("variance", ModelSizes.CHANNELS, 0.5f, 1)
              .uniform("scale", ModelSizes.CHANNELS)
              .uniform("shift", ModelSizes.CHANNELS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer mean = operands.input("mean");
      Buffer variance = operands.input("variance");
      Buffer scale = operands.input("scale");
      Buffer shift = operands.input("shift");
      Buffer y = operands.results("y", ModelSizes.LEVEL_ELEMENTS);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .normalize(
                      ModelSizes.BATCH_NORMALIZATION,
                      x,
                      mean,
                      variance,
                      scale,
                      shift,
                      y,
                      Activation.RELU));
    }
  },
  /** The gradients of scale and shift, and what the gradient of x needs, through ReLU's. */
  NORMALIZE_BACKWARD_STATISTICS(
      "4x128x128x32",
      2 * ModelSizes.CHANNELS,
      2.0 * ModelSizes.LEVEL_ELEMENTS,
      in ->
          in.uniform("x", ModelSizes.LEVEL_ELEMENTS)
              .uniform("dy", ModelSizes.LEVEL_ELEMENTS)
              .uniform("mean", ModelSizes.CHANNELS)
              .uniform("variance", ModelSizes.CHANNELS, 0.5f, 1)
              .uniform("scale", ModelSizes.CHANNELS)
              .uniform("shift", ModelSizes.CHANNELS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer dy = operands.input("dy");
      Buffer mean = operands.input("mean");
      Buffer variance = operands.input("variance");
      Buffer scale = operands.input("scale");
      Buffer shift = operands.input("shift");
      Buffer scaleGradient = operands.results("scale gradient", ModelSizes.CHANNELS);
      Buffer shiftGradient = operands.results("shift gradient", ModelSizes.CHANNELS);
      Buffer sums = operands.results("sums", 2 * ModelSizes.CHANNELS);
      Buffer workspace =
          operands.results("workspace", ModelSizes.BATCH_NORMALIZATION.backwardWorkspace());
      return operands.launching(
          sums,
          () ->
              operands
                  .kernels()
                  .normalizeBackwardStatistics(
                      ModelSizes.BATCH_NORMALIZATION,
                      x,
                      dy,
                      mean,
                      variance,
                      scale,
                      shift,
                      scaleGradient,
                      shiftGradient,
                      sums,
                      workspace,
                      Activation.RELU,
                      0,
                      0));
    }
  },
  /** The gradient of x, through ReLU's. */
  NORMALIZE_BACKWARD(
      "4x128x128x32",
      ModelSizes.LEVEL_ELEMENTS,
      3.0 * ModelSizes.LEVEL_ELEMENTS,
      in ->
          in.uniform("x", ModelSizes.LEVEL_ELEMENTS)
              .uniform("dy", ModelSizes.LEVEL_ELEMENTS)
              .uniform("mean", ModelSizes.CHANNELS)
              .uniform("variance", ModelSizes.CHANNELS, 0.5f, 1)
              .uniform("scale", ModelSizes.CHANNELS)
              .uniform("shift", ModelSizes.CHANNELS)
              .uniform("sums", 2 * ModelSizes.CHANNELS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer dy = operands.input("dy");
      Buffer mean = operands.input("mean");
      Buffer variance = operands.input("variance");
      Buffer scale = operands.input("scale");
      Buffer shift = operands.input("shift");
      Buffer sums = operands.input("sums");
      Buffer dx = operands.results("dx", ModelSizes.LEVEL_ELEMENTS);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .normalizeBackward(
                      ModelSizes.BATCH_NORMALIZATION,
                      x,
                      dy,
                      mean,
                      variance,
                      scale,
                      shift,
                      sums,
                      dx,
                      Activation.RELU,
                      0));
    }
  },
  /** Of two classes a pixel. */
  DICE(
      "65536x2",
      2 * ModelSizes.CLASSES,
      (1.0 + ModelSizes.CLASSES) * ModelSizes.CLASS_PIXELS,
      in ->
          in.uniform("probabilities", ModelSizes.CLASS_PIXELS * ModelSizes.CLASSES, 0, 1)
              .labels("labels", ModelSizes.CLASS_PIXELS, ModelSizes.CLASSES)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer probabilities = operands.input("probabilities");
      Buffer labels = operands.input("labels");
      Buffer sums = operands.results("sums", 2 * ModelSizes.CLASSES);
      Buffer loss = operands.results("loss", 1);
      Buffer workspace =
          operands.results(
              "workspace", Kernels.diceWorkspace(1, ModelSizes.CLASS_PIXELS, ModelSizes.CLASSES));
      return operands.launching(
          sums,
          () ->
              operands
                  .kernels()
                  .dice(
                      probabilities,
                      labels,
                      sums,
                      loss,
                      workspace,
                      1,
                      ModelSizes.CLASS_PIXELS,
                      ModelSizes.CLASSES,
                      1,
                      1));
    }
  },
  /** Its gradient. */
  DICE_BACKWARD(
      "65536x2",
      ModelSizes.CLASS_PIXELS * ModelSizes.CLASSES,
      (1.0 + ModelSizes.CLASSES) * ModelSizes.CLASS_PIXELS,
      in ->
          in.labels("labels", ModelSizes.CLASS_PIXELS, ModelSizes.CLASSES)
              .uniform("sums", 2 * ModelSizes.CLASSES, 1000, 2000)
              .uniform("upstream", 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer labels = operands.input("labels");
      Buffer sums = operands.input("sums");
      Buffer upstream = operands.input("upstream");
      Buffer dx = operands.results("dx", ModelSizes.CLASS_PIXELS * ModelSizes.CLASSES);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .diceBackward(
                      labels,
                      sums,
                      upstream,
                      dx,
                      1,
                      ModelSizes.CLASS_PIXELS,
                      ModelSizes.CLASSES,
                      1,
                      1,
                      0));
    }
  };

  private final String size;
  private final int resultSize;
  private final double floats;
  private final UnaryOperator<Inputs.Builder> inputs;

  FixedSizeKernel(
      String size, int resultSize, double floats, UnaryOperator<Inputs.Builder> inputs) {
    this.size = size;
    this.resultSize = resultSize;
    this.floats = floats;
    this.inputs = inputs;
  }

  @Override
  public String label() {
    return family() + " " + size;
  }

  /** The size in the label. */
  public String size() {
    return size;
  }

  /** The kernel's name with dashes, for example {@code max-pool}. */
  @Override
  public String family() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  @Override
  public Kernel kernel() {
    return Kernel.valueOf(name());
  }

  @Override
  public double operations() {
    return 0;
  }

  @Override
  public double bytes() {
    return Float.BYTES * floats;
  }

  @Override
  public Inputs inputs() {
    return inputs.apply(Inputs.builder()).build();
  }

  @Override
  public int resultSize() {
    return resultSize;
  }
}
