package dev.clessidra.bench.baselines.nvidia;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Arithmetic;
import dev.clessidra.bench.work.Conv2d;
import dev.clessidra.bench.work.ConvTranspose2d;
import dev.clessidra.bench.work.Direction;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.KernelWork;
import dev.clessidra.bench.work.MatrixProduct;
import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Window;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnActivationDescriptor;
import jcuda.jcudnn.cudnnStatus;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** JCudnn, linked with libcudnn.so.8, on what stands in for libcudnn.so.9. */
final class CudnnTest {
  private static Device device;
  private static Cudnn cudnn;

  @BeforeAll
  static void open() throws AbsentException {
    device = Device.open("emulated");
    StandIns.load("libcudnn.so.9");
    cudnn = Cudnn.open(device, Arithmetic.FLOAT32);
  }

  @AfterAll
  static void close() {
    cudnn.close();
    device.close();
  }

  @ParameterizedTest
  @EnumSource(Direction.class)
  void aConvolutionIsOurs(Direction direction) throws AbsentException {
    Window window = Window.of(3, 2).withStride(2).withPadding(1);
    Convolution convolution = new Convolution(new Images(2, 7, 6, 3), 4, window);

    checkWithEitherArithmetic(new Conv2d(direction, convolution));
  }

  @ParameterizedTest
  @EnumSource(Direction.class)
  void aTransposedConvolutionIsOurs(Direction direction) throws AbsentException {
    Window window = Window.square(4).withStride(2).withPadding(1);

    checkWithEitherArithmetic(new ConvTranspose2d(direction, new Images(2, 3, 4, 3), 5, window));
  }

  private static void checkWithEitherArithmetic(KernelWork work) throws AbsentException {
    for (Arithmetic arithmetic : Arithmetic.values()) {
      try (Cudnn library = Cudnn.open(device, arithmetic)) {
        check(library, work);
      }
      assertThat(device.memory().liveBuffers()).isZero();
    }
  }

  private static void check(Cudnn library, KernelWork work) {
    Inputs inputs = work.inputs();
    try (Implementation ours = work.on(device, inputs);
        Implementation theirs = library.prepare(work, inputs).orElseThrow();
        Implementation again = library.prepare(work, inputs).orElseThrow()) {
      float[] expected = ours.result();

      assertThat(work.error(inputs, theirs.result(), expected)).isLessThan(1e-6);
      assertThat(work.error(inputs, again.result(), expected)).isLessThan(1e-6);
    }
  }

  @ParameterizedTest
  @CsvSource({
    // Algorithm 2 is faster by what cuDNN says, but not without tensor cores.
    "FLOAT32, 0, 3",
    // Algorithm 1 is the fastest with the arithmetic alone that it was found with.
    "TF32, 1, 1",
  })
  void theFastestAlgorithmIsUsedInTheLibrarysArithmetic(Arithmetic arithmetic, int number, int math)
      throws AbsentException {
    try (Cudnn library = Cudnn.open(device, arithmetic);
        CudnnConvolution convolution = prepared(library)) {
      assertThat(convolution.algorithm().number()).isEqualTo(number);
      assertThat(convolution.algorithm().math()).isEqualTo(math);
    }
  }

  @Test
  void allConvolutionsShareTheWorkspace() throws AbsentException {
    try (Cudnn library = Cudnn.open(device, Arithmetic.TF32);
        CudnnConvolution first = prepared(library)) {
      assertThat(first.algorithm().memory()).isPositive();
      int before = device.memory().liveBuffers();
      try (CudnnConvolution second = prepared(library)) {
        assertThat(second.algorithm()).isEqualTo(first.algorithm());
        // Two operands and a result.
        assertThat(device.memory().liveBuffers() - before).isEqualTo(3);
      }
    }
  }

  private static CudnnConvolution prepared(Cudnn library) {
    Conv2d work =
        new Conv2d(Direction.FORWARD, new Convolution(new Images(1, 5, 5, 2), 3, Window.square(3)));
    return (CudnnConvolution) library.prepare(work, work.inputs()).orElseThrow();
  }

  @Test
  void floatingPointArgumentsArriveIntact() {
    cudnnActivationDescriptor descriptor = new cudnnActivationDescriptor();
    JCudnn.cudnnCreateActivationDescriptor(descriptor);
    JCudnn.cudnnSetActivationDescriptor(descriptor, 3, 1, 0.12345);
    int[] mode = new int[1];
    int[] nan = new int[1];
    double[] coefficient = new double[1];
    JCudnn.cudnnGetActivationDescriptor(descriptor, mode, nan, coefficient);

    assertThat(mode).containsExactly(3);
    assertThat(nan).containsExactly(1);
    assertThat(coefficient).containsExactly(0.12345);
    // One that cuDNN 9 does not have any more, nor does what stands in for it.
    assertThat(JCudnn.cudnnOpsInferVersionCheck())
        .isEqualTo(cudnnStatus.CUDNN_STATUS_NOT_SUPPORTED);
  }

  @Test
  void theVersionIsTheNewerLibrarys() {
    assertThat(cudnn.version()).isEqualTo("9.9.99, float32");
  }

  @Test
  void otherWorkIsNotForIt() {
    MatrixProduct work = new MatrixProduct(2, 3, 4, false, false);

    assertThat(cudnn.prepare(work, work.inputs())).isEmpty();
  }

  @Test
  void withoutAGpuItIsAbsent() {
    assertThatExceptionOfType(AbsentException.class)
        .isThrownBy(() -> CudnnBaseline.tf32().open(device, 1))
        .withMessage("it runs on GPUs, and the device is emulated");
  }
}
