package dev.clessidra.bench.work;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.AdamOptions;
import dev.clessidra.kernels.AffineRange;
import dev.clessidra.kernels.BinaryFunction;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.DeformationRange;
import dev.clessidra.kernels.Distribution;
import dev.clessidra.kernels.ElementType;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Interpolation;
import dev.clessidra.kernels.Kernel;
import dev.clessidra.kernels.Kernels;
import dev.clessidra.kernels.LossFunction;
import dev.clessidra.kernels.Normalization;
import dev.clessidra.kernels.RandomKey;
import dev.clessidra.kernels.Reduction;
import dev.clessidra.kernels.RowSource;
import dev.clessidra.kernels.Schedule;
import dev.clessidra.kernels.SgdOptions;
import dev.clessidra.kernels.UnaryFunction;
import dev.clessidra.kernels.Window;
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
      "256x1000", Sizes.LAYER, 2.0 * Sizes.LAYER, in -> in.uniform("x", Sizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", Sizes.LAYER);
      return operands.launching(
          y, () -> operands.kernels().activationForward(x, y, Sizes.LAYER, Activation.RELU));
    }
  },
  /** The gradient of ReLU of a layer. */
  ACTIVATION_BACKWARD(
      "256x1000",
      Sizes.LAYER,
      3.0 * Sizes.LAYER,
      in -> in.uniform("dy", Sizes.LAYER).uniform("y", Sizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer dy = operands.input("dy");
      Buffer y = operands.input("y");
      Buffer dx = operands.results("dx", Sizes.LAYER);
      return operands.launching(
          dx,
          () -> operands.kernels().activationBackward(dy, y, dx, Sizes.LAYER, Activation.RELU, 0));
    }
  },
  /** The squares of a layer. */
  UNARY("256x1000", Sizes.LAYER, 2.0 * Sizes.LAYER, in -> in.uniform("x", Sizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", Sizes.LAYER);
      return operands.launching(
          y, () -> operands.kernels().unary(UnaryFunction.SQUARE, x, y, Sizes.LAYER, 1, 0, 0));
    }
  },
  /** The product of two layers, element by element. */
  BINARY(
      "256x1000",
      Sizes.LAYER,
      3.0 * Sizes.LAYER,
      in -> in.uniform("a", Sizes.LAYER).uniform("b", Sizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer a = operands.input("a");
      Buffer b = operands.input("b");
      Buffer y = operands.results("y", Sizes.LAYER);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .binary(BinaryFunction.MULTIPLY, a, b, y, Sizes.LAYER, Sizes.LAYER, 1, 0));
    }
  },
  /** One value everywhere in a layer. */
  FILL("256x1000", Sizes.LAYER, 1.0 * Sizes.LAYER, in -> in) {
    @Override
    public Implementation on(Operands operands) {
      Buffer y = operands.results("y", Sizes.LAYER);
      return operands.launching(y, () -> operands.kernels().fill(y, Sizes.LAYER, 1));
    }
  },
  /** Each row of 20 layers of 200 fifty times. */
  REPEAT_ROWS(
      "20x200x50",
      Sizes.REPEATED,
      Sizes.REPEATED * (1 + 1.0 / Sizes.REPEATS),
      in -> in.uniform("x", Sizes.REPEATED / Sizes.REPEATS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", Sizes.REPEATED);
      return operands.launching(
          y, () -> operands.kernels().repeatRows(x, y, Sizes.IMAGES, Sizes.HIDDEN, Sizes.REPEATS));
    }
  },
  /** Fifty rows added up to one, for 20 layers of 200. */
  REPEAT_ROWS_BACKWARD(
      "20x200x50",
      Sizes.IMAGES * Sizes.HIDDEN,
      Sizes.REPEATED * (1 + 1.0 / Sizes.REPEATS),
      in -> in.uniform("dy", Sizes.REPEATED)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer dy = operands.input("dy");
      Buffer dx = operands.results("dx", Sizes.IMAGES * Sizes.HIDDEN);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .repeatRowsBackward(dy, dx, Sizes.IMAGES, Sizes.HIDDEN, Sizes.REPEATS, 0));
    }
  },
  /** The sum of a layer. */
  REDUCE("256x1000", 1, 1.0 * Sizes.LAYER, in -> in.uniform("x", Sizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", 1);
      Buffer workspace = operands.results("workspace", Kernels.reduceWorkspace(Sizes.LAYER));
      return operands.launching(
          y, () -> operands.kernels().reduce(Reduction.SUM, x, y, workspace, Sizes.LAYER, 1, 0));
    }
  },
  /** The sum of each row of a layer. */
  REDUCE_ROWS("256x1000", Sizes.BATCH, 1.0 * Sizes.LAYER, in -> in.uniform("x", Sizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", Sizes.BATCH);
      return operands.launching(
          y,
          () -> operands.kernels().reduceRows(Reduction.SUM, x, y, Sizes.BATCH, Sizes.WIDTH, 1, 0));
    }
  },
  /** The gradient of a bias: the sum of each column of a layer. */
  REDUCE_COLUMNS("256x1000", Sizes.WIDTH, 1.0 * Sizes.LAYER, in -> in.uniform("x", Sizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", Sizes.WIDTH);
      Buffer workspace =
          operands.results("workspace", Kernels.reduceColumnsWorkspace(Sizes.BATCH, Sizes.WIDTH));
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .reduceColumns(Reduction.SUM, x, y, workspace, Sizes.BATCH, Sizes.WIDTH, 1, 0));
    }
  },
  /** The cross-entropy of reconstructed digits. */
  LOSS(
      "256x784",
      1,
      2.0 * Sizes.DIGITS,
      in -> in.uniform("x", Sizes.DIGITS, -6, 6).uniform("target", Sizes.DIGITS, 0, 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer target = operands.input("target");
      Buffer loss = operands.results("loss", 1);
      Buffer workspace = operands.results("workspace", Kernels.lossWorkspace(Sizes.DIGITS));
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
                      Sizes.DIGITS,
                      1));
    }
  },
  /** Its gradient. */
  LOSS_BACKWARD(
      "256x784",
      Sizes.DIGITS,
      3.0 * Sizes.DIGITS,
      in ->
          in.uniform("x", Sizes.DIGITS, -6, 6)
              .uniform("target", Sizes.DIGITS, 0, 1)
              .uniform("upstream", 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer target = operands.input("target");
      Buffer upstream = operands.input("upstream");
      Buffer dx = operands.results("dx", Sizes.DIGITS);
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
                      Sizes.DIGITS,
                      1,
                      0));
    }
  },
  /** Of two classes a pixel. */
  SOFTMAX(
      "65536x2",
      Sizes.CLASS_PIXELS * Sizes.CLASSES,
      2.0 * Sizes.CLASS_PIXELS * Sizes.CLASSES,
      in -> in.uniform("x", Sizes.CLASS_PIXELS * Sizes.CLASSES)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", Sizes.CLASS_PIXELS * Sizes.CLASSES);
      return operands.launching(
          y, () -> operands.kernels().softmax(x, y, Sizes.CLASS_PIXELS, Sizes.CLASSES));
    }
  },
  /** Of 50 importance weights, 10,000 times. */
  LOG_SUM_EXP(
      "10000x50",
      Sizes.ROWS,
      1.0 * Sizes.ROWS * Sizes.REPEATS,
      in -> in.uniform("x", Sizes.ROWS * Sizes.REPEATS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", Sizes.ROWS);
      return operands.launching(
          y, () -> operands.kernels().logSumExp(x, y, Sizes.ROWS, Sizes.REPEATS));
    }
  },
  /** Its gradient. */
  LOG_SUM_EXP_BACKWARD(
      "10000x50",
      Sizes.ROWS * Sizes.REPEATS,
      2.0 * Sizes.ROWS * Sizes.REPEATS,
      in ->
          in.uniform("x", Sizes.ROWS * Sizes.REPEATS)
              .uniform("y", Sizes.ROWS, 4, 5)
              .uniform("upstream", Sizes.ROWS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.input("y");
      Buffer upstream = operands.input("upstream");
      Buffer dx = operands.results("dx", Sizes.ROWS * Sizes.REPEATS);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .logSumExpBackward(x, y, upstream, dx, Sizes.ROWS, Sizes.REPEATS, 0));
    }
  },
  /** Of two classes a pixel. */
  SOFTMAX_CROSS_ENTROPY(
      "65536x2",
      1,
      (2.0 * Sizes.CLASSES + 1) * Sizes.CLASS_PIXELS,
      in ->
          in.uniform("logits", Sizes.CLASS_PIXELS * Sizes.CLASSES)
              .labels("labels", Sizes.CLASS_PIXELS, Sizes.CLASSES)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer logits = operands.input("logits");
      Buffer labels = operands.input("labels");
      Buffer probabilities = operands.results("probabilities", Sizes.CLASS_PIXELS * Sizes.CLASSES);
      Buffer loss = operands.results("loss", 1);
      Buffer workspace =
          operands.results("workspace", Kernels.softmaxCrossEntropyWorkspace(Sizes.CLASS_PIXELS));
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
                      Sizes.CLASS_PIXELS,
                      Sizes.CLASSES,
                      1));
    }
  },
  /** Its gradient. */
  SOFTMAX_CROSS_ENTROPY_BACKWARD(
      "65536x2",
      Sizes.CLASS_PIXELS * Sizes.CLASSES,
      (2.0 * Sizes.CLASSES + 1) * Sizes.CLASS_PIXELS,
      in ->
          in.uniform("probabilities", Sizes.CLASS_PIXELS * Sizes.CLASSES, 0, 1)
              .labels("labels", Sizes.CLASS_PIXELS, Sizes.CLASSES)
              .uniform("upstream", 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer probabilities = operands.input("probabilities");
      Buffer labels = operands.input("labels");
      Buffer upstream = operands.input("upstream");
      Buffer dx = operands.results("dx", Sizes.CLASS_PIXELS * Sizes.CLASSES);
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
                      Sizes.CLASS_PIXELS,
                      Sizes.CLASSES,
                      1,
                      0));
    }
  },
  /** The penalty of a sparse autoencoder of 1000 units. */
  KL_SPARSITY("1000", 1, 1.0 * Sizes.WIDTH, in -> in.uniform("mean", Sizes.WIDTH, 0.01f, 0.99f)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer mean = operands.input("mean");
      Buffer loss = operands.results("loss", 1);
      Buffer workspace = operands.results("workspace", Kernels.klSparsityWorkspace(Sizes.WIDTH));
      return operands.launching(
          loss, () -> operands.kernels().klSparsity(mean, loss, workspace, Sizes.WIDTH, 0.05f, 1));
    }
  },
  /** Its gradient. */
  KL_SPARSITY_BACKWARD(
      "256x1000",
      Sizes.LAYER,
      1.0 * Sizes.LAYER,
      in -> in.uniform("mean", Sizes.WIDTH, 0.01f, 0.99f).uniform("upstream", 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer mean = operands.input("mean");
      Buffer upstream = operands.input("upstream");
      Buffer dx = operands.results("dx", Sizes.LAYER);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .klSparsityBackward(mean, upstream, dx, Sizes.BATCH, Sizes.WIDTH, 0.05f, 1, 0));
    }
  },
  /** The 25 largest of each row of a layer. */
  TOP_K("256x1000", Sizes.LAYER, 3.0 * Sizes.LAYER, in -> in.uniform("x", Sizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", Sizes.LAYER);
      Buffer mask = operands.results("mask", Sizes.LAYER);
      return operands.launching(
          y, () -> operands.kernels().topK(x, y, mask, Sizes.BATCH, Sizes.WIDTH, 25));
    }
  },
  /** Normally distributed numbers. */
  RANDOM("256x1000", Sizes.LAYER, 1.0 * Sizes.LAYER, in -> in) {
    @Override
    public Implementation on(Operands operands) {
      Buffer y = operands.results("y", Sizes.LAYER);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .random(Distribution.NORMAL, y, operands.state(), Sizes.LAYER, Sizes.KEY, 0, 1));
    }
  },
  /** Masking noise on digits. */
  MASK_NOISE("256x784", Sizes.DIGITS, 2.0 * Sizes.DIGITS, in -> in.uniform("x", Sizes.DIGITS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", Sizes.DIGITS);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .maskNoise(x, y, operands.state(), Sizes.DIGITS, Sizes.KEY, 0.3f, 1));
    }
  },
  /** Digits as bits. */
  BINARIZE("256x784", Sizes.DIGITS, 2.0 * Sizes.DIGITS, in -> in.uniform("x", Sizes.DIGITS, 0, 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", Sizes.DIGITS);
      return operands.launching(
          y, () -> operands.kernels().binarize(x, y, operands.state(), Sizes.DIGITS, Sizes.KEY));
    }
  },
  /** A shuffled batch of 256 out of 60,000 images of 784 bytes, as floats; then the next step. */
  GATHER_ROWS(
      "256x784",
      Sizes.DIGITS,
      1.25 * Sizes.DIGITS,
      in -> in.bytes("images", Sizes.TRAINING_IMAGES * Sizes.PIXELS)) {
    @Override
    public Implementation on(Operands operands) {
      RowSource source =
          new RowSource(
              operands.input("images"), ElementType.UINT8, Sizes.TRAINING_IMAGES, Sizes.PIXELS);
      Buffer batch = operands.results("batch", Sizes.DIGITS);
      return operands.launching(
          batch,
          () -> {
            operands.kernels().gatherRows(source, batch, Sizes.BATCH, operands.state(), true, 1);
            // The same rows again would come out of a cache.
            operands.kernels().advance(operands.state());
          });
    }
  },
  /** Distorted digits. */
  AFFINE_WARP(
      "256x784", Sizes.DIGITS, 2.0 * Sizes.DIGITS, in -> in.uniform("x", Sizes.DIGITS, 0, 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", Sizes.DIGITS);
      AffineRange range = new AffineRange(0.9f, 0.1f, 0.1f, 0.1f, 2);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .affineWarp(x, y, operands.state(), Sizes.KEY, Sizes.BATCH, 28, 28, 1, range));
    }
  },
  /** Where the pixels of elastic views come from. */
  DEFORMATION_FIELD("4x256x256x1", 2 * Sizes.VIEW_PIXELS, 2.0 * Sizes.VIEW_PIXELS, in -> in) {
    @Override
    public Implementation on(Operands operands) {
      Buffer field = operands.results("field", 2 * Sizes.VIEW_PIXELS);
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
                      Sizes.VIEW,
                      Sizes.VIEW.height(),
                      Sizes.VIEW.width(),
                      range,
                      field,
                      operands.state(),
                      Sizes.KEY));
    }
  },
  /** Images read between pixels. */
  SAMPLE_IMAGES(
      "4x256x256x1",
      Sizes.VIEW_PIXELS,
      4.0 * Sizes.VIEW_PIXELS,
      in -> in.uniform("x", Sizes.VIEW_PIXELS).uniform("field", 2 * Sizes.VIEW_PIXELS, 0, 255)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer field = operands.input("field");
      Buffer view = operands.results("view", Sizes.VIEW_PIXELS);
      return operands.launching(
          view,
          () ->
              operands
                  .kernels()
                  .sampleImages(
                      Interpolation.BILINEAR,
                      Sizes.VIEW,
                      Sizes.VIEW.height(),
                      Sizes.VIEW.width(),
                      x,
                      field,
                      view));
    }
  },
  /** Images of other contrast, brightness and gamma. */
  RANDOM_BRIGHTNESS(
      "4x256x256x1",
      Sizes.VIEW_PIXELS,
      2.0 * Sizes.VIEW_PIXELS,
      in -> in.uniform("x", Sizes.VIEW_PIXELS, 0, 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", Sizes.VIEW_PIXELS);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .randomBrightness(
                      x,
                      y,
                      operands.state(),
                      Sizes.KEY,
                      Sizes.VIEW.count(),
                      Sizes.VIEW.pixels() / Sizes.VIEW.count(),
                      0.2f,
                      0.2f,
                      0.2f));
    }
  },
  /** The next step. */
  ADVANCE("1", Sizes.STATE, 2.0 * Sizes.STATE, in -> in) {
    @Override
    public Implementation on(Operands operands) {
      return operands.launching(
          operands.state(), () -> operands.kernels().advance(operands.state()));
    }
  },
  /** A step's learning rate and powers of Adam's betas. */
  SCHEDULE("1", Sizes.STATE, 2.0 * Sizes.STATE, in -> in) {
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
      Sizes.STATE,
      1.0 * Sizes.PARAMETERS,
      in -> in.uniform("gradients", Sizes.PARAMETERS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer gradients = operands.input("gradients");
      Buffer workspace = operands.results("workspace", Kernels.clipNormWorkspace(Sizes.PARAMETERS));
      return operands.launching(
          operands.state(),
          () ->
              operands
                  .kernels()
                  .clipNorm(gradients, operands.state(), workspace, Sizes.PARAMETERS, 1));
    }
  },
  /** With momentum, on the parameters of the deep autoencoder. */
  SGD(
      "2837314",
      Sizes.PARAMETERS,
      5.0 * Sizes.PARAMETERS,
      in ->
          in.uniform("parameters", Sizes.PARAMETERS)
              .uniform("gradients", Sizes.PARAMETERS)
              .uniform("velocity", Sizes.PARAMETERS)) {
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
                      Sizes.PARAMETERS,
                      options));
    }
  },
  /** On the parameters of the deep autoencoder. */
  ADAM(
      "2837314",
      Sizes.PARAMETERS,
      7.0 * Sizes.PARAMETERS,
      in ->
          in.uniform("parameters", Sizes.PARAMETERS)
              .uniform("gradients", Sizes.PARAMETERS)
              .uniform("first moment", Sizes.PARAMETERS)
              .uniform("second moment", Sizes.PARAMETERS, 0, 1)) {
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
                      Sizes.PARAMETERS,
                      options));
    }
  },
  /** The moving average of the parameters of the deep autoencoder. */
  AVERAGE(
      "2837314",
      Sizes.PARAMETERS,
      3.0 * Sizes.PARAMETERS,
      in -> in.uniform("x", Sizes.PARAMETERS).uniform("y", Sizes.PARAMETERS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.input("y");
      return operands.launching(
          y, () -> operands.kernels().average(x, y, operands.state(), Sizes.PARAMETERS, 0.999));
    }
  },
  /** The gradient of the log-variance of samples. */
  REPARAMETERIZE_BACKWARD(
      "256x1000",
      Sizes.LAYER,
      3.0 * Sizes.LAYER,
      in -> in.uniform("dz", Sizes.LAYER).uniform("log variance", Sizes.LAYER)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer dz = operands.input("dz");
      Buffer logVariance = operands.input("log variance");
      Buffer gradient = operands.results("gradient", Sizes.LAYER);
      return operands.launching(
          gradient,
          () ->
              operands
                  .kernels()
                  .reparameterizeBackward(
                      dz, logVariance, gradient, operands.state(), Sizes.LAYER, Sizes.KEY, 0));
    }
  },
  /** The gradients of mean and log-variance. */
  GAUSSIAN_KL_BACKWARD(
      "256x1000",
      Sizes.LAYER,
      4.0 * Sizes.LAYER,
      in ->
          in.uniform("mean", Sizes.LAYER)
              .uniform("log variance", Sizes.LAYER)
              .uniform("upstream", 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer mean = operands.input("mean");
      Buffer logVariance = operands.input("log variance");
      Buffer upstream = operands.input("upstream");
      Buffer meanGradient = operands.results("mean gradient", Sizes.LAYER);
      Buffer gradient = operands.results("gradient", Sizes.LAYER);
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
                      Sizes.BATCH,
                      Sizes.WIDTH,
                      1,
                      0,
                      0));
    }
  },
  /** Of 20 images under 50 samples' pixel probabilities each. */
  BERNOULLI_LOG_LIKELIHOOD(
      "20x784x50",
      Sizes.IMAGES * Sizes.REPEATS,
      Sizes.SAMPLED_PIXELS * (1 + 1.0 / Sizes.REPEATS),
      in ->
          in.uniform("logits", Sizes.SAMPLED_PIXELS, -6, 6)
              .uniform("target", Sizes.IMAGES * Sizes.PIXELS, 0, 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer logits = operands.input("logits");
      Buffer target = operands.input("target");
      Buffer logLikelihood = operands.results("log-likelihood", Sizes.IMAGES * Sizes.REPEATS);
      return operands.launching(
          logLikelihood,
          () ->
              operands
                  .kernels()
                  .bernoulliLogLikelihood(
                      logits, target, logLikelihood, Sizes.IMAGES, Sizes.PIXELS, Sizes.REPEATS));
    }
  },
  /** Its gradient. */
  BERNOULLI_LOG_LIKELIHOOD_BACKWARD(
      "20x784x50",
      Sizes.SAMPLED_PIXELS,
      Sizes.SAMPLED_PIXELS * (2 + 1.0 / Sizes.REPEATS),
      in ->
          in.uniform("logits", Sizes.SAMPLED_PIXELS, -6, 6)
              .uniform("target", Sizes.IMAGES * Sizes.PIXELS, 0, 1)
              .uniform("upstream", Sizes.IMAGES * Sizes.REPEATS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer logits = operands.input("logits");
      Buffer target = operands.input("target");
      Buffer upstream = operands.input("upstream");
      Buffer dLogits = operands.results("gradient", Sizes.SAMPLED_PIXELS);
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
                      Sizes.IMAGES,
                      Sizes.PIXELS,
                      Sizes.REPEATS,
                      0));
    }
  },
  /** Of 50 codes each of 20 Gaussians of 200 dimensions. */
  GAUSSIAN_LOG_DENSITY(
      "20x200x50",
      Sizes.IMAGES * Sizes.REPEATS,
      Sizes.REPEATED * (1 + 2.0 / Sizes.REPEATS),
      in ->
          in.uniform("x", Sizes.REPEATED)
              .uniform("mean", Sizes.IMAGES * Sizes.HIDDEN)
              .uniform("log variance", Sizes.IMAGES * Sizes.HIDDEN)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer mean = operands.input("mean");
      Buffer logVariance = operands.input("log variance");
      Buffer logDensity = operands.results("log-density", Sizes.IMAGES * Sizes.REPEATS);
      return operands.launching(
          logDensity,
          () ->
              operands
                  .kernels()
                  .gaussianLogDensity(
                      x, mean, logVariance, logDensity, Sizes.IMAGES, Sizes.HIDDEN, Sizes.REPEATS));
    }
  },
  /** Its gradients. */
  GAUSSIAN_LOG_DENSITY_BACKWARD(
      "20x200x50",
      Sizes.REPEATED,
      Sizes.REPEATED * (2 + 4.0 / Sizes.REPEATS),
      in ->
          in.uniform("x", Sizes.REPEATED)
              .uniform("mean", Sizes.IMAGES * Sizes.HIDDEN)
              .uniform("log variance", Sizes.IMAGES * Sizes.HIDDEN)
              .uniform("upstream", Sizes.IMAGES * Sizes.REPEATS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer mean = operands.input("mean");
      Buffer logVariance = operands.input("log variance");
      Buffer upstream = operands.input("upstream");
      Buffer dx = operands.results("dx", Sizes.REPEATED);
      Buffer meanGradient = operands.results("mean gradient", Sizes.IMAGES * Sizes.HIDDEN);
      Buffer gradient = operands.results("gradient", Sizes.IMAGES * Sizes.HIDDEN);
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
                      Sizes.IMAGES,
                      Sizes.HIDDEN,
                      Sizes.REPEATS,
                      0,
                      0,
                      0));
    }
  },
  /** The largest of each 2 x 2 pixels. */
  MAX_POOL(
      "4x128x128x32",
      Sizes.LEVEL_ELEMENTS / 4,
      1.5 * Sizes.LEVEL_ELEMENTS,
      in -> in.uniform("x", Sizes.LEVEL_ELEMENTS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", Sizes.LEVEL_ELEMENTS / 4);
      Buffer indices = operands.results("indices", Sizes.LEVEL_ELEMENTS / 4);
      return operands.launching(
          y, () -> operands.kernels().maxPool(Sizes.LEVEL, Sizes.POOLING, x, y, indices));
    }
  },
  /** Its gradient, of pixels that the pooling took. */
  MAX_POOL_BACKWARD(
      "4x128x128x32",
      Sizes.LEVEL_ELEMENTS,
      1.5 * Sizes.LEVEL_ELEMENTS,
      in -> in.uniform("x", Sizes.LEVEL_ELEMENTS).uniform("dy", Sizes.LEVEL_ELEMENTS / 4)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer dy = operands.input("dy");
      Buffer y = operands.results("y", Sizes.LEVEL_ELEMENTS / 4);
      Buffer indices = operands.results("indices", Sizes.LEVEL_ELEMENTS / 4);
      Buffer dx = operands.results("dx", Sizes.LEVEL_ELEMENTS);
      operands.kernels().maxPool(Sizes.LEVEL, Sizes.POOLING, x, y, indices);
      return operands.launching(
          dx,
          () -> operands.kernels().maxPoolBackward(Sizes.LEVEL, Sizes.POOLING, dy, indices, dx, 0));
    }
  },
  /** Twice the height and width, bilinear. */
  UPSAMPLE(
      "4x128x128x32",
      4 * Sizes.LEVEL_ELEMENTS,
      5.0 * Sizes.LEVEL_ELEMENTS,
      in -> in.uniform("x", Sizes.LEVEL_ELEMENTS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer y = operands.results("y", 4 * Sizes.LEVEL_ELEMENTS);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .upsample(
                      Interpolation.BILINEAR,
                      Sizes.LEVEL,
                      2 * Sizes.LEVEL.height(),
                      2 * Sizes.LEVEL.width(),
                      x,
                      y));
    }
  },
  /** Its gradient. */
  UPSAMPLE_BACKWARD(
      "4x128x128x32",
      Sizes.LEVEL_ELEMENTS,
      5.0 * Sizes.LEVEL_ELEMENTS,
      in -> in.uniform("dy", 4 * Sizes.LEVEL_ELEMENTS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer dy = operands.input("dy");
      Buffer dx = operands.results("dx", Sizes.LEVEL_ELEMENTS);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .upsampleBackward(
                      Interpolation.BILINEAR,
                      Sizes.LEVEL,
                      2 * Sizes.LEVEL.height(),
                      2 * Sizes.LEVEL.width(),
                      dy,
                      dx,
                      0));
    }
  },
  /** Mean and variance of each channel, which takes two readings. */
  NORMALIZE_STATISTICS(
      "4x128x128x32",
      Sizes.CHANNELS,
      2.0 * Sizes.LEVEL_ELEMENTS,
      in -> in.uniform("x", Sizes.LEVEL_ELEMENTS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer mean = operands.results("mean", Sizes.CHANNELS);
      Buffer variance = operands.results("variance", Sizes.CHANNELS);
      Buffer workspace =
          operands.results("workspace", Sizes.BATCH_NORMALIZATION.statisticsWorkspace());
      return operands.launching(
          variance,
          () ->
              operands
                  .kernels()
                  .normalizeStatistics(
                      Sizes.BATCH_NORMALIZATION, x, mean, variance, null, null, workspace, 0));
    }
  },
  /** Each channel normalised, then ReLU. */
  NORMALIZE(
      "4x128x128x32",
      Sizes.LEVEL_ELEMENTS,
      2.0 * Sizes.LEVEL_ELEMENTS,
      in ->
          in.uniform("x", Sizes.LEVEL_ELEMENTS)
              .uniform("mean", Sizes.CHANNELS)
              .uniform("variance", Sizes.CHANNELS, 0.5f, 1)
              .uniform("scale", Sizes.CHANNELS)
              .uniform("shift", Sizes.CHANNELS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer mean = operands.input("mean");
      Buffer variance = operands.input("variance");
      Buffer scale = operands.input("scale");
      Buffer shift = operands.input("shift");
      Buffer y = operands.results("y", Sizes.LEVEL_ELEMENTS);
      return operands.launching(
          y,
          () ->
              operands
                  .kernels()
                  .normalize(
                      Sizes.BATCH_NORMALIZATION,
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
      2 * Sizes.CHANNELS,
      2.0 * Sizes.LEVEL_ELEMENTS,
      in ->
          in.uniform("x", Sizes.LEVEL_ELEMENTS)
              .uniform("dy", Sizes.LEVEL_ELEMENTS)
              .uniform("mean", Sizes.CHANNELS)
              .uniform("variance", Sizes.CHANNELS, 0.5f, 1)
              .uniform("scale", Sizes.CHANNELS)
              .uniform("shift", Sizes.CHANNELS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer dy = operands.input("dy");
      Buffer mean = operands.input("mean");
      Buffer variance = operands.input("variance");
      Buffer scale = operands.input("scale");
      Buffer shift = operands.input("shift");
      Buffer scaleGradient = operands.results("scale gradient", Sizes.CHANNELS);
      Buffer shiftGradient = operands.results("shift gradient", Sizes.CHANNELS);
      Buffer sums = operands.results("sums", 2 * Sizes.CHANNELS);
      Buffer workspace =
          operands.results("workspace", Sizes.BATCH_NORMALIZATION.backwardWorkspace());
      return operands.launching(
          sums,
          () ->
              operands
                  .kernels()
                  .normalizeBackwardStatistics(
                      Sizes.BATCH_NORMALIZATION,
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
      Sizes.LEVEL_ELEMENTS,
      3.0 * Sizes.LEVEL_ELEMENTS,
      in ->
          in.uniform("x", Sizes.LEVEL_ELEMENTS)
              .uniform("dy", Sizes.LEVEL_ELEMENTS)
              .uniform("mean", Sizes.CHANNELS)
              .uniform("variance", Sizes.CHANNELS, 0.5f, 1)
              .uniform("scale", Sizes.CHANNELS)
              .uniform("shift", Sizes.CHANNELS)
              .uniform("sums", 2 * Sizes.CHANNELS)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer x = operands.input("x");
      Buffer dy = operands.input("dy");
      Buffer mean = operands.input("mean");
      Buffer variance = operands.input("variance");
      Buffer scale = operands.input("scale");
      Buffer shift = operands.input("shift");
      Buffer sums = operands.input("sums");
      Buffer dx = operands.results("dx", Sizes.LEVEL_ELEMENTS);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .normalizeBackward(
                      Sizes.BATCH_NORMALIZATION,
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
      2 * Sizes.CLASSES,
      (1.0 + Sizes.CLASSES) * Sizes.CLASS_PIXELS,
      in ->
          in.uniform("probabilities", Sizes.CLASS_PIXELS * Sizes.CLASSES, 0, 1)
              .labels("labels", Sizes.CLASS_PIXELS, Sizes.CLASSES)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer probabilities = operands.input("probabilities");
      Buffer labels = operands.input("labels");
      Buffer sums = operands.results("sums", 2 * Sizes.CLASSES);
      Buffer loss = operands.results("loss", 1);
      Buffer workspace =
          operands.results(
              "workspace", Kernels.diceWorkspace(1, Sizes.CLASS_PIXELS, Sizes.CLASSES));
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
                      Sizes.CLASS_PIXELS,
                      Sizes.CLASSES,
                      1,
                      1));
    }
  },
  /** Its gradient. */
  DICE_BACKWARD(
      "65536x2",
      Sizes.CLASS_PIXELS * Sizes.CLASSES,
      (1.0 + Sizes.CLASSES) * Sizes.CLASS_PIXELS,
      in ->
          in.labels("labels", Sizes.CLASS_PIXELS, Sizes.CLASSES)
              .uniform("sums", 2 * Sizes.CLASSES, 1000, 2000)
              .uniform("upstream", 1)) {
    @Override
    public Implementation on(Operands operands) {
      Buffer labels = operands.input("labels");
      Buffer sums = operands.input("sums");
      Buffer upstream = operands.input("upstream");
      Buffer dx = operands.results("dx", Sizes.CLASS_PIXELS * Sizes.CLASSES);
      return operands.launching(
          dx,
          () ->
              operands
                  .kernels()
                  .diceBackward(
                      labels, sums, upstream, dx, 1, Sizes.CLASS_PIXELS, Sizes.CLASSES, 1, 1, 0));
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

  /** Sizes that several kernels share. */
  private static final class Sizes {
    static final int BATCH = 256;
    static final int WIDTH = 1000;
    static final int LAYER = BATCH * WIDTH;
    static final int PIXELS = 784;
    static final int DIGITS = BATCH * PIXELS;
    static final int TRAINING_IMAGES = 60_000;
    static final int PARAMETERS = 2_837_314;
    // Importance-weighted estimates.
    static final int IMAGES = 20;
    static final int REPEATS = 50;
    static final int HIDDEN = 200;
    static final int REPEATED = IMAGES * REPEATS * HIDDEN;
    static final int SAMPLED_PIXELS = IMAGES * REPEATS * PIXELS;
    static final int ROWS = 10_000;
    // U-Net.
    static final int CHANNELS = 32;
    static final Images LEVEL = new Images(4, 128, 128, CHANNELS);
    static final int LEVEL_ELEMENTS = 4 * 128 * 128 * CHANNELS;
    static final int CLASSES = 2;
    static final int CLASS_PIXELS = 4 * 128 * 128;
    static final Images VIEW = new Images(4, 256, 256, 1);
    static final int VIEW_PIXELS = 4 * 256 * 256;
    static final Window POOLING = Window.square(2).withStride(2);
    static final Normalization BATCH_NORMALIZATION =
        Normalization.batch(LEVEL.pixels(), CHANNELS, 1e-5f);
    // The training state's 40 bytes.
    static final int STATE = 10;
    static final RandomKey KEY = new RandomKey(SEED, 1);
  }

  @Override
  public String label() {
    return family() + " " + size;
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
