package dev.clessidra.bench.cli;

import dev.clessidra.bench.work.BiasActivation;
import dev.clessidra.bench.work.ColdStart;
import dev.clessidra.bench.work.Concatenation;
import dev.clessidra.bench.work.Conv2d;
import dev.clessidra.bench.work.ConvTranspose2d;
import dev.clessidra.bench.work.FixedSizeKernel;
import dev.clessidra.bench.work.GaussianDivergence;
import dev.clessidra.bench.work.GaussianSample;
import dev.clessidra.bench.work.MatrixProduct;
import dev.clessidra.bench.work.ModelLatency;
import dev.clessidra.bench.work.TrainedModel;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Window;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Works by the name that the command line has for them.
 *
 * @param name such as {@code conv2d}
 * @param pattern of its shape, empty if that is fixed
 * @param standard the shape unless one is given, or what there is to choose from
 * @param options that it understands
 * @param works makes the works that are asked for
 */
record WorkFamily(
    String name,
    String pattern,
    String standard,
    List<String> options,
    Function<WorkOptions, List<Work>> works) {
  private static final String MATRIX = "MxNxK";
  private static final String IMAGES_AND_FILTERS = "NxHxWxC,KxRxS";
  private static final String IMAGES_AND_CHANNELS = "NxHxWxC,D";
  private static final String ROWS_AND_COLUMNS = "MxN";
  private static final String COUNT = "N";
  private static final long LARGEST_BYTES = 8L << 30;
  private static final List<String> WINDOW_OPTIONS =
      List.of("--shape", "--stride", "--padding", "--direction");

  /** All works, by name, in the order of the help. */
  static SequencedMap<String, WorkFamily> all() {
    List<WorkFamily> families = new ArrayList<>();
    families.add(
        sized(
            MatrixProduct.FAMILY,
            MATRIX,
            "1024x1024x1024",
            List.of("--shape", "--transpose"),
            WorkFamily::product));
    families.add(
        sized(
            Conv2d.FAMILY,
            IMAGES_AND_FILTERS,
            "8x64x64x64,64x3x3",
            List.of("--shape", "--stride", "--padding", "--direction", "--algorithm"),
            WorkFamily::convolutions));
    families.add(
        sized(
            ConvTranspose2d.FAMILY,
            IMAGES_AND_FILTERS,
            "4x32x32x128,64x2x2",
            WINDOW_OPTIONS,
            WorkFamily::transposedConvolutions));
    families.add(
        sized(
            Concatenation.FAMILY,
            IMAGES_AND_CHANNELS,
            "4x128x128x32,32",
            List.of("--shape"),
            WorkFamily::concatenation));
    families.add(
        sized(
            BiasActivation.FAMILY,
            ROWS_AND_COLUMNS,
            "256x1000",
            List.of("--shape", "--activation"),
            WorkFamily::biasActivation));
    families.add(
        sized(
            GaussianDivergence.FAMILY,
            ROWS_AND_COLUMNS,
            "1024x1024",
            List.of("--shape"),
            WorkFamily::divergence));
    families.add(
        sized(GaussianSample.FAMILY, COUNT, "1048576", List.of("--shape"), WorkFamily::sample));
    for (FixedSizeKernel kernel : FixedSizeKernel.values()) {
      families.add(fixed(kernel.family(), kernel.size(), List.of(kernel)));
    }
    families.add(
        ofModels(TrainedModel.FAMILY, List.of(TrainedModel.values()), TrainedModel::toString));
    families.add(
        ofModels(
            ModelLatency.FAMILY, List.of(ModelLatency.values()), work -> work.model().toString()));
    families.add(fixed(ColdStart.FAMILY, "", List.of(new ColdStart())));
    SequencedMap<String, WorkFamily> byName = new LinkedHashMap<>();
    families.forEach(family -> byName.put(family.name(), family));
    return byName;
  }

  /**
   * Returns the works of a name.
   *
   * @throws IllegalArgumentException if there is no such name, or its options are wrong
   */
  static List<Work> works(String name, WorkOptions options) {
    WorkFamily family = all().get(name);
    if (family == null) {
      throw new IllegalArgumentException(
          "there is no work '%s': expected one that --list shows, such as gemm or conv2d"
              .formatted(name));
    }
    options.requireOnly(name, family.options());
    List<Work> works = family.works().apply(options);
    for (Work work : works) {
      if (work.bytes() > LARGEST_BYTES) {
        throw new IllegalArgumentException(
            "%s has operands of %.0f GiB together: expected at most %d, choose a smaller --shape"
                .formatted(work.label(), work.bytes() / (1 << 30), LARGEST_BYTES >> 30));
      }
    }
    return works;
  }

  private static WorkFamily sized(
      String name,
      String pattern,
      String standard,
      List<String> options,
      BiFunction<int[], WorkOptions, List<Work>> works) {
    return new WorkFamily(
        name,
        pattern,
        standard,
        options,
        given -> works.apply(given.sizes(pattern, standard), given));
  }

  private static WorkFamily fixed(String name, String size, List<Work> works) {
    return new WorkFamily(name, "", size, List.of(), _ -> works);
  }

  private static <W extends Work> WorkFamily ofModels(
      String name, List<W> works, Function<W, String> model) {
    return new WorkFamily(
        name,
        "--model",
        works.stream().map(model).map(WorkOptions::modelName).collect(Collectors.joining(",")),
        List.of("--model"),
        given -> List.copyOf(given.ofModels(works, model)));
  }

  private static List<Work> product(int[] sizes, WorkOptions given) {
    return List.of(
        new MatrixProduct(
            sizes[0], sizes[1], sizes[2], given.isTransposed("a"), given.isTransposed("b")));
  }

  /** Unless a padding is given the images keep their size at stride 1. */
  private static List<Work> convolutions(int[] sizes, WorkOptions given) {
    Convolution convolution =
        given.withAlgorithm(
            new Convolution(images(sizes), sizes[4], window(sizes, given, 1, (sizes[5] - 1) / 2)));
    List<Work> works = new ArrayList<>();
    given.parsedDirections().forEach(direction -> works.add(new Conv2d(direction, convolution)));
    return works;
  }

  /** Unless a stride is given windows lie side by side. */
  private static List<Work> transposedConvolutions(int[] sizes, WorkOptions given) {
    Window window = window(sizes, given, sizes[5], 0);
    window.under(images(sizes));
    List<Work> works = new ArrayList<>();
    given
        .parsedDirections()
        .forEach(direction ->
            works.add(new ConvTranspose2d(direction, images(sizes), sizes[4], window)));
    return works;
  }

  private static Images images(int[] sizes) {
    return new Images(sizes[0], sizes[1], sizes[2], sizes[3]);
  }

  private static Window window(int[] sizes, WorkOptions given, int stride, int padding) {
    return Window.of(sizes[5], sizes[6])
        .withStride(given.strideOr(stride))
        .withPadding(given.paddingOr(padding));
  }

  private static List<Work> concatenation(int[] sizes, WorkOptions given) {
    return List.of(new Concatenation(images(sizes), sizes[4]));
  }

  private static List<Work> biasActivation(int[] sizes, WorkOptions given) {
    return List.of(new BiasActivation(sizes[0], sizes[1], given.parsedActivation()));
  }

  private static List<Work> divergence(int[] sizes, WorkOptions given) {
    return List.of(new GaussianDivergence(sizes[0], sizes[1]));
  }

  private static List<Work> sample(int[] sizes, WorkOptions given) {
    return List.of(new GaussianSample(sizes[0]));
  }
}
