package dev.clessidra.bench.baselines;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clessidra.bench.work.BiasActivation;
import dev.clessidra.bench.work.ColdStart;
import dev.clessidra.bench.work.Concatenation;
import dev.clessidra.bench.work.Conv2d;
import dev.clessidra.bench.work.ConvTranspose2d;
import dev.clessidra.bench.work.Direction;
import dev.clessidra.bench.work.FixedSizeKernel;
import dev.clessidra.bench.work.GaussianDivergence;
import dev.clessidra.bench.work.GaussianSample;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.MatrixProduct;
import dev.clessidra.bench.work.ModelLatency;
import dev.clessidra.bench.work.TrainedModel;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Window;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each library computes what Clessidra computes, at sizes that no two dimensions share. */
class LibrariesTest {
  private static final List<String> NAMES = List.of("libtorch", "onednn", "openblas");
  private static final int THREADS = 2;

  private static Device device;

  @BeforeAll
  static void open() {
    device = Device.open("cpu");
  }

  @AfterAll
  static void close() {
    device.close();
  }

  static List<Arguments> libraryAndWork() {
    List<Arguments> arguments = new ArrayList<>();
    for (String name : NAMES) {
      products().forEach(work -> arguments.add(Arguments.of(name, work)));
    }
    for (String name : List.of("libtorch", "onednn")) {
      images().forEach(work -> arguments.add(Arguments.of(name, work)));
    }
    models().forEach(work -> arguments.add(Arguments.of("libtorch", work)));
    kernels().forEach(work -> arguments.add(Arguments.of("libtorch", work)));
    return arguments;
  }

  private static List<Work> products() {
    List<Work> works = new ArrayList<>();
    for (boolean transposeA : new boolean[] {false, true}) {
      for (boolean transposeB : new boolean[] {false, true}) {
        works.add(new MatrixProduct(37, 53, 41, transposeA, transposeB));
      }
    }
    return works;
  }

  private static List<Work> images() {
    Window window = new Window(3, 2, 2, 3, 1, 1, 2, 1);
    Images images = new Images(3, 17, 19, 5);
    List<Work> works = new ArrayList<>();
    for (Direction direction : Direction.values()) {
      works.add(new Conv2d(direction, new Convolution(images, 7, window)));
      works.add(new ConvTranspose2d(direction, images, 7, window));
    }
    for (Activation activation :
        List.of(
            Activation.IDENTITY,
            Activation.RELU,
            Activation.leakyRelu(0.1f),
            Activation.SIGMOID,
            Activation.TANH,
            Activation.SOFTPLUS)) {
      works.add(new BiasActivation(77, 101, activation));
    }
    works.add(new Concatenation(images, 7));
    works.add(new Concatenation(images.withChannels(16), 32));
    return works;
  }

  private static List<Work> models() {
    List<Work> works = new ArrayList<>();
    works.add(new GaussianDivergence(77, 101));
    works.add(new GaussianSample(100_000));
    works.add(new ColdStart());
    works.addAll(List.of(ModelLatency.values()));
    // U-Net's training takes minutes on a busy machine; a benchmark checks it.
    works.addAll(EnumSet.complementOf(EnumSet.of(TrainedModel.U_NET)));
    return works;
  }

  /** All but those that libtorch has no operation for, or whose random numbers differ. */
  private static Set<FixedSizeKernel> kernels() {
    return EnumSet.complementOf(
        EnumSet.of(
            FixedSizeKernel.KL_SPARSITY,
            FixedSizeKernel.KL_SPARSITY_BACKWARD,
            FixedSizeKernel.RANDOM,
            FixedSizeKernel.MASK_NOISE,
            FixedSizeKernel.BINARIZE,
            FixedSizeKernel.GATHER_ROWS,
            FixedSizeKernel.AFFINE_WARP,
            FixedSizeKernel.DEFORMATION_FIELD,
            FixedSizeKernel.SAMPLE_IMAGES,
            FixedSizeKernel.RANDOM_BRIGHTNESS,
            FixedSizeKernel.ADVANCE,
            FixedSizeKernel.SCHEDULE,
            FixedSizeKernel.LINEAR_WARMUP,
            FixedSizeKernel.CLIP_NORM,
            FixedSizeKernel.REPARAMETERIZE_BACKWARD,
            FixedSizeKernel.GAUSSIAN_LOG_DENSITY_BACKWARD,
            FixedSizeKernel.NORMALIZE_BACKWARD,
            FixedSizeKernel.DICE,
            FixedSizeKernel.DICE_BACKWARD));
  }

  @ParameterizedTest
  @MethodSource("libraryAndWork")
  void aLibraryComputesWhatClessidraComputes(String name, Work work) throws AbsentException {
    Inputs inputs = work.inputs();
    try (Library library = new Baselines().get(name).open(device, THREADS);
        Implementation theirs = library.prepare(work, inputs).orElseThrow();
        Implementation ours = work.on(device, inputs)) {
      float[] result = theirs.result();
      assertThat(result).hasSize(work.resultSize());
      assertThat(work.error(inputs, ours.result(), result)).isLessThan(work.tolerance());
      theirs.run();
      theirs.await();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"onednn", "openblas"})
  void whatALibraryDoesNotHaveIsNotPrepared(String name) throws AbsentException {
    Work work = new GaussianSample(100);
    try (Library library = new Baselines().get(name).open(device, THREADS)) {
      assertThat(library.prepare(work, work.inputs())).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"libtorch", "onednn", "openblas"})
  void aLibrarySaysWhatItIs(String name) throws AbsentException {
    try (Library library = new Baselines().get(name).open(device, THREADS)) {
      assertThat(library.name()).isEqualTo(name);
      assertThat(library.version()).matches(".*[0-9]+\\.[0-9]+.*, 2 threads");
    }
  }

  @Test
  void libtorchMultipliesWithMkl() throws AbsentException {
    try (Library library = new Baselines().get("libtorch").open(device, THREADS)) {
      assertThat(library.version()).contains("MKL");
    }
  }
}
