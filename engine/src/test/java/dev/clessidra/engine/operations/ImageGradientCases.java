package dev.clessidra.engine.operations;

import dev.clessidra.engine.GradientCheck.Values;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.operations.GradientTest.Case;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Interpolation;
import dev.clessidra.kernels.Window;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** The operations on images, with float64 definitions that share nothing with the kernels. */
final class ImageGradientCases {
  private static final float EPSILON = 0.01f;

  // {n, height, width, channels, filters} and the window: distinct, equal, 1, strides with and
  // without gaps, more padding than image, dilation, and the sizes of the models.
  private static final int[][] SIZES = {
    {2, 5, 4, 3, 2},
    {3, 3, 3, 3, 3},
    {1, 1, 1, 1, 1},
    {1, 6, 6, 2, 3},
    {2, 7, 5, 1, 4},
    {1, 8, 9, 2, 2},
    {1, 6, 4, 3, 17},
    {1, 3, 3, 16, 2}
  };
  private static final Window[] WINDOWS = {
    new Window(2, 3, 1, 1, 0, 0, 1, 1),
    Window.square(3).withPadding(1),
    Window.square(1),
    Window.square(4).withStride(2).withPadding(1),
    new Window(3, 2, 2, 3, 2, 1, 1, 1),
    new Window(2, 3, 3, 2, 1, 2, 2, 1),
    Window.square(2).withStride(2),
    Window.square(3).withPadding(2).withDilation(2)
  };
  private static final List<Activation> ACTIVATIONS =
      List.of(Activation.IDENTITY, Activation.TANH, Activation.SIGMOID);

  private ImageGradientCases() {}

  static void addTo(List<Case> cases) {
    for (int i = 0; i < SIZES.length; i++) {
      Activation activation = ACTIVATIONS.get(i % ACTIVATIONS.size());
      convolutions(cases, SIZES[i], WINDOWS[i], activation);
      concatenation(cases, SIZES[i], WINDOWS[i], activation);
    }
    pooling(cases);
    upsampling(cases);
    normalizations(cases);
    dice(cases);
  }

  private static int at(Images images, int n, int row, int column, int channel) {
    return ((n * images.height() + row) * images.width() + column) * images.channels() + channel;
  }

  private static Shape shape(Images images) {
    return Shape.of(images.count(), images.height(), images.width(), images.channels());
  }

  @FunctionalInterface
  private interface Link {
    /** An element of the images, one of the output and the element of the filter between them. */
    void accept(int image, int output, int filter);
  }

  /** Calls body for each product of a convolution. */
  private static void forLinks(Images images, Images output, Window w, Link body) {
    for (int n = 0; n < images.count(); n++) {
      for (int p = 0; p < output.height(); p++) {
        for (int q = 0; q < output.width(); q++) {
          for (int r = 0; r < w.height(); r++) {
            for (int s = 0; s < w.width(); s++) {
              int row = p * w.strideHeight() - w.paddingHeight() + r * w.dilationHeight();
              int column = q * w.strideWidth() - w.paddingWidth() + s * w.dilationWidth();
              if (row < 0 || row >= images.height() || column < 0 || column >= images.width()) {
                continue;
              }
              for (int k = 0; k < output.channels(); k++) {
                for (int c = 0; c < images.channels(); c++) {
                  body.accept(
                      at(images, n, row, column, c),
                      at(output, n, p, q, k),
                      ((k * w.height() + r) * w.width() + s) * images.channels() + c);
                }
              }
            }
          }
        }
      }
    }
  }

  /** activation(y + bias), in place. */
  private static double[] finished(double[] y, double[] bias, Activation activation) {
    for (int i = 0; i < y.length; i++) {
      double x = y[i] + (bias == null ? 0 : bias[i % bias.length]);
      y[i] =
          switch (activation.function()) {
            case TANH -> Math.tanh(x);
            case SIGMOID -> 1 / (1 + Math.exp(-x));
            default -> x;
          };
    }
    return y;
  }

