package dev.clessidra.bench.work;

import static dev.clessidra.bench.work.ModelSizes.BATCH;
import static dev.clessidra.bench.work.ModelSizes.BATCH_NORMALIZATION;
import static dev.clessidra.bench.work.ModelSizes.CHANNELS;
import static dev.clessidra.bench.work.ModelSizes.CLASSES;
import static dev.clessidra.bench.work.ModelSizes.CLASS_PIXELS;
import static dev.clessidra.bench.work.ModelSizes.DIGITS;
import static dev.clessidra.bench.work.ModelSizes.HIDDEN;
import static dev.clessidra.bench.work.ModelSizes.IMAGES;
import static dev.clessidra.bench.work.ModelSizes.KEPT;
import static dev.clessidra.bench.work.ModelSizes.KEY;
import static dev.clessidra.bench.work.ModelSizes.LAYER;
import static dev.clessidra.bench.work.ModelSizes.LEVEL;
import static dev.clessidra.bench.work.ModelSizes.LEVEL_ELEMENTS;
import static dev.clessidra.bench.work.ModelSizes.PARAMETERS;
import static dev.clessidra.bench.work.ModelSizes.PIXELS;
import static dev.clessidra.bench.work.ModelSizes.POOLING;
import static dev.clessidra.bench.work.ModelSizes.REPEATED;
import static dev.clessidra.bench.work.ModelSizes.REPEATS;
import static dev.clessidra.bench.work.ModelSizes.ROWS;
import static dev.clessidra.bench.work.ModelSizes.SAMPLED_PIXELS;
import static dev.clessidra.bench.work.ModelSizes.STATE;
import static dev.clessidra.bench.work.ModelSizes.TRAINING_IMAGES;
import static dev.clessidra.bench.work.ModelSizes.VIEW;
import static dev.clessidra.bench.work.ModelSizes.VIEW_PIXELS;
import static dev.clessidra.bench.work.ModelSizes.WIDTH;

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
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * Every kernel that has no work of its own to choose sizes for, in the sizes of the models: a layer
 * of 1000 units or digits in batches of 256, the parameters of the deep autoencoder, a U-Net's
 * first level with 32 channels on four images of 128 x 128, an importance-weighted estimate of 20
 * images with 50 samples each. Memory limits most of them; their names are the kernels'.
 */
