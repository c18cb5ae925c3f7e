package dev.clessidra.bench;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.AdamOptions;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.DeformationRange;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.ElementType;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Interpolation;
import dev.clessidra.kernels.Kernels;
import dev.clessidra.kernels.Normalization;
import dev.clessidra.kernels.RandomKey;
import dev.clessidra.kernels.Reduction;
import dev.clessidra.kernels.RowSource;
import dev.clessidra.kernels.Schedule;
import dev.clessidra.kernels.Window;

/**
 * Kernels that memory limits, in the sizes of the deep autoencoder 784-1000-500-250-30 with a batch
 * of 256, of a U-Net's first level, four images of 128 x 128 with 32 channels, or of an
 * importance-weighted estimate: 20 images of 784 pixels with 50 samples each.
 */
public enum MemoryBoundKernel {
  /** Adam on all 2,837,314 parameters. */
  ADAM,
  /** The gradient of ReLU on the first layer's 256 x 1000 outputs. */
  ACTIVATION_BACKWARD,
  /** The gradient of the first layer's bias: the columns of 256 x 1000 added up. */
  COLUMN_SUM,
  /** A shuffled batch of 256 out of 60,000 images of 784 bytes, as floats. */
  GATHER_ROWS,
  /** The largest of each 2 x 2 pixels. */
  MAX_POOL,
  /** Twice the height and width, bilinear. */
  UPSAMPLE,
  /** Elastic views of four images of 256 x 256 and of their labels. */
  AUGMENTATION,
  /** Mean and variance of each channel. */
  BATCH_STATISTICS,
  /** Each channel normalised, then ReLU. */
  NORMALIZE,
  /** Dice of two classes a pixel. */
  DICE,
  /** Samples of 256 Gaussians of 1000 dimensions. */
  REPARAMETERIZE,
  /** The log-likelihood of each image under each of its samples' pixel probabilities. */
  BERNOULLI_LOG_LIKELIHOOD;

  private static final int PARAMETERS = 2_837_314;
  private static final int BATCH = 256;
  private static final int WIDTH = 1000;
  private static final int IMAGES = 60_000;
  private static final int PIXELS = 784;
  private static final Images LEVEL = new Images(4, 128, 128, 32);

  KernelWorkload on(Device device) {
    Operands operands = new Operands(device);
    Kernels kernels = device.kernels();
    return switch (this) {
      case ADAM -> adam(device, kernels, operands);
      case ACTIVATION_BACKWARD -> activationBackward(device, kernels, operands);
      case COLUMN_SUM -> columnSum(device, kernels, operands);
      case GATHER_ROWS -> gatherRows(device, kernels, operands);
      case MAX_POOL -> maxPool(device, kernels, operands);
      case UPSAMPLE -> upsample(device, kernels, operands);
      case AUGMENTATION -> augmentation(device, kernels, operands);
      case BATCH_STATISTICS -> batchStatistics(device, kernels, operands);
      case NORMALIZE -> normalize(device, kernels, operands);
      case DICE -> dice(device, kernels, operands);
      case REPARAMETERIZE -> reparameterize(device, kernels, operands);
      case BERNOULLI_LOG_LIKELIHOOD -> bernoulliLogLikelihood(device, kernels, operands);
    };
  }

  private static KernelWorkload adam(Device device, Kernels kernels, Operands operands) {
    Buffer parameters = operands.uniform("parameters", PARAMETERS);
    Buffer gradients = operands.uniform("gradients", PARAMETERS);
    Buffer firstMoment = operands.uniform("first moment", PARAMETERS);
    Buffer secondMoment = operands.uniform("second moment", PARAMETERS, 0, 1);
    AdamOptions options = new AdamOptions(0.9f, 0.999f, 1e-8f, 0, false);
    kernels.schedule(operands.state(), Schedule.constant(1e-3).withBetas(0.9, 0.999));
    return new KernelWorkload(
        device,
        operands,
        () ->
            kernels.adam(
                parameters,
                gradients,
                firstMoment,
                secondMoment,
                operands.state(),
                PARAMETERS,
                options),
        parameters,
        0,
        7.0 * Float.BYTES * PARAMETERS);
  }