  private static void convolutions(
      List<Case> cases, int[] s, Window window, Activation activation) {
    Images images = new Images(s[0], s[1], s[2], s[3]);
    Images output = window.over(images).withChannels(s[4]);
    Shape filter = Shape.of(s[4], window.height(), window.width(), s[3]);
    for (boolean bias : new boolean[] {true, false}) {
      List<Shape> inputs = List.of(shape(images), filter);
      List<Shape> transposedInputs = List.of(shape(output), filter);
      cases.add(
          new Case(
              "conv2d " + window,
              Convolutions.Conv2d.class,
              (tape, in) ->
                  bias
                      ? tape.conv2d(in.get(0), in.get(1), in.get(2), window, activation)
                      : tape.conv2d(in.get(0), in.get(1), window, activation),
              in -> {
                double[] y = new double[(int) output.elements()];
                forLinks(images, output, window, (x, o, f) -> y[o] += in[0][x] * in[1][f]);
                return finished(y, bias ? in[2] : null, activation);
              },
              Values.SIGNED,
              bias ? with(inputs, Shape.of(s[4])) : inputs));
      Images smallest = window.under(output).withChannels(s[3]);
      Images result = bias ? smallest : images;
      cases.add(
          new Case(
              "convTranspose2d " + window,
              Convolutions.ConvTranspose2d.class,
              (tape, in) ->
                  bias
                      ? tape.convTranspose2d(in.get(0), in.get(1), in.get(2), window, activation)
                      : tape.convTranspose2d(
                          in.get(0),
                          in.get(1),
                          window,
                          images.height(),
                          images.width(),
                          activation),
              in -> {
                double[] y = new double[(int) result.elements()];
                forLinks(result, output, window, (x, o, f) -> y[x] += in[0][o] * in[1][f]);
                return finished(y, bias ? in[2] : null, activation);
              },
              Values.SIGNED,
              bias ? with(transposedInputs, Shape.of(s[3])) : transposedInputs));
    }
  }

  /** A convolution of two images, the second with two channels more than the first. */
  private static void concatenation(
      List<Case> cases, int[] s, Window window, Activation activation) {
    int[] channels = {s[3], s[3] + 2};
    Images first = new Images(s[0], s[1], s[2], channels[0]);
    Images second = first.withChannels(channels[1]);
    Images both = first.withChannels(channels[0] + channels[1]);
    Images output = window.over(first).withChannels(s[4]);
    Shape filter = Shape.of(s[4], window.height(), window.width(), both.channels());
    for (boolean bias : new boolean[] {true, false}) {
      List<Shape> inputs = List.of(shape(first), shape(second), filter);
      cases.add(
          new Case(
              "conv2dOfConcatenation " + window,
              Convolutions.Conv2d.class,
              (tape, in) ->
                  bias
                      ? tape.conv2dOfConcatenation(
                          in.get(0), in.get(1), in.get(2), in.get(3), window, activation)
                      : tape.conv2dOfConcatenation(
                          in.get(0), in.get(1), in.get(2), window, activation),
              in -> {
                double[] x = new double[(int) both.elements()];
                for (int i = 0; i < x.length; i++) {
                  int pixel = i / both.channels();
                  int channel = i % both.channels();
                  x[i] =
                      channel < channels[0]
                          ? in[0][pixel * channels[0] + channel]
                          : in[1][pixel * channels[1] + channel - channels[0]];
                }
                double[] y = new double[(int) output.elements()];
                forLinks(both, output, window, (i, o, f) -> y[o] += x[i] * in[2][f]);
                return finished(y, bias ? in[3] : null, activation);
              },
              Values.SIGNED,
              bias ? with(inputs, Shape.of(s[4])) : inputs));
    }
  }

  private static List<Shape> with(List<Shape> shapes, Shape last) {
    return Stream.concat(shapes.stream(), Stream.of(last)).toList();
  }

