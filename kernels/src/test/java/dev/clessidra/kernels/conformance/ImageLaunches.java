package dev.clessidra.kernels.conformance;

import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.ConvolutionAlgorithm;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Kernel;
import dev.clessidra.kernels.Window;
import java.util.Arrays;
import java.util.stream.Stream;

/** The launches of the kernels on images. */
final class ImageLaunches {
  private static final int COLUMN_CHUNK = 32;

  // {count, height, width, channels, filters, window height, window width, strides, paddings,
  // dilations}: all distinct, all equal, channels and filters around vectors and tiles of every
  // width, 1, more padding than image, gaps between windows, no image, few channels with strides,
  // with rows longer than a block of points, with few of the taps' lines read, rows that no tap
  // reads.
  private static final int[][] CONVOLUTIONS = {
    {2, 5, 7, 3, 4, 2, 3, 1, 1, 0, 0, 1, 1},
    {3, 3, 3, 3, 3, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1},
    {0, 4, 4, 2, 3, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 9, 8, 1, 5, 3, 3, 1, 1, 1, 1, 1, 1},
    {2, 6, 9, 4, 8, 4, 4, 2, 2, 1, 1, 1, 1},
    {1, 6, 6, 5, 7, 2, 2, 2, 2, 0, 0, 1, 1},
    {2, 8, 7, 3, 9, 3, 5, 3, 2, 2, 1, 1, 1},
    {1, 11, 10, 2, 3, 3, 2, 2, 3, 1, 0, 2, 3},
    {1, 13, 12, 2, 2, 3, 3, 4, 6, 2, 3, 2, 4},
    {1, 4, 5, 2, 3, 2, 1, 3, 4, 3, 2, 1, 1},
    {1, 9, 9, 4, 6, 1, 1, 2, 2, 0, 0, 1, 1},
    {1, 7, 7, 15, 16, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 7, 6, 16, 17, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 6, 7, 17, 15, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 5, 5, 47, 48, 1, 1, 1, 1, 0, 0, 1, 1},
    {1, 5, 5, 48, 49, 1, 1, 1, 1, 0, 0, 1, 1},
    {1, 4, 5, 49, 47, 2, 2, 2, 1, 1, 1, 1, 1},
    {2, 3, 3, 32, 64, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 3, 3, 96, 100, 2, 3, 1, 1, 0, 1, 1, 1},
    {1, 2, 2, 400, 20, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 2, 3, 20, 800, 2, 2, 1, 1, 1, 0, 1, 1},
    {1, 16, 16, 1, 2, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 17, 16, 2, 1, 1, 1, 1, 1, 0, 0, 1, 1},
    {3, 24, 25, 1, 3, 3, 3, 1, 1, 1, 1, 1, 1},
    {2, 23, 24, 16, 1, 2, 2, 1, 1, 0, 0, 1, 1},
    {2, 28, 28, 1, 32, 4, 4, 2, 2, 1, 1, 1, 1},
    {3, 20, 21, 2, 7, 3, 3, 3, 2, 1, 1, 1, 2},
    {2, 12, 35, 3, 33, 5, 5, 2, 3, 2, 2, 2, 1},
    {1, 5, 150, 3, 20, 3, 4, 2, 2, 1, 1, 1, 1},
    {1, 3, 1100, 2, 5, 3, 5, 1, 1, 1, 2, 1, 1},
    {2, 40, 40, 3, 16, 2, 2, 8, 8, 0, 0, 1, 1},
    {1, 9, 9, 3, 17, 3, 3, 1, 1, 40, 40, 40, 40},
    {1, 1, 16, 1, 1, 1, 1, 2, 1, 1, 0, 1, 1},
  };
  // As above, and how many of the channels are in a second operand: one, all but one, around and at
  // vectors and tiles, equal and not.
  private static final int[][] CONCATENATIONS = {
    {2, 5, 7, 3, 4, 2, 3, 1, 1, 0, 0, 1, 1, 2},
    {1, 3, 3, 2, 2, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {0, 4, 4, 4, 3, 3, 3, 1, 1, 1, 1, 1, 1, 3},
    {1, 6, 6, 8, 5, 2, 2, 2, 2, 0, 0, 1, 1, 4},
    {2, 8, 7, 12, 9, 3, 5, 3, 2, 2, 1, 1, 1, 4},
    {1, 11, 10, 17, 3, 3, 2, 2, 3, 1, 0, 2, 3, 16},
    {1, 9, 9, 17, 6, 1, 1, 2, 2, 0, 0, 1, 1, 1},
    {1, 7, 7, 32, 16, 3, 3, 1, 1, 1, 1, 1, 1, 16},
    {1, 7, 6, 32, 17, 3, 3, 1, 1, 1, 1, 1, 1, 15},
    {1, 6, 7, 48, 15, 3, 3, 1, 1, 1, 1, 1, 1, 16},
    {1, 5, 5, 96, 48, 1, 1, 1, 1, 0, 0, 1, 1, 64},
    {1, 5, 5, 95, 49, 3, 3, 1, 1, 1, 1, 1, 1, 47},
    {1, 4, 5, 400, 8, 3, 3, 1, 1, 1, 1, 1, 1, 144},
    {2, 24, 25, 32, 16, 3, 3, 1, 1, 1, 1, 1, 1, 16},
    {2, 20, 30, 3, 20, 3, 3, 2, 2, 1, 1, 1, 1, 2},
  };
  private static final int[][] LARGE_CONCATENATIONS = {
    {1, 66, 66, 32, 16, 3, 3, 1, 1, 1, 1, 1, 1, 16},
    {1, 80, 80, 128, 4, 2, 2, 1, 1, 1, 1, 1, 1, 64},
    {1, 57, 58, 509, 3, 2, 1, 1, 1, 1, 0, 1, 1, 253},
    {1, 57, 57, 512, 4, 3, 3, 2, 2, 1, 1, 1, 1, 256},
    {1, 4, 5, 356, 100, 3, 3, 1, 1, 1, 1, 1, 1, 100},
  };
  // As above, and what a GPU makes in each of its larger tiles: forward, backward for the data and
  // for the filter, with channels that are multiples of 4 and others, and with a stride.
  private static final int[][] LARGE_CONVOLUTIONS = {
    {1, 66, 66, 4, 16, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 67, 65, 3, 15, 3, 2, 1, 1, 1, 0, 1, 1},
    {1, 113, 113, 8, 32, 1, 1, 1, 1, 0, 0, 1, 1},
    {1, 113, 114, 5, 31, 2, 1, 1, 1, 1, 0, 1, 1},
    {1, 113, 114, 31, 5, 1, 2, 1, 1, 0, 1, 1, 1},
    {1, 113, 113, 32, 4, 3, 1, 1, 1, 1, 0, 1, 1},
    {1, 80, 81, 4, 64, 3, 1, 1, 1, 1, 0, 1, 1},
    {1, 81, 80, 3, 63, 1, 3, 1, 1, 0, 1, 1, 1},
    {1, 80, 80, 64, 4, 2, 2, 1, 1, 1, 1, 1, 1},
    {1, 81, 80, 63, 3, 2, 1, 1, 1, 0, 0, 1, 1},
    {1, 57, 57, 4, 512, 1, 1, 1, 1, 0, 0, 1, 1},
    {1, 57, 58, 3, 509, 2, 1, 1, 1, 0, 0, 1, 1},
    {1, 57, 57, 512, 4, 3, 3, 2, 2, 1, 1, 1, 1},
    {1, 57, 58, 509, 3, 2, 1, 1, 1, 1, 0, 1, 1},
    {1, 4, 5, 356, 100, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 5, 4, 353, 101, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 4, 5, 364, 512, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 5, 4, 361, 509, 3, 3, 1, 1, 1, 1, 1, 1},
  };
  // {count, height, width, channels, filters, paddings, channels of a second operand} for
  // Winograd's
  // algorithm: whole tiles and every rest of them, images smaller than one, channels and filters
  // around vectors and tiles of every width, paddings from none to more than the window, many
  // tiles.
  private static final int[][] WINOGRAD = {
    {1, 4, 4, 1, 1, 1, 1, 0},
    {2, 5, 7, 3, 4, 1, 1, 0},
    {1, 8, 8, 8, 8, 1, 1, 0},
    {1, 6, 9, 15, 16, 0, 0, 0},
    {1, 7, 6, 16, 17, 2, 2, 0},
    {2, 9, 10, 17, 15, 1, 0, 0},
    {1, 3, 3, 31, 33, 0, 2, 0},
    {1, 1, 1, 2, 3, 1, 1, 0},
    {1, 5, 5, 6, 5, 3, 4, 0},
    {0, 4, 4, 2, 3, 1, 1, 0},
    {1, 12, 11, 48, 49, 1, 1, 0},
    {1, 8, 9, 49, 47, 1, 1, 0},
    {3, 30, 31, 5, 7, 1, 1, 0},
    {2, 13, 12, 100, 20, 1, 1, 0},
    {1, 6, 7, 20, 100, 1, 1, 0},
    {2, 5, 7, 3, 4, 1, 1, 2},
    {1, 8, 8, 32, 16, 1, 1, 16},
    {1, 9, 7, 17, 9, 1, 1, 1},
    {1, 10, 12, 48, 40, 0, 1, 15},
    {1, 6, 6, 65, 33, 1, 1, 31},
  };
  private static final int[][] LARGE_WINOGRAD = {
    {2, 66, 65, 16, 16, 1, 1, 0},
    {1, 120, 121, 8, 12, 1, 1, 0},
    {1, 16, 16, 300, 200, 1, 1, 0},
    {5, 28, 28, 33, 70, 1, 1, 0},
    {2, 64, 64, 24, 16, 1, 1, 8},
    {1, 32, 32, 160, 64, 1, 1, 96},
  };
  // {count, height, width, channels, window height, window width, strides, paddings}
  private static final int[][] POOLS = {
    {2, 6, 8, 3, 2, 2, 2, 2, 0, 0},
    {2, 4, 4, 4, 4, 4, 4, 4, 0, 0},
    {1, 1, 1, 1, 1, 1, 1, 1, 0, 0},
    {0, 4, 6, 2, 2, 2, 2, 2, 0, 0},
    {1, 7, 9, 15, 3, 2, 1, 2, 1, 1},
    {2, 5, 6, 16, 3, 3, 2, 2, 1, 1},
    {1, 9, 7, 17, 2, 4, 3, 1, 1, 3},
    {1, 10, 11, 33, 1, 1, 3, 4, 0, 0},
    {1, 8, 5, 1, 5, 5, 1, 1, 4, 4},
    {1, 40, 41, 64, 2, 2, 2, 2, 0, 0},
  };
  // {count, height, width, channels, output height, output width}
  private static final int[][] UPSAMPLES = {
    {2, 3, 5, 4, 6, 10},
    {1, 4, 4, 4, 4, 4},
    {1, 1, 1, 1, 1, 1},
    {1, 1, 1, 3, 5, 7},
    {0, 2, 3, 2, 4, 6},
    {1, 5, 3, 15, 7, 11},
    {1, 3, 4, 16, 12, 13},
    {2, 4, 6, 17, 9, 6},
    {1, 9, 8, 2, 4, 3},
    {1, 7, 2, 3, 1, 9},
    {1, 20, 21, 33, 40, 42},
  };
  // {images, rows, columns, groups}: of batches, of groups, of whole layers.
  private static final int[][] NORMALIZATIONS = {
    {1, 0, 4, 4},
    {0, 5, 4, 2},
    {1, 1, 1, 1},
    {1, 7, 7, 7},
    {1, 31, 15, 15},
    {1, 32, 16, 16},
    {1, 33, 17, 17},
    {1, 1025, 5, 5},
    {1, 2000, 70, 70},
    {3, 4, 6, 2},
    {4, 4, 4, 4},
    {2, 33, 32, 8},
    {5, 9, 20, 1},
    {2, 70, 48, 4},
    {3, 1100, 3, 1},
    {2, 37, 18, 6},
    {1, 34, 70, 2},
  };
  private static final int[][] SEGMENTATIONS = {
    {1, 0, 3},
    {0, 5, 3},
    {1, 1, 1},
    {3, 3, 3},
    {2, 31, 2},
    {2, 32, 15},
    {1, 33, 16},
    {2, 65, 17},
    {1, 1100, 5},
    {70, 3, 64}
  };

  private final Launches launches;
  private final Values values;

  ImageLaunches(Launches launches, Values values) {
    this.launches = launches;
    this.values = values;
  }

  private static Convolution convolution(int[] s) {
    return new Convolution(
        new Images(s[0], s[1], s[2], s[3]),
        s[4],
        new Window(s[5], s[6], s[7], s[8], s[9], s[10], s[11], s[12]),
        s.length > 13 ? s[13] : 0,
        ConvolutionAlgorithm.DIRECT);
  }

  private static Convolution winograd(int[] s) {
    return new Convolution(
        new Images(s[0], s[1], s[2], s[3]),
        s[4],
        new Window(3, 3, 1, 1, s[5], s[6], 1, 1),
        s[7],
        ConvolutionAlgorithm.WINOGRAD);
  }

  private static Stream<Convolution> convolutions() {
    return Stream.concat(
        Stream.of(CONVOLUTIONS, CONCATENATIONS)
            .flatMap(Arrays::stream)
            .map(ImageLaunches::convolution),
        Arrays.stream(WINOGRAD).map(ImageLaunches::winograd));
  }

  private static Stream<Convolution> largeConvolutions() {
    return Stream.concat(
        Stream.of(LARGE_CONVOLUTIONS, LARGE_CONCATENATIONS)
            .flatMap(Arrays::stream)
            .map(ImageLaunches::convolution),
        Arrays.stream(LARGE_WINOGRAD).map(ImageLaunches::winograd));
  }

  private static Launch sizes(Launch launch, Convolution c) {
    Window w = c.window();
    return launch
        .int32("images", c.images().count())
        .int32("height", c.images().height())
        .int32("width", c.images().width())
        .int32("channels", c.images().channels())
        .int32("second_channels", c.secondChannels())
        .int32("filters", c.filters())
        .int32("filter_height", w.height())
        .int32("filter_width", w.width())
        .int32("output_height", c.output().height())
        .int32("output_width", c.output().width())
        .int32("stride_height", w.strideHeight())
        .int32("stride_width", w.strideWidth())
        .int32("padding_height", w.paddingHeight())
        .int32("padding_width", w.paddingWidth())
        .int32("dilation_height", w.dilationHeight())
        .int32("dilation_width", w.dilationWidth())
        .int32("algorithm", c.algorithm().code());
  }

  /** Elements of the second operand. */
  private static long secondElements(Convolution c) {
    return c.images().pixels() * c.secondChannels();
  }

  private void images(Launch launch, Convolution c) {
    launch.input("x", launches.floats(c.firstImages().elements()));
    if (c.secondChannels() == 0) {
      launch.nothing("second_x");
    } else {
      launch.input("second_x", launches.floats(secondElements(c)));
    }
  }

  private void bias(Launch launch, int count) {
    if (values.below(3) == 0) {
      launch.nothing("bias");
    } else {
      launch.input("bias", values.floats(count));
    }
  }

  void conv2d() {
    convolutions()
        .forEach(convolution -> {
          conv2d(convolution);
          conv2d(convolution);
          conv2d(convolution);
        });
    largeConvolutions()
        .forEach(convolution -> {
          conv2d(convolution).heavy();
          conv2d(convolution).heavy();
        });
    negativeZeros(Kernel.CONV2D, "x", "y");
  }

  private Launch conv2d(Convolution c) {
    float beta = launches.beta();
    Launch launch = launches.add(Kernel.CONV2D);
    images(launch, c);
    launch.input("filter", values.floats((int) c.filterElements()));
    bias(launch, c.filters());
    launches.accumulated(launch, "y", c.output().elements(), beta);
    return sizes(launch, c)
        .int32("activation", values.below(6))
        .float32("slope", 0.125f)
        .float32("beta", beta);
  }

  void conv2dBackwardData() {
    convolutions()
        .forEach(convolution -> {
          conv2dBackwardData(convolution);
          conv2dBackwardData(convolution);
          conv2dBackwardData(convolution);
        });
    largeConvolutions()
        .forEach(convolution -> {
          conv2dBackwardData(convolution).heavy();
          conv2dBackwardData(convolution).heavy();
        });
    negativeZeros(Kernel.CONV2D_BACKWARD_DATA, "dy", "dx");
  }

  private Launch conv2dBackwardData(Convolution c) {
    float beta = launches.beta();
    Launch launch =
        launches
            .add(Kernel.CONV2D_BACKWARD_DATA)
            .input("dy", launches.floats(c.output().elements()))
            .input("filter", values.floats((int) c.filterElements()));
    bias(launch, c.images().channels());
    launches.accumulated(launch, "dx", c.firstImages().elements(), beta);
    float secondBeta = c.secondChannels() == 0 ? 0 : launches.beta();
    if (c.secondChannels() == 0) {
      launch.nothing("second_dx");
    } else {
      launches.accumulated(launch, "second_dx", secondElements(c), secondBeta);
    }
    return sizes(launch, c)
        .int32("activation", values.below(6))
        .float32("slope", 0.125f)
        .float32("beta", beta)
        .float32("second_beta", secondBeta);
  }

  void conv2dBackwardFilter() {
    convolutions()
        .forEach(convolution -> {
          conv2dBackwardFilter(convolution);
          conv2dBackwardFilter(convolution);
        });
    largeConvolutions()
        .forEach(convolution -> {
          conv2dBackwardFilter(convolution).heavy();
          conv2dBackwardFilter(convolution).heavy();
        });
  }

  private Launch conv2dBackwardFilter(Convolution c) {
    float beta = launches.beta();
    Launch launch = launches.add(Kernel.CONV2D_BACKWARD_FILTER);
    images(launch, c);
    launch.input("dy", values.floats((int) c.output().elements()));
    launches.accumulated(launch, "dfilter", c.filterElements(), beta);
    launch.workspace("workspace", c.backwardFilterWorkspace());
    return sizes(launch, c).float32("beta", beta);
  }

  /** Nothing but -0, in the sum as well. */
  private void negativeZeros(Kernel kernel, String source, String target) {
    int channels = 5;
    Convolution c = new Convolution(new Images(1, 2, 3, channels), channels, Window.square(1));
    float[] zeros = new float[(int) c.images().elements()];
    float[] ones = new float[(int) c.filterElements()];
    Arrays.fill(zeros, -0.0f);
    Arrays.fill(ones, 1);
    Launch launch = launches.add(kernel).input(source, zeros);
    boolean forward = kernel == Kernel.CONV2D;
    if (forward) {
      launch.nothing("second_x");
    }
    launch.input("filter", ones).nothing("bias").inOut(target, zeros);
    if (!forward) {
      launch.nothing("second_dx");
    }
    sizes(launch, c).int32("activation", 0).float32("slope", 0).float32("beta", 1);
    if (!forward) {
      launch.float32("second_beta", 1);
    }
  }

  private static Images images(int[] shape) {
    return new Images(shape[0], shape[1], shape[2], shape[3]);
  }

  private static Launch pooling(Launch launch, Images images, Window window) {
    Images output = window.over(images);
    return sizes(launch, images)
        .int32("window_height", window.height())
        .int32("window_width", window.width())
        .int32("output_height", output.height())
        .int32("output_width", output.width())
        .int32("stride_height", window.strideHeight())
        .int32("stride_width", window.strideWidth())
        .int32("padding_height", window.paddingHeight())
        .int32("padding_width", window.paddingWidth());
  }

  private static Launch sizes(Launch launch, Images images) {
    return launch
        .int32("images", images.count())
        .int32("height", images.height())
        .int32("width", images.width())
        .int32("channels", images.channels());
  }

  private static Window window(int[] s) {
    return new Window(s[4], s[5], s[6], s[7], s[8], s[9], 1, 1);
  }

  void maxPool() {
    for (int[] shape : POOLS) {
      for (int turn = 0; turn < 4; turn++) {
        Images images = images(shape);
        Window window = window(shape);
        int count = (int) images.elements();
        long outputs = window.over(images).elements();
        float[] x = turn == 0 ? values.ties(count) : launches.floats(count);
        Launch launch =
            launches
                .add(Kernel.MAX_POOL)
                .input("x", x)
                .output("y", outputs)
                .input("indices", new int[(int) outputs]);
        pooling(launch, images, window);
      }
    }
  }

  void maxPoolBackward() {
    for (int[] shape : POOLS) {
      for (int turn = 0; turn < 3; turn++) {
        Images images = images(shape);
        Window window = window(shape);
        float beta = launches.beta();
        int outputs = (int) window.over(images).elements();
        // Any pixels: those outside a window have to be left out.
        int[] indices = values.ints(images.height() * images.width(), outputs);
        Launch launch =
            launches
                .add(Kernel.MAX_POOL_BACKWARD)
                .input("dy", launches.floats(outputs))
                .input("indices", indices);
        launches.accumulated(launch, "dx", images.elements(), beta);
        pooling(launch, images, window).float32("beta", beta);
      }
    }
  }

  void upsample() {
    for (int[] shape : UPSAMPLES) {
      for (int interpolation = 0; interpolation < 2; interpolation++) {
        Images images = images(shape);
        Launch launch =
            launches
                .add(Kernel.UPSAMPLE)
                .input("x", launches.floats(images.elements()))
                .output("y", images.resized(shape[4], shape[5]).elements());
        sizes(launch, images)
            .int32("output_height", shape[4])
            .int32("output_width", shape[5])
            .int32("interpolation", interpolation);
      }
    }
  }

  void upsampleBackward() {
    for (int[] shape : UPSAMPLES) {
      for (int interpolation = 0; interpolation < 4; interpolation++) {
        Images images = images(shape);
        float beta = launches.beta();
        Launch launch =
            launches
                .add(Kernel.UPSAMPLE_BACKWARD)
                .input("dy", launches.floats(images.resized(shape[4], shape[5]).elements()));
        launches.accumulated(launch, "dx", images.elements(), beta);
        sizes(launch, images)
            .int32("output_height", shape[4])
            .int32("output_width", shape[5])
            .int32("interpolation", interpolation % 2)
            .float32("beta", beta);
      }
    }
  }

  void deformationField() {
    // {count, source height, source width, height, width}
    int[][] shapes = {
      {0, 3, 4, 2, 2},
      {1, 1, 1, 1, 1},
      {2, 4, 4, 4, 4},
      {3, 5, 7, 4, 6},
      {2, 3, 4, 9, 1},
      {2, 9, 5, 1, 8},
      {1, 40, 30, 15, 15},
      {1, 40, 30, 16, 16},
      {5, 20, 60, 17, 17},
      {2, 64, 50, 33, 47},
    };
    for (int[] shape : shapes) {
      for (int turn = 0; turn < 8; turn++) {
        int[] grids = {2, 3, 4, 16};
        launches
            .add(Kernel.DEFORMATION_FIELD)
            .output("field", 2L * shape[0] * shape[3] * shape[4])
            .input("step", values.next() >>> values.below(64))
            .int64("seed", values.next())
            .int32("images", shape[0])
            .int32("source_height", shape[1])
            .int32("source_width", shape[2])
            .int32("height", shape[3])
            .int32("width", shape[4])
            .int32("mirror_left_right", turn & 1)
            .int32("mirror_up_down", turn >> 1 & 1)
            .int32("quarter_turns", shape[3] == shape[4] ? turn >> 2 : 0)
            .int32("grid", grids[turn % 4])
            .int32("stream", (int) values.next())
            .float32("rotation", turn == 0 ? 0 : 0.5f)
            .float32("scale", turn == 0 ? 0 : 0.3f)
            .float32("elastic", turn % 4 == 0 ? 0 : 5);
      }
    }
  }

  void sampleImages() {
    for (int[] shape : UPSAMPLES) {
      for (int turn = 0; turn < 4; turn++) {
        Images images = images(shape);
        Images output = images.resized(shape[4], shape[5]);
        int places = 2 * (int) output.pixels();
        Launch launch = launches.add(Kernel.SAMPLE_IMAGES);
        boolean nearest = turn % 2 == 0;
        if (nearest) {
          launch.input("x", values.ints(Integer.MAX_VALUE, (int) images.elements()));
        } else {
          launch.input("x", launches.floats(images.elements()));
        }
        launch.input("field", turn < 2 ? values.uniform(-30, 50, places) : values.anyBits(places));
        if (nearest) {
          launch.input("y", new int[(int) output.elements()]);
        } else {
          launch.output("y", output.elements());
        }
        sizes(launch, images)
            .int32("output_height", shape[4])
            .int32("output_width", shape[5])
            .int32("interpolation", nearest ? 0 : 1);
      }
    }
  }

  void randomBrightness() {
    int[][] shapes = {
      {0, 5}, {3, 0}, {1, 1}, {4, 4}, {2, 15}, {3, 16}, {5, 17}, {2, 63}, {1, 3000}, {70, 9}
    };
    for (int[] shape : shapes) {
      for (int turn = 0; turn < 3; turn++) {
        int count = shape[0] * shape[1];
        Launch launch = launches.add(Kernel.RANDOM_BRIGHTNESS).input("x", launches.floats(count));
        if (turn == 2) {
          launch.same("y", "x");
        } else {
          launch.output("y", count);
        }
        launch
            .input("step", values.next() >>> values.below(64))
            .int64("size", shape[1])
            .int64("seed", values.next())
            .int32("images", shape[0])
            .int32("stream", (int) values.next())
            .float32("contrast", 0.3f)
            .float32("brightness", 0.2f)
            .float32("gamma", turn == 0 ? 0 : 0.4f);
      }
    }
  }

  private static int elements(int[] shape) {
    return shape[0] * shape[1] * shape[2];
  }

  private static long sumsWorkspace(int[] shape, int sums) {
    return (long) sums * shape[0] * Math.max(1, Launches.chunks(shape[1], COLUMN_CHUNK)) * shape[2];
  }

  private static Launch normalization(Launch launch, int[] shape) {
    return launch
        .int64("rows", shape[1])
        .int32("images", shape[0])
        .int32("columns", shape[2])
        .int32("groups", shape[3]);
  }

  void normalizeStatistics() {
    for (int[] shape : NORMALIZATIONS) {
      for (int turn = 0; turn < 3; turn++) {
        int statistics = shape[0] * shape[3];
        Launch launch =
            launches
                .add(Kernel.NORMALIZE_STATISTICS)
                .input("x", launches.floats(elements(shape)))
                .output("mean", statistics)
                .output("variance", statistics);
        if (turn > 0 && shape[0] == 1 && shape[2] == shape[3]) {
          launch
              .inOut("running_mean", values.floats(shape[2]))
              .inOut("running_variance", values.uniform(0, 2, shape[2]));
        } else {
          launch.nothing("running_mean").nothing("running_variance");
        }
        launch.workspace("workspace", sumsWorkspace(shape, 1));
        normalization(launch, shape).float32("momentum", 0.1f);
      }
    }
  }

  /** Normalises and activates. */
  private Launch activation(Launch launch, int[] shape) {
    return normalization(launch, shape)
        .float32("epsilon", 1e-5f)
        .int32("activation", values.below(6))
        .float32("slope", 0.125f);
  }

  /** The operands mean, variance, scale and shift. */
  private Launch statistics(Launch launch, int[] shape) {
    int statistics = shape[0] * shape[3];
    return launch
        .input("mean", values.floats(statistics))
        .input("variance", values.uniform(0, 2, statistics))
        .input("scale", values.floats(shape[2]))
        .input("shift", values.floats(shape[2]));
  }

  void normalize() {
    for (int[] shape : NORMALIZATIONS) {
      for (int turn = 0; turn < 3; turn++) {
        Launch launch = launches.add(Kernel.NORMALIZE).input("x", launches.floats(elements(shape)));
        statistics(launch, shape);
        if (turn == 0) {
          launch.same("y", "x");
        } else {
          launch.output("y", elements(shape));
        }
        activation(launch, shape);
      }
    }
  }

  void normalizeBackwardStatistics() {
    for (int[] shape : NORMALIZATIONS) {
      for (int turn = 0; turn < 4; turn++) {
        float scaleBeta = launches.beta();
        float shiftBeta = launches.beta();
        Launch launch =
            launches
                .add(Kernel.NORMALIZE_BACKWARD_STATISTICS)
                .input("x", launches.floats(elements(shape)))
                .input("dy", launches.floats(elements(shape)));
        statistics(launch, shape);
        if (turn == 0) {
          launch.nothing("dscale").nothing("dshift");
        } else {
          launches.accumulated(launch, "dscale", shape[2], scaleBeta);
          launches.accumulated(launch, "dshift", shape[2], shiftBeta);
        }
        launch
            .output("sums", 2L * shape[0] * shape[3])
            .workspace("workspace", sumsWorkspace(shape, 2));
        activation(launch, shape).float32("scale_beta", scaleBeta).float32("shift_beta", shiftBeta);
      }
    }
  }

  void normalizeBackward() {
    for (int[] shape : NORMALIZATIONS) {
      for (int turn = 0; turn < 4; turn++) {
        float beta = launches.beta();
        Launch launch =
            launches
                .add(Kernel.NORMALIZE_BACKWARD)
                .input("x", launches.floats(elements(shape)))
                .input("dy", launches.floats(elements(shape)));
        statistics(launch, shape).input("sums", values.floats(2 * shape[0] * shape[3]));
        if (beta == 0 && shape[2] % 2 == 1) {
          launch.same("dx", "dy");
        } else {
          launches.accumulated(launch, "dx", elements(shape), beta);
        }
        activation(launch, shape).float32("beta", beta);
      }
    }
  }

  /** Labels of which some are no class's. */
  private int[] labels(int[] shape) {
    int[] labels = values.ints(shape[2] + 1, shape[0] * shape[1]);
    if (labels.length > 2) {
      labels[0] = -1;
      labels[1] = Integer.MIN_VALUE;
    }
    return labels;
  }

  void dice() {
    for (int[] shape : SEGMENTATIONS) {
      for (float smooth : new float[] {0, 1, 1e-3f}) {
        launches
            .add(Kernel.DICE)
            .input("probabilities", values.uniform(0, 1, elements(shape)))
            .input("labels", labels(shape))
            .output("sums", 2L * shape[0] * shape[2])
            .output("loss", 1)
            .workspace("workspace", sumsWorkspace(shape, 3))
            .int64("rows", shape[1])
            .int32("images", shape[0])
            .int32("columns", shape[2])
            .float32("smooth", smooth)
            .float32("scale", 0.3f);
      }
    }
  }

  void diceBackward() {
    for (int[] shape : SEGMENTATIONS) {
      for (int turn = 0; turn < 4; turn++) {
        float beta = launches.beta();
        Launch launch =
            launches
                .add(Kernel.DICE_BACKWARD)
                .input("labels", labels(shape))
                .input("sums", values.uniform(0, 9, 2 * shape[0] * shape[2]))
                .input("upstream", new float[] {1.25f});
        launches.accumulated(launch, "dx", elements(shape), beta);
        launch
            .int64("rows", shape[1])
            .int32("images", shape[0])
            .int32("columns", shape[2])
            .float32("smooth", 0.5f)
            .float32("scale", 0.3f)
            .float32("beta", beta);
      }
    }
  }
}