  private static KernelWorkload activationBackward(
      Device device, Kernels kernels, Operands operands) {
    int count = BATCH * WIDTH;
    Buffer outputGradient = operands.uniform("output gradient", count);
    Buffer output = operands.uniform("output", count);
    Buffer inputGradient = operands.results("input gradient", count);
    return new KernelWorkload(
        device,
        operands,
        () ->
            kernels.activationBackward(
                outputGradient, output, inputGradient, count, Activation.RELU, 0),
        inputGradient,
        0,
        3.0 * Float.BYTES * count);
  }

  private static KernelWorkload columnSum(Device device, Kernels kernels, Operands operands) {
    Buffer gradient = operands.uniform("gradient", BATCH * WIDTH);
    Buffer sums = operands.results("sums", WIDTH);
    Buffer workspace = operands.results("workspace", Kernels.reduceColumnsWorkspace(BATCH, WIDTH));
    return new KernelWorkload(
        device,
        operands,
        () -> kernels.reduceColumns(Reduction.SUM, gradient, sums, workspace, BATCH, WIDTH, 1, 0),
        sums,
        0,
        Float.BYTES * (BATCH + 1.0) * WIDTH);
  }

  private static KernelWorkload gatherRows(Device device, Kernels kernels, Operands operands) {
    Buffer images = operands.bytes("images", IMAGES * PIXELS);
    RowSource source = new RowSource(images, ElementType.UINT8, IMAGES, PIXELS);
    Buffer batch = operands.results("batch", BATCH * PIXELS);
    return new KernelWorkload(
        device,
        operands,
        () -> {
          kernels.gatherRows(source, batch, BATCH, operands.state(), true, 1);
          // The same rows again would come out of a cache.
          kernels.advance(operands.state());
        },
        batch,
        0,
        (1.0 + Float.BYTES) * BATCH * PIXELS);
  }

  private static KernelWorkload maxPool(Device device, Kernels kernels, Operands operands) {
    Window window = Window.square(2).withStride(2);
    long outputs = window.over(LEVEL).elements();
    Buffer x = operands.uniform("x", LEVEL.elements());
    Buffer y = operands.results("y", outputs);
    Buffer indices = operands.results("indices", outputs);
    return new KernelWorkload(
        device,
        operands,
        () -> kernels.maxPool(LEVEL, window, x, y, indices),
        y,
        0,
        Float.BYTES * (LEVEL.elements() + 2.0 * outputs));
  }

  private static KernelWorkload upsample(Device device, Kernels kernels, Operands operands) {
    int height = 2 * LEVEL.height();
    int width = 2 * LEVEL.width();
    long outputs = LEVEL.resized(height, width).elements();
    Buffer x = operands.uniform("x", LEVEL.elements());
    Buffer y = operands.results("y", outputs);
    return new KernelWorkload(
        device,
        operands,
        () -> kernels.upsample(Interpolation.BILINEAR, LEVEL, height, width, x, y),
        y,
        0,
        Float.BYTES * ((double) LEVEL.elements() + outputs));
  }

  private static KernelWorkload augmentation(Device device, Kernels kernels, Operands operands) {
    Images images = new Images(4, 256, 256, 1);
    int size = images.height();
    long pixels = images.pixels();
    DeformationRange range =
        DeformationRange.none()
            .withMirrors(true, true)
            .withQuarterTurns(true)
            .withRotation(0.1f)
            .withScale(0.1f)
            .withElastic(10);
    Buffer x = operands.uniform("x", pixels);
    Buffer labels = operands.labels("labels", (int) pixels, 2);
    Buffer field = operands.results("field", 2 * pixels);
    Buffer view = operands.results("view", pixels);
    Buffer viewedLabels = operands.results("viewed labels", pixels);
    return new KernelWorkload(
        device,
        operands,
        () -> {
          kernels.deformationField(
              images, size, size, range, field, operands.state(), new RandomKey(1, 1));
          kernels.sampleImages(Interpolation.BILINEAR, images, size, size, x, field, view);
          kernels.sampleImages(
              Interpolation.NEAREST, images, size, size, labels, field, viewedLabels);
        },
        view,
        0,
        // The field is written once and read twice.
        Float.BYTES * (3 * 2.0 + 2 * 2.0) * pixels);
  }