  private static void pooling(List<Case> cases) {
    Window[] windows = {
      Window.square(2).withStride(2),
      Window.square(1),
      Window.square(3).withStride(2).withPadding(1),
      new Window(2, 3, 1, 2, 1, 2, 1, 1),
      Window.of(3, 2).withStride(4)
    };
    Images images = new Images(2, 7, 6, 3);
    for (Window window : windows) {
      Images output = window.over(images);
      Images single = output.withChannels(1);
      Images plane = images.withChannels(1);
      cases.add(
          new Case(
              "maxPool " + window,
              Convolutions.MaxPool.class,
              (tape, in) -> tape.maxPool(in.getFirst(), window),
              in -> {
                double[] y = new double[(int) output.elements()];
                Arrays.fill(y, Double.NEGATIVE_INFINITY);
                forLinks(
                    plane,
                    single,
                    window,
                    (x, o, f) -> {
                      for (int c = 0; c < 3; c++) {
                        y[o * 3 + c] = Math.max(y[o * 3 + c], in[0][x * 3 + c]);
                      }
                    });
                return y;
              },
              Values.SIGNED,
              List.of(shape(images))));
    }
  }

  /** How much output position i of a bilinear up-sampling takes from each position. */
  private static double[] weights(int i, int size, int outputSize) {
    double position = Math.max(0, (i + 0.5) * size / outputSize - 0.5);
    int low = (int) position;
    double[] weights = new double[size];
    weights[low] += 1 - (position - low);
    weights[Math.min(low + 1, size - 1)] += position - low;
    return weights;
  }

  private static void upsampling(List<Case> cases) {
    int[][] sizes = {{3, 4, 6, 8}, {4, 4, 4, 4}, {1, 1, 3, 2}, {3, 5, 7, 13}, {5, 6, 2, 4}};
    for (int[] size : sizes) {
      Images images = new Images(2, size[0], size[1], 3);
      Images output = images.resized(size[2], size[3]);
      for (Interpolation interpolation : Interpolation.values()) {
        cases.add(
            new Case(
                "upsample " + interpolation + " to " + shape(output),
                Convolutions.Upsample.class,
                (tape, in) -> tape.upsample(in.getFirst(), interpolation, size[2], size[3]),
                in -> upsampled(in[0], images, output, interpolation),
                Values.SIGNED,
                List.of(shape(images))));
      }
    }
  }

  private static double[] upsampled(
      double[] x, Images images, Images output, Interpolation interpolation) {
    double[] y = new double[(int) output.elements()];
    for (int n = 0; n < output.count(); n++) {
      for (int p = 0; p < output.height(); p++) {
        for (int q = 0; q < output.width(); q++) {
          double[] rows = weights(p, images.height(), output.height());
          double[] columns = weights(q, images.width(), output.width());
          if (interpolation == Interpolation.NEAREST) {
            Arrays.fill(rows, 0);
            Arrays.fill(columns, 0);
            rows[p * images.height() / output.height()] = 1;
            columns[q * images.width() / output.width()] = 1;
          }
          for (int row = 0; row < rows.length; row++) {
            for (int column = 0; column < columns.length; column++) {
              for (int c = 0; c < images.channels(); c++) {
                y[at(output, n, p, q, c)] +=
                    rows[row] * columns[column] * x[at(images, n, row, column, c)];
              }
            }
          }
        }
      }
    }
    return y;
  }

  private static void normalizations(List<Case> cases) {
    List<Shape> shapes =
        List.of(
            Shape.of(5, 3),
            Shape.of(4, 4),
            Shape.of(2, 3, 2, 4),
            Shape.of(3, 5, 4, 6),
            Shape.of(40, 17));
    for (Shape shape : shapes) {
      int columns = shape.columns();
      List<Shape> inputs = List.of(shape, Shape.of(columns), Shape.of(columns));
      float[] means = new float[columns];
      float[] variances = new float[columns];
      for (int i = 0; i < columns; i++) {
        means[i] = 0.25f * i;
        variances[i] = 0.5f + i;
      }
      for (boolean training : new boolean[] {true, false}) {
        Normalizations.BatchNorm operation =
            new Normalizations.BatchNorm(training, 0.1f, EPSILON, Activation.TANH);
        cases.add(
            new Case(
                training ? "batchNorm" : "batchNorm with running statistics",
                Normalizations.BatchNorm.class,
                (tape, in) ->
                    tape.apply(
                        operation,
                        in.get(0),
                        in.get(1),
                        in.get(2),
                        constant(tape, Shape.of(columns), means),
                        constant(tape, Shape.of(columns), variances)),
                in ->
                    training
                        ? normalized(in, 1, columns, columns, Activation.TANH)
                        : finished(fixed(in, means, variances), null, Activation.TANH),
                Values.SIGNED,
                inputs));
      }
      for (int groups = 1; groups <= columns; groups++) {
        int count = groups;
        if (columns % groups != 0 || shape.rank() == 2) {
          continue;
        }
        cases.add(
            new Case(
                "groupNorm " + groups,
                Normalizations.GroupNorm.class,
                (tape, in) ->
                    tape.groupNorm(
                        in.get(0), count, in.get(1), in.get(2), EPSILON, Activation.IDENTITY),
                in -> normalized(in, shape.dim(0), columns, count, Activation.IDENTITY),
                Values.SIGNED,
                inputs));
      }
    }
  }

