package dev.clessidra.engine.operations;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clessidra.engine.GradientCheck;
import dev.clessidra.engine.GradientCheck.Reference;
import dev.clessidra.engine.GradientCheck.Values;
import dev.clessidra.engine.Operation;
import dev.clessidra.engine.RandomStream;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceOptions;
import dev.clessidra.kernels.Scope;
import java.io.IOException;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The gradient of every operation against finite differences of a float64 definition. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GradientTest {
  // Distinct, equal, 1, around a vector of 16, ragged, more than one chunk of rows (32).
  private static final int[][] MATRICES = {
    {3, 5}, {4, 4}, {1, 1}, {1, 7}, {7, 1}, {15, 17}, {16, 16}, {33, 9}, {70, 13}
  };
  private static final int[][] PRODUCTS = {
    {3, 5, 7}, {4, 4, 4}, {1, 1, 1}, {1, 6, 2}, {17, 1, 15}, {9, 33, 1}, {13, 8, 31}
  };
  private static final double SLOPE = 0.1f;

  /** One operation, how it is applied and what it is, for inputs of these shapes. */
  record Case(
      String name,
      Class<? extends Operation> operation,
      GradientCheck.Function applied,
      Reference reference,
      Values values,
      List<Shape> shapes) {
    GradientCheck check() {
      GradientCheck check = GradientCheck.of(applied);
      shapes.forEach(shape -> check.input(values, shape));
      return check;
    }

    @Override
    public String toString() {
      return name + " " + shapes;
    }
  }

  private Device device;
  private TrainingState state;

  @BeforeAll
  void open() {
    // In debug mode fresh memory is NaN, so reading what was not written shows.
    device = Device.open(DeviceOptions.defaults().withDevice("cpu").withDebug(true));
    state = new TrainingState(device, 11);
  }

  @AfterAll
  void close() {
    state.close();
    device.close();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void gradientsAgreeWithFiniteDifferences(Case test) {
    test.check().reference(test.reference()).run(device);
  }

  @ParameterizedTest
  @MethodSource("smallCases")
  void gradientsAgreeWithFiniteDifferencesInFloat32(Case test) {
    test.check().run(device);
  }

  /** Those with few elements: each of them takes two runs of the operation. */
  private Stream<Case> smallCases() {
    return cases().filter(test -> test.shapes().stream().mapToLong(Shape::elements).sum() <= 100);
  }

  @Test
  void everyDifferentiableOperationHasACase() {
    Set<Class<? extends Operation>> operations = operations();
    // Their results are constants.
    operations.removeAll(
        Set.of(
            Augmentations.AffineWarp.class,
            Augmentations.DeformationField.class,
            Augmentations.RandomBrightness.class,
            Augmentations.SampleImages.class,
            Latent.LinearWarmup.class,
            Noise.Binarize.class,
            Noise.Normal.class,
            Rearrangements.GatherRows.class));
    assertThat(cases().map(Case::operation).collect(Collectors.toSet()))
        .containsExactlyInAnyOrderElementsOf(operations);
  }

  @Test
  void everyOperationIsReachedByAMethodOfTapeWithJavadoc() throws IOException {
    String tape = Files.readString(Path.of("src/main/java/dev/clessidra/engine/Tape.java"));
    int start = Arithmetic.class.getPackageName().length() + 1;
    assertThat(operations())
        .extracting(operation -> operation.getCanonicalName().substring(start))
        .filteredOn(name -> !tape.contains("new " + name + "("))
        .as("operations that no method of Tape makes")
        .isEmpty();
    assertThat(Pattern.compile("(?<!\\*/)\n  public Tensor \\w+").matcher(tape).results())
        .as("methods of Tape without Javadoc")
        .extracting(MatchResult::group)
        .isEmpty();
  }

  /** The public operations of the package, from the folder that they were compiled to. */
  private static Set<Class<? extends Operation>> operations() {
    String compiled = ".class";
    URL one = Arithmetic.class.getResource(Arithmetic.class.getSimpleName() + compiled);
    Set<Class<? extends Operation>> operations = new LinkedHashSet<>();
    try (Stream<Path> files = Files.list(Path.of(one.toURI()).getParent())) {
      for (String file : files.map(path -> path.getFileName().toString()).toList()) {
        Class<?> type =
            Class.forName(Arithmetic.class.getPackageName() + "." + file.replace(compiled, ""));
        if (Operation.class.isAssignableFrom(type) && Modifier.isPublic(type.getModifiers())) {
          operations.add(type.asSubclass(Operation.class));
        }
      }
    } catch (IOException | URISyntaxException | ClassNotFoundException e) {
      throw new AssertionError("the compiled operations cannot be listed", e);
    }
    return operations;
  }

  private Stream<Case> cases() {
    List<Case> cases = new ArrayList<>();
    products(cases);
    for (int[] matrix : MATRICES) {
      functions(cases, Shape.of(matrix), matrix[0], matrix[1]);
      arithmetic(cases, Shape.of(matrix), matrix[1]);
      reductions(cases, Shape.of(matrix), matrix[0], matrix[1]);
      rearrangements(cases, Shape.of(matrix), matrix[0], matrix[1]);
      losses(cases, Shape.of(matrix), matrix[0], matrix[1]);
      noise(cases, Shape.of(matrix));
    }
    ImageGradientCases.addTo(cases);
    return cases.stream();
  }

  private static void products(List<Case> cases) {
    Activation leaky = Activation.leakyRelu((float) SLOPE);
    List<Activation> activations =
        List.of(
            Activation.IDENTITY,
            Activation.RELU,
            leaky,
            Activation.SIGMOID,
            Activation.TANH,
            Activation.SOFTPLUS);
    int index = 0;
    for (int[] p : PRODUCTS) {
      int m = p[0];
      int k = p[1];
      int n = p[2];
      for (boolean transposed : new boolean[] {false, true}) {
        Activation activation = activations.get(index++ % activations.size());
        DoubleUnaryOperator f = function(activation);
        Shape weight = transposed ? Shape.of(n, k) : Shape.of(k, n);
        cases.add(
            new Case(
                "linear " + activation.function(),
                Products.Linear.class,
                (tape, in) ->
                    transposed
                        ? tape.linearTransposed(in.get(0), in.get(1), in.get(2), activation)
                        : tape.linear(in.get(0), in.get(1), in.get(2), activation),
                in -> {
                  double[] y = product(in[0], false, in[1], transposed, m, k, n);
                  for (int i = 0; i < y.length; i++) {
                    y[i] = f.applyAsDouble(y[i] + in[2][i % n]);
                  }
                  return y;
                },
                Values.SIGNED,
                List.of(Shape.of(m, k), weight, Shape.of(n))));
        cases.add(
            new Case(
                "linear without bias",
                Products.Linear.class,
                (tape, in) ->
                    transposed
                        ? tape.linearTransposed(in.get(0), in.get(1), Activation.TANH)
                        : tape.linear(in.get(0), in.get(1), Activation.TANH),
                in -> map(product(in[0], false, in[1], transposed, m, k, n), Math::tanh),
                Values.SIGNED,
                List.of(Shape.of(1, m, k), weight)));
        for (boolean transposeA : new boolean[] {false, true}) {
          cases.add(
              new Case(
                  "matmul",
                  Products.MatrixProduct.class,
                  (tape, in) -> tape.matmul(in.get(0), transposeA, in.get(1), transposed),
                  in -> product(in[0], transposeA, in[1], transposed, m, k, n),
                  Values.SIGNED,
                  List.of(transposeA ? Shape.of(k, m) : Shape.of(m, k), weight)));
        }
      }
    }
  }

  private static void functions(List<Case> cases, Shape shape, int rows, int columns) {
    for (Activation activation :
        List.of(
            Activation.RELU,
            Activation.leakyRelu((float) SLOPE),
            Activation.SIGMOID,
            Activation.TANH,
            Activation.SOFTPLUS,
            Activation.IDENTITY)) {
      cases.add(
          unary(
              activation.function().toString(),
              Functions.Activate.class,
              (tape, in) -> tape.activation(in.getFirst(), activation),
              function(activation),
              Values.SIGNED,
              shape));
    }
    cases.add(
        unary(
            "affine",
            Functions.Affine.class,
            (tape, in) -> tape.affine(in.getFirst(), 2.5f, -0.75f),
            x -> 2.5 * x - 0.75,
            Values.SIGNED,
            shape));
    cases.add(elementary("exp", Tape::exp, Math::exp, Values.SIGNED, shape));
    cases.add(elementary("log", Tape::log, Math::log, Values.POSITIVE, shape));
    cases.add(elementary("square", Tape::square, x -> x * x, Values.SIGNED, shape));
    cases.add(elementary("sqrt", Tape::sqrt, Math::sqrt, Values.POSITIVE, shape));
    cases.add(elementary("abs", Tape::abs, Math::abs, Values.SIGNED, shape));
    cases.add(elementary("reciprocal", Tape::reciprocal, x -> 1 / x, Values.SIGNED, shape));
    cases.add(
        new Case(
            "softmax",
            Losses.Softmax.class,
            (tape, in) -> tape.softmax(in.getFirst()),
            in -> softmax(in[0], rows, columns),
            Values.SIGNED,
            List.of(shape)));
  }

  private static void arithmetic(List<Case> cases, Shape shape, int columns) {
    for (Shape b : List.of(shape, Shape.of(columns), Shape.scalar())) {
      cases.add(binary("add", Tape::add, Double::sum, shape, b));
      cases.add(binary("subtract", Tape::subtract, (x, y) -> x - y, shape, b));
      cases.add(binary("multiply", Tape::multiply, (x, y) -> x * y, shape, b));
      cases.add(binary("divide", Tape::divide, (x, y) -> x / y, shape, b));
    }
    cases.add(
        new Case(
            "multiply by itself",
            Arithmetic.class,
            (tape, in) -> tape.multiply(in.getFirst(), in.getFirst()),
            in -> map(in[0], x -> x * x),
            Values.SIGNED,
            List.of(shape)));
    cases.add(
        new Case(
            "add to itself",
            Arithmetic.class,
            (tape, in) -> tape.add(in.getFirst(), in.getFirst()),
            in -> map(in[0], x -> x + x),
            Values.SIGNED,
            List.of(shape)));
  }

  private static void reductions(List<Case> cases, Shape shape, int rows, int columns) {
    cases.add(
        new Case(
            "sum",
            Reductions.All.class,
            (tape, in) -> tape.sum(in.getFirst()),
            in -> new double[] {Arrays.stream(in[0]).sum()},
            Values.SIGNED,
            List.of(shape)));
    cases.add(
        new Case(
            "mean",
            Reductions.All.class,
            (tape, in) -> tape.mean(in.getFirst()),
            in -> new double[] {Arrays.stream(in[0]).average().orElseThrow()},
            Values.SIGNED,
            List.of(shape)));
    cases.add(
        new Case(
            "sumRows",
            Reductions.Rows.class,
            (tape, in) -> tape.sumRows(in.getFirst()),
            in -> {
              double[] sums = new double[rows];
              for (int i = 0; i < in[0].length; i++) {
                sums[i / columns] += in[0][i];
              }
              return sums;
            },
            Values.SIGNED,
            List.of(shape)));
    cases.add(
        new Case(
            "logSumExpRows",
            Reductions.LogSumExpRows.class,
            (tape, in) -> tape.logSumExpRows(in.getFirst()),
            in -> {
              double[] sums = new double[rows];
              for (int i = 0; i < in[0].length; i++) {
                sums[i / columns] += Math.exp(in[0][i]);
              }
              return map(sums, Math::log);
            },
            Values.SIGNED,
            List.of(shape)));
    cases.add(
        new Case(
            "sumColumns",
            Reductions.Columns.class,
            (tape, in) -> tape.sumColumns(in.getFirst()),
            in -> columnSums(in[0], columns),
            Values.SIGNED,
            List.of(shape)));
    cases.add(
        new Case(
            "meanColumns",
            Reductions.Columns.class,
            (tape, in) -> tape.meanColumns(in.getFirst()),
            in -> map(columnSums(in[0], columns), x -> x / rows),
            Values.SIGNED,
            List.of(shape)));
  }

  private static void rearrangements(List<Case> cases, Shape shape, int rows, int columns) {
    cases.add(
        new Case(
            "reshape",
            Rearrangements.Reshape.class,
            (tape, in) -> tape.reshape(in.getFirst(), Shape.of(columns, rows)),
            in -> in[0].clone(),
            Values.SIGNED,
            List.of(shape)));
    int fromRow = rows / 2;
    cases.add(
        new Case(
            "slice",
            Rearrangements.Slice.class,
            (tape, in) -> tape.slice(in.getFirst(), fromRow, rows - fromRow),
            in -> Arrays.copyOfRange(in[0], fromRow * columns, rows * columns),
            Values.SIGNED,
            List.of(shape)));
    cases.add(
        new Case(
            "repeatRows",
            Rearrangements.RepeatRows.class,
            (tape, in) -> tape.repeatRows(in.getFirst(), 3),
            in -> {
              double[] y = new double[3 * rows * columns];
              for (int i = 0; i < y.length; i++) {
                y[i] = in[0][i / columns / 3 * columns + i % columns];
              }
              return y;
            },
            Values.SIGNED,
            List.of(shape)));
    int fromColumn = columns / 3;
    int count = Math.max(1, columns / 2);
    cases.add(
        new Case(
            "sliceColumns",
            Rearrangements.SliceColumns.class,
            (tape, in) -> tape.sliceColumns(in.getFirst(), fromColumn, count),
            in -> {
              double[] y = new double[rows * count];
              for (int i = 0; i < y.length; i++) {
                y[i] = in[0][i / count * columns + fromColumn + i % count];
              }
              return y;
            },
            Values.SIGNED,
            List.of(shape)));
    cases.add(
        new Case(
            "concat",
            Rearrangements.ConcatColumns.class,
            (tape, in) -> tape.concat(in.get(0), in.get(1), in.get(0)),
            in -> {
              int width = 2 * columns + 2;
              double[] y = new double[rows * width];
              for (int i = 0; i < y.length; i++) {
                int row = i / width;
                int column = i % width;
                boolean middle = column >= columns && column < columns + 2;
                y[i] =
                    middle
                        ? in[1][row * 2 + column - columns]
                        : in[0][row * columns + (column < columns ? column : column - columns - 2)];
              }
              return y;
            },
            Values.SIGNED,
            List.of(shape, Shape.of(rows, 2))));
  }

  private static void losses(List<Case> cases, Shape shape, int rows, int columns) {
    double[] target =
        IntStream.range(0, rows * columns).mapToDouble(i -> (i * 7 % 11) / 10.0).toArray();
    float[] targetFloats = new float[target.length];
    for (int i = 0; i < target.length; i++) {
      targetFloats[i] = (float) target[i];
    }
    int[] labels = IntStream.range(0, rows).map(i -> i * 3 % columns).toArray();
    cases.add(
        new Case(
            "meanSquaredError",
            Losses.SquaredError.class,
            (tape, in) -> tape.meanSquaredError(in.getFirst(), constant(tape, shape, targetFloats)),
            in -> new double[] {squaredError(in[0], targetFloats) / target.length},
            Values.SIGNED,
            List.of(shape)));
    cases.add(
        new Case(
            "squaredError",
            Losses.SquaredError.class,
            (tape, in) -> tape.squaredError(in.getFirst(), constant(tape, shape, targetFloats), 2),
            in -> new double[] {2 * squaredError(in[0], targetFloats)},
            Values.SIGNED,
            List.of(shape)));
    cases.add(
        new Case(
            "binaryCrossEntropyWithLogits",
            Losses.BinaryCrossEntropy.class,
            (tape, in) ->
                tape.binaryCrossEntropyWithLogits(
                    in.getFirst(), constant(tape, shape, targetFloats), 0.5f),
            in -> {
              double sum = 0;
              for (int i = 0; i < target.length; i++) {
                double p = 1 / (1 + Math.exp(-in[0][i]));
                sum -= targetFloats[i] * Math.log(p) + (1 - targetFloats[i]) * Math.log(1 - p);
              }
              return new double[] {0.5 * sum};
            },
            Values.SIGNED,
            List.of(shape)));
    cases.add(
        new Case(
            "absolutePenalty",
            Losses.AbsolutePenalty.class,
            (tape, in) -> tape.absolutePenalty(in.getFirst(), 0.25f),
            in -> new double[] {0.25 * Arrays.stream(in[0]).map(Math::abs).sum()},
            Values.SIGNED,
            List.of(shape)));
    cases.add(
        new Case(
            "softmaxCrossEntropy",
            Losses.SoftmaxCrossEntropy.class,
            (tape, in) ->
                tape.softmaxCrossEntropy(
                    in.getFirst(),
                    Tensor.of(tape.device(), tape.scope(), "labels", Shape.of(rows), labels)),
            in -> {
              double[] p = softmax(in[0], rows, columns);
              double sum = 0;
              for (int row = 0; row < rows; row++) {
                sum -= Math.log(p[row * columns + labels[row]]);
              }
              return new double[] {sum / rows};
            },
            Values.SIGNED,
            List.of(shape)));
    float[] classWeights = new float[columns];
    float[] rowWeights = new float[rows];
    for (int i = 0; i < columns; i++) {
      classWeights[i] = 0.5f + i % 3;
    }
    for (int i = 0; i < rows; i++) {
      rowWeights[i] = 0.25f * (i % 5);
    }
    for (int kind = 1; kind < 4; kind++) {
      boolean ofClasses = (kind & 1) != 0;
      boolean ofRows = (kind & 2) != 0;
      cases.add(
          new Case(
              "softmaxCrossEntropy with weights " + kind,
              Losses.SoftmaxCrossEntropy.class,
              (tape, in) ->
                  tape.softmaxCrossEntropy(
                      in.getFirst(),
                      Tensor.of(tape.device(), tape.scope(), "labels", Shape.of(rows), labels),
                      ofClasses ? constant(tape, Shape.of(columns), classWeights) : null,
                      ofRows ? constant(tape, Shape.of(rows), rowWeights) : null),
              in -> {
                double[] p = softmax(in[0], rows, columns);
                double sum = 0;
                for (int row = 0; row < rows; row++) {
                  double weight =
                      (ofClasses ? classWeights[labels[row]] : 1) * (ofRows ? rowWeights[row] : 1);
                  sum -= weight * Math.log(p[row * columns + labels[row]]);
                }
                return new double[] {sum / rows};
              },
              Values.SIGNED,
              List.of(shape)));
    }
    cases.add(
        new Case(
            "gaussianKl",
            Latent.GaussianKl.class,
            (tape, in) -> tape.gaussianKl(in.get(0), in.get(1), 0.5f),
            in -> new double[] {0.5 * Arrays.stream(divergences(in, columns)).sum()},
            Values.SIGNED,
            List.of(shape, shape)));
    cases.add(
        new Case(
            "gaussianKlRows",
            Latent.GaussianKlRows.class,
            (tape, in) -> tape.gaussianKlRows(in.get(0), in.get(1)),
            in -> divergences(in, columns),
            Values.SIGNED,
            List.of(shape, shape)));
    for (int repeats : new int[] {1, 3}) {
      cases.add(
          new Case(
              "bernoulliLogLikelihood of " + repeats,
              Latent.BernoulliLogLikelihood.class,
              (tape, in) ->
                  tape.bernoulliLogLikelihood(
                      in.getFirst(), constant(tape, shape, targetFloats), repeats),
              in -> {
                double[] sums = new double[rows * repeats];
                for (int i = 0; i < in[0].length; i++) {
                  int row = i / columns;
                  double p = 1 / (1 + Math.exp(-in[0][i]));
                  float t = targetFloats[row / repeats * columns + i % columns];
                  sums[row] += t * Math.log(p) + (1 - t) * Math.log(1 - p);
                }
                return sums;
              },
              Values.SIGNED,
              List.of(Shape.of(rows * repeats, columns))));
    }
    for (int repeats : new int[] {1, 3}) {
      cases.add(
          new Case(
              "gaussianLogDensity of " + repeats,
              Latent.GaussianLogDensity.class,
              (tape, in) -> tape.gaussianLogDensity(in.get(0), in.get(1), in.get(2), repeats),
              in -> logDensities(in[0], in[1], in[2], columns, repeats),
              Values.SIGNED,
              List.of(Shape.of(rows * repeats, columns), shape, shape)));
    }
    double[] zeros = new double[rows * columns];
    cases.add(
        new Case(
            "standardNormalLogDensity",
            Latent.GaussianLogDensity.class,
            (tape, in) -> tape.standardNormalLogDensity(in.getFirst()),
            in -> logDensities(in[0], zeros, zeros, columns, 1),
            Values.SIGNED,
            List.of(shape)));
    double rho = 0.2f;
    cases.add(
        new Case(
            "klSparsity",
            Sparsity.KullbackLeibler.class,
            (tape, in) -> tape.klSparsity(in.getFirst(), 0.2f, 0.5f),
            in -> {
              double sum = 0;
              for (double total : columnSums(in[0], columns)) {
                double q = total / rows;
                sum += rho * Math.log(rho / q) + (1 - rho) * Math.log((1 - rho) / (1 - q));
              }
              return new double[] {0.5 * sum};
            },
            Values.PROBABILITY,
            List.of(shape)));
    int k = Math.max(1, columns / 3);
    cases.add(
        new Case(
            "topK",
            Sparsity.TopK.class,
            (tape, in) -> tape.topK(in.getFirst(), k),
            in -> topK(in[0], rows, columns, k),
            Values.SIGNED,
            List.of(shape)));
  }

  private void noise(List<Case> cases, Shape shape) {
    RandomStream stream = state.stream("noise");
    float[] mask = new float[(int) shape.elements()];
    try (Scope scope = device.scope()) {
      float[] ones = new float[mask.length];
      Arrays.fill(ones, 1);
      Tensor masked =
          Tape.inference(device, scope)
              .maskNoise(Tensor.of(device, scope, "ones", shape, ones), 0.4f, stream);
      System.arraycopy(masked.copyToArray(), 0, mask, 0, mask.length);
    }
    cases.add(
        new Case(
            "maskNoise",
            Noise.Mask.class,
            (tape, in) -> tape.maskNoise(in.getFirst(), 0.4f, stream),
            in -> masked(in[0], mask, 1),
            Values.SIGNED,
            List.of(shape)));
    cases.add(
        new Case(
            "dropout",
            Noise.Mask.class,
            (tape, in) -> tape.dropout(in.getFirst(), 0.4f, stream),
            in -> masked(in[0], mask, 1 / 0.6),
            Values.SIGNED,
            List.of(shape)));
    float[] normal;
    try (Scope scope = device.scope()) {
      normal = Tape.inference(device, scope).randomNormal(shape, 0, 1, stream).copyToArray();
    }
    cases.add(
        new Case(
            "reparameterize",
            Latent.Reparameterize.class,
            (tape, in) -> tape.reparameterize(in.get(0), in.get(1), stream),
            in -> {
              double[] z = new double[in[0].length];
              for (int i = 0; i < z.length; i++) {
                z[i] = in[0][i] + Math.exp(in[1][i] / 2) * normal[i];
              }
              return z;
            },
            Values.SIGNED,
            List.of(shape, shape)));
  }

  @FunctionalInterface
  private interface TapeUnary {
    Tensor apply(Tape tape, Tensor x);
  }

  @FunctionalInterface
  private interface TapeBinary {
    Tensor apply(Tape tape, Tensor a, Tensor b);
  }

  private static Case elementary(
      String name, TapeUnary applied, DoubleUnaryOperator f, Values values, Shape shape) {
    return unary(
        name,
        Functions.Elementary.class,
        (tape, in) -> applied.apply(tape, in.getFirst()),
        f,
        values,
        shape);
  }

  private static Case unary(
      String name,
      Class<? extends Operation> operation,
      GradientCheck.Function applied,
      DoubleUnaryOperator f,
      Values values,
      Shape shape) {
    return new Case(name, operation, applied, in -> map(in[0], f), values, List.of(shape));
  }

  private static Case binary(
      String name, TapeBinary applied, DoubleBinaryOperator f, Shape a, Shape b) {
    return new Case(
        name,
        Arithmetic.class,
        (tape, in) -> applied.apply(tape, in.get(0), in.get(1)),
        in -> {
          double[] y = new double[in[0].length];
          for (int i = 0; i < y.length; i++) {
            y[i] = f.applyAsDouble(in[0][i], in[1][i % in[1].length]);
          }
          return y;
        },
        Values.SIGNED,
        List.of(a, b));
  }

  private static Tensor constant(Tape tape, Shape shape, float[] values) {
    return Tensor.of(tape.device(), tape.scope(), "target", shape, values);
  }

  private static DoubleUnaryOperator function(Activation activation) {
    return switch (activation.function()) {
      case IDENTITY -> x -> x;
      case RELU -> x -> Math.max(x, 0);
      case LEAKY_RELU -> x -> x > 0 ? x : SLOPE * x;
      case SIGMOID -> x -> 1 / (1 + Math.exp(-x));
      case TANH -> Math::tanh;
      case SOFTPLUS -> x -> Math.log1p(Math.exp(x));
    };
  }

  private static double[] map(double[] x, DoubleUnaryOperator f) {
    return Arrays.stream(x).map(f).toArray();
  }

  private static double[] masked(double[] x, float[] mask, double scale) {
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = x[i] * mask[i] * scale;
    }
    return y;
  }

  private static double squaredError(double[] x, float[] target) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += (x[i] - target[i]) * (x[i] - target[i]);
    }
    return sum;
  }

  private static double[] divergences(double[][] in, int columns) {
    double[] sums = new double[in[0].length / columns];
    for (int i = 0; i < in[0].length; i++) {
      sums[i / columns] += (in[0][i] * in[0][i] + Math.exp(in[1][i]) - 1 - in[1][i]) / 2;
    }
    return sums;
  }

  private static double[] logDensities(
      double[] x, double[] mean, double[] logVariance, int columns, int repeats) {
    double[] sums = new double[x.length / columns];
    for (int i = 0; i < x.length; i++) {
      int j = i / columns / repeats * columns + i % columns;
      double d = x[i] - mean[j];
      sums[i / columns] -=
          (Math.log(2 * Math.PI) + logVariance[j] + d * d / Math.exp(logVariance[j])) / 2;
    }
    return sums;
  }

  private static double[] columnSums(double[] x, int columns) {
    double[] sums = new double[columns];
    for (int i = 0; i < x.length; i++) {
      sums[i % columns] += x[i];
    }
    return sums;
  }

  private static double[] softmax(double[] x, int rows, int columns) {
    double[] y = new double[x.length];
    for (int row = 0; row < rows; row++) {
      double sum = 0;
      for (int i = row * columns; i < (row + 1) * columns; i++) {
        y[i] = Math.exp(x[i]);
        sum += y[i];
      }
      for (int i = row * columns; i < (row + 1) * columns; i++) {
        y[i] /= sum;
      }
    }
    return y;
  }

  private static double[] topK(double[] x, int rows, int columns, int k) {
    double[] y = new double[x.length];
    for (int row = 0; row < rows; row++) {
      IntStream.range(row * columns, (row + 1) * columns)
          .boxed()
          .sorted(Comparator.comparingDouble((Integer i) -> -x[i]))
          .limit(k)
          .forEach(i -> y[i] = x[i]);
    }
    return y;
  }

  private static double[] product(
      double[] a, boolean transposeA, double[] b, boolean transposeB, int m, int k, int n) {
    double[] c = new double[m * n];
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        for (int p = 0; p < k; p++) {
          c[i * n + j] +=
              a[transposeA ? p * m + i : i * k + p] * b[transposeB ? j * k + p : p * n + j];
        }
      }
    }
    return c;
  }
}