// The functions that make inputs and launches hold nothing; Error Prone cannot see it.
@SuppressWarnings("ImmutableEnumChecker")
public enum FixedSizeKernel implements KernelWork {
  /** ReLU of a layer. */
  ACTIVATION_FORWARD(
      "256x1000",
      LAYER,
      2.0 * LAYER,
      in -> in.uniform("x", LAYER),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.results("y", LAYER);
        return operands.launching(
            y, () -> operands.kernels().activationForward(x, y, LAYER, Activation.RELU));
      }),
  /** The gradient of ReLU of a layer. */
  ACTIVATION_BACKWARD(
      "256x1000",
      LAYER,
      3.0 * LAYER,
      in -> in.uniform("dy", LAYER).uniform("y", LAYER),
      operands -> {
        Buffer dy = operands.input("dy");
        Buffer y = operands.input("y");
        Buffer dx = operands.results("dx", LAYER);
        return operands.launching(
            dx, () -> operands.kernels().activationBackward(dy, y, dx, LAYER, Activation.RELU, 0));
      }),
  /** The squares of a layer. */
  UNARY(
      "256x1000",
      LAYER,
      2.0 * LAYER,
      in -> in.uniform("x", LAYER),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.results("y", LAYER);
        return operands.launching(
            y, () -> operands.kernels().unary(UnaryFunction.SQUARE, x, y, LAYER, 1, 0, 0));
      }),
  /** The product of two layers, element by element. */
  BINARY(
      "256x1000",
      LAYER,
      3.0 * LAYER,
      in -> in.uniform("a", LAYER).uniform("b", LAYER),
      operands -> {
        Buffer a = operands.input("a");
        Buffer b = operands.input("b");
        Buffer y = operands.results("y", LAYER);
        return operands.launching(
            y,
            () -> operands.kernels().binary(BinaryFunction.MULTIPLY, a, b, y, LAYER, LAYER, 1, 0));
      }),
  /** One value everywhere in a layer. */
  FILL(
      "256x1000",
      LAYER,
      1.0 * LAYER,
      in -> in,
      operands -> {
        Buffer y = operands.results("y", LAYER);
        return operands.launching(y, () -> operands.kernels().fill(y, LAYER, 1));
      }),
  /** Each row of 20 layers of 200 fifty times. */
  REPEAT_ROWS(
      "20x200x50",
      REPEATED,
      REPEATED * (1 + 1.0 / REPEATS),
      in -> in.uniform("x", REPEATED / REPEATS),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.results("y", REPEATED);
        return operands.launching(
            y, () -> operands.kernels().repeatRows(x, y, IMAGES, HIDDEN, REPEATS));
      }),
  /** Fifty rows added up to one, for 20 layers of 200. */
  REPEAT_ROWS_BACKWARD(
      "20x200x50",
      IMAGES * HIDDEN,
      REPEATED * (1 + 1.0 / REPEATS),
      in -> in.uniform("dy", REPEATED),
      operands -> {
        Buffer dy = operands.input("dy");
        Buffer dx = operands.results("dx", IMAGES * HIDDEN);
        return operands.launching(
            dx, () -> operands.kernels().repeatRowsBackward(dy, dx, IMAGES, HIDDEN, REPEATS, 0));
      }),
  /** The sum of a layer. */
  REDUCE(
      "256x1000",
      1,
      1.0 * LAYER,
      in -> in.uniform("x", LAYER),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.results("y", 1);
        Buffer workspace = operands.results("workspace", Kernels.reduceWorkspace(LAYER));
        return operands.launching(
            y, () -> operands.kernels().reduce(Reduction.SUM, x, y, workspace, LAYER, 1, 0));
      }),
  /** The sum of each row of a layer. */
  REDUCE_ROWS(
      "256x1000",
      BATCH,
      1.0 * LAYER,
      in -> in.uniform("x", LAYER),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.results("y", BATCH);
        return operands.launching(
            y, () -> operands.kernels().reduceRows(Reduction.SUM, x, y, BATCH, WIDTH, 1, 0));
      }),
  /** The gradient of a bias: the sum of each column of a layer. */
  REDUCE_COLUMNS(
      "256x1000",
      WIDTH,
      1.0 * LAYER,
      in -> in.uniform("x", LAYER),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.results("y", WIDTH);
        Buffer workspace =
            operands.results("workspace", Kernels.reduceColumnsWorkspace(BATCH, WIDTH));
        return operands.launching(
            y,
            () ->
                operands
                    .kernels()
                    .reduceColumns(Reduction.SUM, x, y, workspace, BATCH, WIDTH, 1, 0));
      }),
  /** The cross-entropy of reconstructed digits. */
  LOSS(
      "256x784",
      1,
      2.0 * DIGITS,
      in -> in.uniform("x", DIGITS, -6, 6).uniform("target", DIGITS, 0, 1),
      operands -> {
        Buffer x = operands.input("x");
        Buffer target = operands.input("target");
        Buffer loss = operands.results("loss", 1);
        Buffer workspace = operands.results("workspace", Kernels.lossWorkspace(DIGITS));
        return operands.launching(
            loss,
            () ->
                operands
                    .kernels()
                    .loss(
                        LossFunction.BINARY_CROSS_ENTROPY, x, target, loss, workspace, DIGITS, 1));
      }),
  /** Its gradient. */
  LOSS_BACKWARD(
      "256x784",
      DIGITS,
      3.0 * DIGITS,
      in -> in.uniform("x", DIGITS, -6, 6).uniform("target", DIGITS, 0, 1).uniform("upstream", 1),
      operands -> {
        Buffer x = operands.input("x");
        Buffer target = operands.input("target");
        Buffer upstream = operands.input("upstream");
        Buffer dx = operands.results("dx", DIGITS);
        return operands.launching(
            dx,
            () ->
                operands
                    .kernels()
                    .lossBackward(
                        LossFunction.BINARY_CROSS_ENTROPY, x, target, upstream, dx, DIGITS, 1, 0));
      }),
  /** Of two classes a pixel. */
  SOFTMAX(
      "65536x2",
      CLASS_PIXELS * CLASSES,
      2.0 * CLASS_PIXELS * CLASSES,
      in -> in.uniform("x", CLASS_PIXELS * CLASSES),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.results("y", CLASS_PIXELS * CLASSES);
        return operands.launching(y, () -> operands.kernels().softmax(x, y, CLASS_PIXELS, CLASSES));
      }),
  /** Of 50 importance weights, 10,000 times. */
  LOG_SUM_EXP(
      "10000x50",
      ROWS,
      1.0 * ROWS * REPEATS,
      in -> in.uniform("x", ROWS * REPEATS),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.results("y", ROWS);
        return operands.launching(y, () -> operands.kernels().logSumExp(x, y, ROWS, REPEATS));
      }),
  /** Its gradient. */
  LOG_SUM_EXP_BACKWARD(
      "10000x50",
      ROWS * REPEATS,
      2.0 * ROWS * REPEATS,
      in -> in.uniform("x", ROWS * REPEATS).uniform("y", ROWS, 4, 5).uniform("upstream", ROWS),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.input("y");
        Buffer upstream = operands.input("upstream");
        Buffer dx = operands.results("dx", ROWS * REPEATS);
        return operands.launching(
            dx, () -> operands.kernels().logSumExpBackward(x, y, upstream, dx, ROWS, REPEATS, 0));
      }),
  /** Of two classes a pixel. */
  SOFTMAX_CROSS_ENTROPY(
      "65536x2",
      1,
      (2.0 * CLASSES + 1) * CLASS_PIXELS,
      in -> in.uniform("logits", CLASS_PIXELS * CLASSES).labels("labels", CLASS_PIXELS, CLASSES),
      operands -> {
        Buffer logits = operands.input("logits");
        Buffer labels = operands.input("labels");
        Buffer probabilities = operands.results("probabilities", CLASS_PIXELS * CLASSES);
        Buffer loss = operands.results("loss", 1);
        Buffer workspace =
            operands.results("workspace", Kernels.softmaxCrossEntropyWorkspace(CLASS_PIXELS));
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
                        CLASS_PIXELS,
                        CLASSES,
                        1));
      }),
  /** Its gradient. */
  SOFTMAX_CROSS_ENTROPY_BACKWARD(
      "65536x2",
      CLASS_PIXELS * CLASSES,
      (2.0 * CLASSES + 1) * CLASS_PIXELS,
      in ->
          in.uniform("probabilities", CLASS_PIXELS * CLASSES, 0, 1)
              .labels("labels", CLASS_PIXELS, CLASSES)
              .uniform("upstream", 1),
      operands -> {
        Buffer probabilities = operands.input("probabilities");
        Buffer labels = operands.input("labels");
        Buffer upstream = operands.input("upstream");
        Buffer dx = operands.results("dx", CLASS_PIXELS * CLASSES);
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
                        CLASS_PIXELS,
                        CLASSES,
                        1,
                        0));
      }),
  /** The penalty of a sparse autoencoder of 1000 units. */
  KL_SPARSITY(
      "1000",
      1,
      1.0 * WIDTH,
      in -> in.uniform("mean", WIDTH, 0.01f, 0.99f),
      operands -> {
        Buffer mean = operands.input("mean");
        Buffer loss = operands.results("loss", 1);
        Buffer workspace = operands.results("workspace", Kernels.klSparsityWorkspace(WIDTH));
        return operands.launching(
            loss, () -> operands.kernels().klSparsity(mean, loss, workspace, WIDTH, 0.05f, 1));
      }),
  /** Its gradient. */
  KL_SPARSITY_BACKWARD(
      "256x1000",
      LAYER,
      1.0 * LAYER,
      in -> in.uniform("mean", WIDTH, 0.01f, 0.99f).uniform("upstream", 1),
      operands -> {
        Buffer mean = operands.input("mean");
        Buffer upstream = operands.input("upstream");
        Buffer dx = operands.results("dx", LAYER);
        return operands.launching(
            dx,
            () ->
                operands
                    .kernels()
                    .klSparsityBackward(mean, upstream, dx, BATCH, WIDTH, 0.05f, 1, 0));
      }),
  /** The 25 largest of each row of a layer. */
  TOP_K(
      "256x1000",
      LAYER,
      3.0 * LAYER,
      in -> in.uniform("x", LAYER),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.results("y", LAYER);
        Buffer mask = operands.results("mask", LAYER);
        return operands.launching(y, () -> operands.kernels().topK(x, y, mask, BATCH, WIDTH, KEPT));
      }),
  /** Normally distributed numbers. */
  RANDOM(
      "256x1000",
      LAYER,
      1.0 * LAYER,
      in -> in,
      operands -> {
        Buffer y = operands.results("y", LAYER);
        return operands.launching(
            y,
            () ->
                operands
                    .kernels()
                    .random(Distribution.NORMAL, y, operands.state(), LAYER, KEY, 0, 1));
      }),
  /** Masking noise on digits. */
  MASK_NOISE(
      "256x784",
      DIGITS,
      2.0 * DIGITS,
      in -> in.uniform("x", DIGITS),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.results("y", DIGITS);
        return operands.launching(
            y, () -> operands.kernels().maskNoise(x, y, operands.state(), DIGITS, KEY, 0.3f, 1));
      }),
  /** Digits as bits. */
  BINARIZE(
      "256x784",
      DIGITS,
      2.0 * DIGITS,
      in -> in.uniform("x", DIGITS, 0, 1),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.results("y", DIGITS);
        return operands.launching(
            y, () -> operands.kernels().binarize(x, y, operands.state(), DIGITS, KEY));
      }),
  /** A shuffled batch of 256 out of 60,000 images of 784 bytes, as floats; then the next step. */
  GATHER_ROWS(
      "256x784",
      DIGITS,
      1.25 * DIGITS,
      in -> in.bytes("images", TRAINING_IMAGES * PIXELS),
      operands -> {
        RowSource source =
            new RowSource(operands.input("images"), ElementType.UINT8, TRAINING_IMAGES, PIXELS);
        Buffer batch = operands.results("batch", DIGITS);
        return operands.launching(
            batch,
            () -> {
              operands.kernels().gatherRows(source, batch, BATCH, operands.state(), true, 1);
              // The same rows again would come out of a cache.
              operands.kernels().advance(operands.state());
            });
      }),
  /** Distorted digits. */
  AFFINE_WARP(
      "256x784",
      DIGITS,
      2.0 * DIGITS,
      in -> in.uniform("x", DIGITS, 0, 1),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.results("y", DIGITS);
        AffineRange range = new AffineRange(0.9f, 0.1f, 0.1f, 0.1f, 2);
        return operands.launching(
            y,
            () ->
                operands
                    .kernels()
                    .affineWarp(x, y, operands.state(), KEY, BATCH, 28, 28, 1, range));
      }),
  /** Where the pixels of elastic views come from. */
  DEFORMATION_FIELD(
      "4x256x256x1",
      2 * VIEW_PIXELS,
      2.0 * VIEW_PIXELS,
      in -> in,
      operands -> {
        Buffer field = operands.results("field", 2 * VIEW_PIXELS);
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
                        VIEW, VIEW.height(), VIEW.width(), range, field, operands.state(), KEY));
      }),
  /** Images read between pixels. */
  SAMPLE_IMAGES(
      "4x256x256x1",
      VIEW_PIXELS,
      4.0 * VIEW_PIXELS,
      in -> in.uniform("x", VIEW_PIXELS).uniform("field", 2 * VIEW_PIXELS, 0, 255),
      operands -> {
        Buffer x = operands.input("x");
        Buffer field = operands.input("field");
        Buffer view = operands.results("view", VIEW_PIXELS);
        return operands.launching(
            view,
            () ->
                operands
                    .kernels()
                    .sampleImages(
                        Interpolation.BILINEAR, VIEW, VIEW.height(), VIEW.width(), x, field, view));
      }),
  /** Images of other contrast, brightness and gamma. */
  RANDOM_BRIGHTNESS(
      "4x256x256x1",
      VIEW_PIXELS,
      2.0 * VIEW_PIXELS,
      in -> in.uniform("x", VIEW_PIXELS, 0, 1),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.results("y", VIEW_PIXELS);
        return operands.launching(
            y,
            () ->
                operands
                    .kernels()
                    .randomBrightness(
                        x,
                        y,
                        operands.state(),
                        KEY,
                        VIEW.count(),
                        VIEW.pixels() / VIEW.count(),
                        0.2f,
                        0.2f,
                        0.2f));
      }),
  /** The next step. */
  ADVANCE(
      "1",
      STATE,
      2.0 * STATE,
      in -> in,
      operands ->
          operands.launching(operands.state(), () -> operands.kernels().advance(operands.state()))),
  /** A step's learning rate and powers of Adam's betas. */
  SCHEDULE(
      "1",
      STATE,
      2.0 * STATE,
      in -> in,
      operands -> {
        Schedule schedule = Schedule.warmupCosine(1e-3, 100, 10_000, 1e-5).withBetas(0.9, 0.999);
        return operands.launching(
            operands.state(), () -> operands.kernels().schedule(operands.state(), schedule));
      }),
  /** The factor of a warm-up. */
  LINEAR_WARMUP(
      "1",
      1,
      3.0,
      in -> in,
      operands -> {
        Buffer y = operands.results("y", 1);
        return operands.launching(
            y,
            () -> {
              operands.kernels().advance(operands.state());
              operands.kernels().linearWarmup(operands.state(), y, 1L << 40);
            });
      }),
  /** The norm of the deep autoencoder's gradients. */
  CLIP_NORM(
      "2837314",
      STATE,
      1.0 * PARAMETERS,
      in -> in.uniform("gradients", PARAMETERS),
      operands -> {
        Buffer gradients = operands.input("gradients");
        Buffer workspace = operands.results("workspace", Kernels.clipNormWorkspace(PARAMETERS));
        return operands.launching(
            operands.state(),
            () ->
                operands.kernels().clipNorm(gradients, operands.state(), workspace, PARAMETERS, 1));
      }),
  /** With momentum, on the parameters of the deep autoencoder. */
  SGD(
      "2837314",
      PARAMETERS,
      5.0 * PARAMETERS,
      in ->
          in.uniform("parameters", PARAMETERS)
              .uniform("gradients", PARAMETERS)
              .uniform("velocity", PARAMETERS),
      operands -> {
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
                    .sgd(parameters, gradients, velocity, operands.state(), PARAMETERS, options));
      }),
  /** On the parameters of the deep autoencoder. */
  ADAM(
      "2837314",
      PARAMETERS,
      7.0 * PARAMETERS,
      in ->
          in.uniform("parameters", PARAMETERS)
              .uniform("gradients", PARAMETERS)
              .uniform("first moment", PARAMETERS)
              .uniform("second moment", PARAMETERS, 0, 1),
      operands -> {
        Buffer parameters = operands.input("parameters");
        Buffer gradients = operands.input("gradients");
        Buffer firstMoment = operands.input("first moment");
        Buffer secondMoment = operands.input("second moment");
        AdamOptions options = new AdamOptions(0.9f, 0.999f, 1e-8f, 0, false);
        operands
            .kernels()
            .schedule(operands.state(), Schedule.constant(1e-3).withBetas(0.9, 0.999));
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
                        PARAMETERS,
                        options));
      }),
  /** The moving average of the parameters of the deep autoencoder. */
  AVERAGE(
      "2837314",
      PARAMETERS,
      3.0 * PARAMETERS,
      in -> in.uniform("x", PARAMETERS).uniform("y", PARAMETERS),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.input("y");
        return operands.launching(
            y, () -> operands.kernels().average(x, y, operands.state(), PARAMETERS, 0.999));
      }),
  /** The gradient of the log-variance of samples. */
  REPARAMETERIZE_BACKWARD(
      "256x1000",
      LAYER,
      3.0 * LAYER,
      in -> in.uniform("dz", LAYER).uniform("log variance", LAYER),
      operands -> {
        Buffer dz = operands.input("dz");
        Buffer logVariance = operands.input("log variance");
        Buffer gradient = operands.results("gradient", LAYER);
        return operands.launching(
            gradient,
            () ->
                operands
                    .kernels()
                    .reparameterizeBackward(
                        dz, logVariance, gradient, operands.state(), LAYER, KEY, 0));
      }),
  /** The gradients of mean and log-variance. */
  GAUSSIAN_KL_BACKWARD(
      "256x1000",
      LAYER,
      4.0 * LAYER,
      in -> in.uniform("mean", LAYER).uniform("log variance", LAYER).uniform("upstream", 1),
      operands -> {
        Buffer mean = operands.input("mean");
        Buffer logVariance = operands.input("log variance");
        Buffer upstream = operands.input("upstream");
        Buffer meanGradient = operands.results("mean gradient", LAYER);
        Buffer gradient = operands.results("gradient", LAYER);
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
                        BATCH,
                        WIDTH,
                        1,
                        0,
                        0));
      }),
  /** Of 20 images under 50 samples' pixel probabilities each. */
  BERNOULLI_LOG_LIKELIHOOD(
      "20x784x50",
      IMAGES * REPEATS,
      SAMPLED_PIXELS * (1 + 1.0 / REPEATS),
      in -> in.uniform("logits", SAMPLED_PIXELS, -6, 6).uniform("target", IMAGES * PIXELS, 0, 1),
      operands -> {
        Buffer logits = operands.input("logits");
        Buffer target = operands.input("target");
        Buffer logLikelihood = operands.results("log-likelihood", IMAGES * REPEATS);
        return operands.launching(
            logLikelihood,
            () ->
                operands
                    .kernels()
                    .bernoulliLogLikelihood(
                        logits, target, logLikelihood, IMAGES, PIXELS, REPEATS));
      }),
  /** Its gradient. */
  BERNOULLI_LOG_LIKELIHOOD_BACKWARD(
      "20x784x50",
      SAMPLED_PIXELS,
      SAMPLED_PIXELS * (2 + 1.0 / REPEATS),
      in ->
          in.uniform("logits", SAMPLED_PIXELS, -6, 6)
              .uniform("target", IMAGES * PIXELS, 0, 1)
              .uniform("upstream", IMAGES * REPEATS),
      operands -> {
        Buffer logits = operands.input("logits");
        Buffer target = operands.input("target");
        Buffer upstream = operands.input("upstream");
        Buffer dLogits = operands.results("gradient", SAMPLED_PIXELS);
        return operands.launching(
            dLogits,
            () ->
                operands
                    .kernels()
                    .bernoulliLogLikelihoodBackward(
                        logits, target, upstream, dLogits, IMAGES, PIXELS, REPEATS, 0));
      }),
  /** Of 50 codes each of 20 Gaussians of 200 dimensions. */
  GAUSSIAN_LOG_DENSITY(
      "20x200x50",
      IMAGES * REPEATS,
      REPEATED * (1 + 2.0 / REPEATS),
      in ->
          in.uniform("x", REPEATED)
              .uniform("mean", IMAGES * HIDDEN)
              .uniform("log variance", IMAGES * HIDDEN),
      operands -> {
        Buffer x = operands.input("x");
        Buffer mean = operands.input("mean");
        Buffer logVariance = operands.input("log variance");
        Buffer logDensity = operands.results("log-density", IMAGES * REPEATS);
        return operands.launching(
            logDensity,
            () ->
                operands
                    .kernels()
                    .gaussianLogDensity(x, mean, logVariance, logDensity, IMAGES, HIDDEN, REPEATS));
      }),
  /** Its gradients. */
  GAUSSIAN_LOG_DENSITY_BACKWARD(
      "20x200x50",
      REPEATED,
      REPEATED * (2 + 4.0 / REPEATS),
      in ->
          in.uniform("x", REPEATED)
              .uniform("mean", IMAGES * HIDDEN)
              .uniform("log variance", IMAGES * HIDDEN)
              .uniform("upstream", IMAGES * REPEATS),
      operands -> {
        Buffer x = operands.input("x");
        Buffer mean = operands.input("mean");
        Buffer logVariance = operands.input("log variance");
        Buffer upstream = operands.input("upstream");
        Buffer dx = operands.results("dx", REPEATED);
        Buffer meanGradient = operands.results("mean gradient", IMAGES * HIDDEN);
        Buffer gradient = operands.results("gradient", IMAGES * HIDDEN);
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
                        IMAGES,
                        HIDDEN,
                        REPEATS,
                        0,
                        0,
                        0));
      }),
  /** The largest of each 2 x 2 pixels. */
  MAX_POOL(
      "4x128x128x32",
      LEVEL_ELEMENTS / 4,
      1.5 * LEVEL_ELEMENTS,
      in -> in.uniform("x", LEVEL_ELEMENTS),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.results("y", LEVEL_ELEMENTS / 4);
        Buffer indices = operands.results("indices", LEVEL_ELEMENTS / 4);
        return operands.launching(
            y, () -> operands.kernels().maxPool(LEVEL, POOLING, x, y, indices));
      }),
  /** Its gradient, of pixels that the pooling took. */
  MAX_POOL_BACKWARD(
      "4x128x128x32",
      LEVEL_ELEMENTS,
      1.5 * LEVEL_ELEMENTS,
      in -> in.uniform("x", LEVEL_ELEMENTS).uniform("dy", LEVEL_ELEMENTS / 4),
      operands -> {
        Buffer x = operands.input("x");
        Buffer dy = operands.input("dy");
        Buffer y = operands.results("y", LEVEL_ELEMENTS / 4);
        Buffer indices = operands.results("indices", LEVEL_ELEMENTS / 4);
        Buffer dx = operands.results("dx", LEVEL_ELEMENTS);
        operands.kernels().maxPool(LEVEL, POOLING, x, y, indices);
        return operands.launching(
            dx, () -> operands.kernels().maxPoolBackward(LEVEL, POOLING, dy, indices, dx, 0));
      }),
  /** Twice the height and width, bilinear. */
  UPSAMPLE(
      "4x128x128x32",
      4 * LEVEL_ELEMENTS,
      5.0 * LEVEL_ELEMENTS,
      in -> in.uniform("x", LEVEL_ELEMENTS),
      operands -> {
        Buffer x = operands.input("x");
        Buffer y = operands.results("y", 4 * LEVEL_ELEMENTS);
        return operands.launching(
            y,
            () ->
                operands
                    .kernels()
                    .upsample(
                        Interpolation.BILINEAR,
                        LEVEL,
                        2 * LEVEL.height(),
                        2 * LEVEL.width(),
                        x,
                        y));
      }),
  /** Its gradient. */
  UPSAMPLE_BACKWARD(
      "4x128x128x32",
      LEVEL_ELEMENTS,
      5.0 * LEVEL_ELEMENTS,
      in -> in.uniform("dy", 4 * LEVEL_ELEMENTS),
      operands -> {
        Buffer dy = operands.input("dy");
        Buffer dx = operands.results("dx", LEVEL_ELEMENTS);
        return operands.launching(
            dx,
            () ->
                operands
                    .kernels()
                    .upsampleBackward(
                        Interpolation.BILINEAR,
                        LEVEL,
                        2 * LEVEL.height(),
                        2 * LEVEL.width(),
                        dy,
                        dx,
                        0));
      }),
  /** Mean and variance of each channel. */
  NORMALIZE_STATISTICS(
      "4x128x128x32",
      CHANNELS,
      1.0 * LEVEL_ELEMENTS,
      in -> in.uniform("x", LEVEL_ELEMENTS),
      operands -> {
        Buffer x = operands.input("x");
        Buffer mean = operands.results("mean", CHANNELS);
        Buffer variance = operands.results("variance", CHANNELS);
        Buffer workspace = operands.results("workspace", BATCH_NORMALIZATION.statisticsWorkspace());
        return operands.launching(
            variance,
            () ->
                operands
                    .kernels()
                    .normalizeStatistics(
                        BATCH_NORMALIZATION, x, mean, variance, null, null, workspace, 0));
      }),
  /** Each channel normalised, then ReLU. */
  NORMALIZE(
      "4x128x128x32",
      LEVEL_ELEMENTS,
      2.0 * LEVEL_ELEMENTS,
      in ->
          in.uniform("x", LEVEL_ELEMENTS)
              .uniform("mean", CHANNELS)
              .uniform("variance", CHANNELS, 0.5f, 1)
              .uniform("scale", CHANNELS)
              .uniform("shift", CHANNELS),
      operands -> {
        Buffer x = operands.input("x");
        Buffer mean = operands.input("mean");
        Buffer variance = operands.input("variance");
        Buffer scale = operands.input("scale");
        Buffer shift = operands.input("shift");
        Buffer y = operands.results("y", LEVEL_ELEMENTS);
        return operands.launching(
            y,
            () ->
                operands
                    .kernels()
                    .normalize(
                        BATCH_NORMALIZATION, x, mean, variance, scale, shift, y, Activation.RELU));
      }),
  /** The gradients of scale and shift, and what the gradient of x needs, through ReLU's. */
  NORMALIZE_BACKWARD_STATISTICS(
      "4x128x128x32",
      2 * CHANNELS,
      2.0 * LEVEL_ELEMENTS,
      in ->
          in.uniform("x", LEVEL_ELEMENTS)
              .uniform("dy", LEVEL_ELEMENTS)
              .uniform("mean", CHANNELS)
              .uniform("variance", CHANNELS, 0.5f, 1)
              .uniform("scale", CHANNELS)
              .uniform("shift", CHANNELS),
      operands -> {
        Buffer x = operands.input("x");
        Buffer dy = operands.input("dy");
        Buffer mean = operands.input("mean");
        Buffer variance = operands.input("variance");
        Buffer scale = operands.input("scale");
        Buffer shift = operands.input("shift");
        Buffer scaleGradient = operands.results("scale gradient", CHANNELS);
        Buffer shiftGradient = operands.results("shift gradient", CHANNELS);
        Buffer sums = operands.results("sums", 2 * CHANNELS);
        Buffer workspace = operands.results("workspace", BATCH_NORMALIZATION.backwardWorkspace());
        return operands.launching(
            sums,
            () ->
                operands
                    .kernels()
                    .normalizeBackwardStatistics(
                        BATCH_NORMALIZATION,
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
      }),
  /** The gradient of x, through ReLU's. */
  NORMALIZE_BACKWARD(
      "4x128x128x32",
      LEVEL_ELEMENTS,
      3.0 * LEVEL_ELEMENTS,
      in ->
          in.uniform("x", LEVEL_ELEMENTS)
              .uniform("dy", LEVEL_ELEMENTS)
              .uniform("mean", CHANNELS)
              .uniform("variance", CHANNELS, 0.5f, 1)
              .uniform("scale", CHANNELS)
              .uniform("shift", CHANNELS)
              .uniform("sums", 2 * CHANNELS),
      operands -> {
        Buffer x = operands.input("x");
        Buffer dy = operands.input("dy");
        Buffer mean = operands.input("mean");
        Buffer variance = operands.input("variance");
        Buffer scale = operands.input("scale");
        Buffer shift = operands.input("shift");
        Buffer sums = operands.input("sums");
        Buffer dx = operands.results("dx", LEVEL_ELEMENTS);
        return operands.launching(
            dx,
            () ->
                operands
                    .kernels()
                    .normalizeBackward(
                        BATCH_NORMALIZATION,
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
      }),
  /** Of two classes a pixel. */
  DICE(
      "65536x2",
      2 * CLASSES,
      (1.0 + CLASSES) * CLASS_PIXELS,
      in ->
          in.uniform("probabilities", CLASS_PIXELS * CLASSES, 0, 1)
              .labels("labels", CLASS_PIXELS, CLASSES),
      operands -> {
        Buffer probabilities = operands.input("probabilities");
        Buffer labels = operands.input("labels");
        Buffer sums = operands.results("sums", 2 * CLASSES);
        Buffer loss = operands.results("loss", 1);
        Buffer workspace =
            operands.results("workspace", Kernels.diceWorkspace(1, CLASS_PIXELS, CLASSES));
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
                        CLASS_PIXELS,
                        CLASSES,
                        1,
                        1));
      }),
  /** Its gradient. */
  DICE_BACKWARD(
      "65536x2",
      CLASS_PIXELS * CLASSES,
      (1.0 + CLASSES) * CLASS_PIXELS,
      in ->
          in.labels("labels", CLASS_PIXELS, CLASSES)
              .uniform("sums", 2 * CLASSES, 1000, 2000)
              .uniform("upstream", 1),
      operands -> {
        Buffer labels = operands.input("labels");
        Buffer sums = operands.input("sums");
        Buffer upstream = operands.input("upstream");
        Buffer dx = operands.results("dx", CLASS_PIXELS * CLASSES);
        return operands.launching(
            dx,
            () ->
                operands
                    .kernels()
                    .diceBackward(labels, sums, upstream, dx, 1, CLASS_PIXELS, CLASSES, 1, 1, 0));
      });

  private final String size;
  private final int resultSize;
  private final double floats;
  private final UnaryOperator<Inputs.Builder> inputs;
  private final Function<Operands, Implementation> launch;

  FixedSizeKernel(
      String size,
      int resultSize,
      double floats,
      UnaryOperator<Inputs.Builder> inputs,
      Function<Operands, Implementation> launch) {
    this.size = size;
    this.resultSize = resultSize;
    this.floats = floats;
    this.inputs = inputs;
    this.launch = launch;
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
  public Implementation on(Operands operands) {
    return launch.apply(operands);
  }

  @Override
  public int resultSize() {
    return resultSize;
  }
}