  private static double[] fixed(double[][] in, float[] means, float[] variances) {
    double[] y = new double[in[0].length];
    for (int i = 0; i < y.length; i++) {
      int c = i % means.length;
      y[i] = (in[0][i] - means[c]) / Math.sqrt(variances[c] + EPSILON) * in[1][c] + in[2][c];
    }
    return y;
  }

  private static double[] normalized(
      double[][] in, int images, int columns, int groups, Activation activation) {
    double[] x = in[0];
    double[] y = new double[x.length];
    int size = x.length / images;
    for (int n = 0; n < images; n++) {
      for (int group = 0; group < groups; group++) {
        int of = group;
        int[] members =
            IntStream.range(n * size, (n + 1) * size)
                .filter(i -> i % columns / (columns / groups) == of)
                .toArray();
        double mean = Arrays.stream(members).mapToDouble(i -> x[i]).average().orElseThrow();
        double variance =
            Arrays.stream(members)
                .mapToDouble(i -> (x[i] - mean) * (x[i] - mean))
                .average()
                .orElseThrow();
        for (int i : members) {
          y[i] =
              (x[i] - mean) / Math.sqrt(variance + EPSILON) * in[1][i % columns]
                  + in[2][i % columns];
        }
      }
    }
    return finished(y, null, activation);
  }

  private static void dice(List<Case> cases) {
    for (Shape shape : List.of(Shape.of(6, 3), Shape.of(1, 1), Shape.of(2, 5, 4, 3))) {
      int columns = shape.columns();
      int[] labels =
          IntStream.range(0, (int) shape.rows()).map(i -> i * 5 % (columns + 1)).toArray();
      Shape labelShape = Shape.of(Arrays.copyOf(shape.dimensions(), shape.rank() - 1));
      for (boolean perImage : new boolean[] {true, false}) {
        int images = perImage ? shape.dim(0) : 1;
        cases.add(
            new Case(
                "dice " + (perImage ? "of images" : "of the batch"),
                Losses.Dice.class,
                (tape, in) ->
                    tape.dice(
                        in.getFirst(),
                        Tensor.of(tape.device(), tape.scope(), "labels", labelShape, labels),
                        0.5f,
                        perImage),
                in -> new double[] {dice(in[0], labels, images, columns)},
                Values.PROBABILITY,
                List.of(shape)));
      }
    }
  }

  private static double dice(double[] p, int[] labels, int images, int columns) {
    double loss = 0;
    int rows = labels.length / images;
    for (int n = 0; n < images; n++) {
      for (int c = 0; c < columns; c++) {
        double overlap = 0;
        double total = 0;
        for (int row = n * rows; row < (n + 1) * rows; row++) {
          overlap += labels[row] == c ? p[row * columns + c] : 0;
          total += p[row * columns + c] + (labels[row] == c ? 1 : 0);
        }
        loss += 1 - (2 * overlap + 0.5) / (total + 0.5);
      }
    }
    return loss / (images * columns);
  }

  private static Tensor constant(Tape tape, Shape shape, float[] values) {
    return Tensor.of(tape.device(), tape.scope(), "statistics", shape, values);
  }
}