  private static KernelWorkload batchStatistics(Device device, Kernels kernels, Operands operands) {
    Normalization batch = Normalization.batch(LEVEL.pixels(), LEVEL.channels(), 1e-5f);
    Buffer x = operands.uniform("x", batch.elements());
    Buffer mean = operands.results("mean", batch.statistics());
    Buffer variance = operands.results("variance", batch.statistics());
    Buffer workspace = operands.results("workspace", batch.statisticsWorkspace());
    return new KernelWorkload(
        device,
        operands,
        () -> kernels.normalizeStatistics(batch, x, mean, variance, null, null, workspace, 0),
        variance,
        0,
        2.0 * Float.BYTES * batch.elements());
  }

  private static KernelWorkload normalize(Device device, Kernels kernels, Operands operands) {
    Normalization batch = Normalization.batch(LEVEL.pixels(), LEVEL.channels(), 1e-5f);
    Buffer x = operands.uniform("x", batch.elements());
    Buffer mean = operands.uniform("mean", batch.statistics());
    Buffer variance = operands.uniform("variance", batch.statistics(), 0.5f, 1);
    Buffer scale = operands.uniform("scale", LEVEL.channels());
    Buffer shift = operands.uniform("shift", LEVEL.channels());
    Buffer y = operands.results("y", batch.elements());
    return new KernelWorkload(
        device,
        operands,
        () -> kernels.normalize(batch, x, mean, variance, scale, shift, y, Activation.RELU),
        y,
        0,
        2.0 * Float.BYTES * batch.elements());
  }

  private static KernelWorkload dice(Device device, Kernels kernels, Operands operands) {
    int classes = 2;
    long pixels = LEVEL.pixels();
    Buffer probabilities = operands.uniform("probabilities", pixels * classes, 0, 1);
    Buffer labels = operands.labels("labels", (int) pixels, classes);
    Buffer sums = operands.results("sums", 2L * classes);
    Buffer loss = operands.results("loss", 1);
    Buffer workspace = operands.results("workspace", Kernels.diceWorkspace(1, pixels, classes));
    return new KernelWorkload(
        device,
        operands,
        () -> kernels.dice(probabilities, labels, sums, loss, workspace, 1, pixels, classes, 1, 1),
        sums,
        0,
        Float.BYTES * (1.0 + classes) * pixels);
  }

  private static KernelWorkload reparameterize(Device device, Kernels kernels, Operands operands) {
    int count = BATCH * WIDTH;
    Buffer mean = operands.uniform("mean", count);
    Buffer logVariance = operands.uniform("log variance", count);
    Buffer z = operands.results("z", count);
    return new KernelWorkload(
        device,
        operands,
        () ->
            kernels.reparameterize(
                mean, logVariance, z, operands.state(), count, new RandomKey(1, 1)),
        z,
        0,
        3.0 * Float.BYTES * count);
  }

  private static KernelWorkload bernoulliLogLikelihood(
      Device device, Kernels kernels, Operands operands) {
    long images = 20;
    int samples = 50;
    Buffer logits = operands.uniform("logits", images * samples * PIXELS, -6, 6);
    Buffer target = operands.uniform("target", images * PIXELS, 0, 1);
    Buffer logLikelihood = operands.results("log-likelihood", images * samples);
    return new KernelWorkload(
        device,
        operands,
        () ->
            kernels.bernoulliLogLikelihood(logits, target, logLikelihood, images, PIXELS, samples),
        logLikelihood,
        0,
        Float.BYTES * ((1.0 + samples) * PIXELS + samples) * images);
  }

  /** For example {@code adam}. */
  @Override
  public String toString() {
    return switch (this) {
      case ADAM -> "adam";
      case ACTIVATION_BACKWARD -> "activation backward";
      case COLUMN_SUM -> "column sum";
      case GATHER_ROWS -> "gather rows";
      case MAX_POOL -> "max pool";
      case UPSAMPLE -> "upsample";
      case AUGMENTATION -> "augmentation";
      case BATCH_STATISTICS -> "batch statistics";
      case NORMALIZE -> "normalize";
      case DICE -> "dice";
      case REPARAMETERIZE -> "reparameterize";
      case BERNOULLI_LOG_LIKELIHOOD -> "Bernoulli log-likelihood";
    };
  }
}
