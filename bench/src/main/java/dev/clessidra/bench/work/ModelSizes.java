package dev.clessidra.bench.work;

import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Normalization;
import dev.clessidra.kernels.RandomKey;
import dev.clessidra.kernels.Window;

/** Sizes of the models that {@link FixedSizeKernel} works on. */
public final class ModelSizes {
  /** Samples of a batch. */
  public static final int BATCH = 256;

  /** Units of a layer. */
  public static final int WIDTH = 1000;

  /** Units of a layer in a batch. */
  public static final int LAYER = BATCH * WIDTH;

  /** Pixels of a digit. */
  public static final int PIXELS = 784;

  /** Pixels of a batch of digits. */
  public static final int DIGITS = BATCH * PIXELS;

  /** The largest units of a row that a sparse autoencoder keeps. */
  public static final int KEPT = 25;

  /** Parameters of the deep autoencoder. */
  public static final int PARAMETERS = 2_837_314;

  /** Images of an importance-weighted estimate. */
  public static final int IMAGES = 20;

  /** Samples for each of them. */
  public static final int REPEATS = 50;

  /** Units of the layer before the samples. */
  public static final int HIDDEN = 200;

  /** Such units of all samples. */
  public static final int REPEATED = IMAGES * REPEATS * HIDDEN;

  /** Pixels of all samples. */
  public static final int SAMPLED_PIXELS = IMAGES * REPEATS * PIXELS;

  /** Rows of importance weights. */
  public static final int ROWS = 10_000;

  /** Channels of a U-Net's first level. */
  public static final int CHANNELS = 32;

  /** The images of that level. */
  public static final Images LEVEL = new Images(4, 128, 128, CHANNELS);

  /** All their values. */
  public static final int LEVEL_ELEMENTS = 4 * 128 * 128 * CHANNELS;

  /** Classes of a pixel. */
  public static final int CLASSES = 2;

  /** Pixels that have a class. */
  public static final int CLASS_PIXELS = 4 * 128 * 128;

  /** What a variance is increased by before its root is taken. */
  public static final float EPSILON = 1e-5f;

  static final int TRAINING_IMAGES = 60_000;
  static final Images VIEW = new Images(4, 256, 256, 1);
  static final int VIEW_PIXELS = 4 * 256 * 256;
  static final Window POOLING = Window.square(2).withStride(2);
  static final Normalization BATCH_NORMALIZATION =
      Normalization.batch(LEVEL.pixels(), CHANNELS, EPSILON);
  // The training state's 40 bytes.
  static final int STATE = 10;
  static final RandomKey KEY = new RandomKey(Work.SEED, 1);

  private ModelSizes() {}
}
