package dev.clessidra.bench.work;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.ConvolutionAlgorithm;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Window;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Works that are measured together. */
public enum Suite {
  /**
   * Products and convolutions of the models and of generic sizes, and kernels that memory limits.
   * The 3 x 3 convolutions are those of a U-Net of base width 32 on four images of 128 x 128, as is
   * the transposed one of 2 x 2; those of 4 x 4 are the convolutional variational autoencoder's.
   */
  KERNELS {
    @Override
    public List<Entry> entries() {
      List<Entry> entries = new ArrayList<>();
      for (int size : new int[] {512, 1024, 2048}) {
        entries.add(new Entry("gemm square", new MatrixProduct(size, size, size, false, false)));
      }
      for (Direction direction : Direction.values()) {
        for (int layer = 1; layer < WIDTHS.length; layer++) {
          entries.add(
              new Entry(
                  "gemm autoencoder",
                  MatrixProduct.ofLayer(direction, BATCH, WIDTHS[layer - 1], WIDTHS[layer])));
        }
      }
      Window three = Window.square(3).withPadding(1);
      Window four = Window.square(4).withStride(2).withPadding(1);
      for (ConvolutionAlgorithm algorithm : ConvolutionAlgorithm.values()) {
        String group = "conv2d 3x3 " + algorithm;
        for (int channels = 32; channels <= 128; channels *= 2) {
          Images images = new Images(4, 4096 / channels, 4096 / channels, channels);
          Convolution convolution = new Convolution(images, channels, three);
          addConvolution(entries, group, convolution.withAlgorithm(algorithm));
        }
      }
      for (Convolution convolution :
          List.of(
              new Convolution(new Images(128, 28, 28, 1), 32, four),
              new Convolution(new Images(128, 14, 14, 32), 64, four))) {
        addConvolution(entries, "conv2d 4x4 stride 2", convolution);
      }
      addTransposed(entries, new Images(4, 32, 32, 128), 64, Window.square(2).withStride(2));
      addTransposed(entries, new Images(128, 7, 7, 64), 32, four);
      entries.add(new Entry(new Concatenation(new Images(4, 128, 128, 32), 32)));
      entries.add(new Entry(new BiasActivation(256, 1000, Activation.SIGMOID)));
      entries.add(new Entry(new BiasActivation(16384, 1024, Activation.SIGMOID)));
      entries.add(new Entry(new GaussianDivergence(1024, 1024)));
      entries.add(new Entry(new GaussianSample(1 << 20)));
      for (Work work : MEMORY_BOUND) {
        entries.add(new Entry("memory-bound", work));
      }
      return entries;
    }
  },
  /** Every kernel that works on one size. */
  FIXED_SIZE_KERNELS {
    @Override
    public List<Entry> entries() {
      return Stream.of(FixedSizeKernel.values())
          .map(kernel -> new Entry("fixed-size kernels", kernel))
          .toList();
    }
  },
  /** Training steps, answers to one image, and the start of a process. */
  MODELS {
    @Override
    public List<Entry> entries() {
      List<Entry> entries = new ArrayList<>();
      for (Work work : TrainedModel.values()) {
        entries.add(new Entry(work));
      }
      for (Work work : ModelLatency.values()) {
        entries.add(new Entry(work));
      }
      entries.add(new Entry(new ColdStart()));
      return entries;
    }
  };

  // The deep autoencoder and its mirror.
  private static final int[] WIDTHS = {784, 1000, 500, 250, 30, 250, 500, 1000, 784};
  private static final int BATCH = 256;

  private static final List<Work> MEMORY_BOUND =
      List.of(
          FixedSizeKernel.ADAM,
          FixedSizeKernel.ACTIVATION_BACKWARD,
          FixedSizeKernel.REDUCE_COLUMNS,
          FixedSizeKernel.GATHER_ROWS,
          FixedSizeKernel.MAX_POOL,
          FixedSizeKernel.UPSAMPLE,
          FixedSizeKernel.DEFORMATION_FIELD,
          FixedSizeKernel.SAMPLE_IMAGES,
          FixedSizeKernel.NORMALIZE_STATISTICS,
          FixedSizeKernel.NORMALIZE,
          FixedSizeKernel.DICE,
          FixedSizeKernel.BERNOULLI_LOG_LIKELIHOOD);

  /**
   * A work in a suite.
   *
   * @param group whose ratios are averaged together
   */
  public record Entry(String group, Work work) {
    /** A work in the group of its family. */
    public Entry(Work work) {
      this(work.family(), work);
    }
  }

  /**
   * Returns the suite of a name.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Suite named(String name) {
    return Stream.of(values())
        .filter(suite -> suite.toString().equals(name))
        .findFirst()
        .orElseThrow(() ->
            new IllegalArgumentException(
                "Suite '%s' is unknown: expected one of %s."
                    .formatted(name, Arrays.toString(values()))));
  }

  /** The works, in the order in which they are measured. */
  public abstract List<Entry> entries();

  private static void addConvolution(List<Entry> entries, String group, Convolution convolution) {
    for (Direction direction : Direction.values()) {
      entries.add(new Entry(group, new Conv2d(direction, convolution)));
    }
  }

  private static void addTransposed(
      List<Entry> entries, Images images, int channels, Window window) {
    for (Direction direction : Direction.values()) {
      entries.add(new Entry(new ConvTranspose2d(direction, images, channels, window)));
    }
  }

  /** The name on the command line, for example {@code fixed-size-kernels}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
