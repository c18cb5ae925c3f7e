package dev.clessidra.bench.baselines.nvidia;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Arithmetic;
import dev.clessidra.bench.work.BiasActivation;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.MatrixProduct;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import java.lang.invoke.MethodHandle;
import java.util.List;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasStatus;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** JCublas, linked with libcublas.so.12, on what stands in for libcublas.so.13. */
final class CublasTest {
  private static Device device;
  private static Cublas cublas;
  private static MethodHandle products;

  @BeforeAll
  static void open() throws AbsentException {
    device = Device.open("emulated");
    products = StandIns.counter(StandIns.load("libcublas.so.13"), "cublasStandInProducts");
    cublas = Cublas.open(device, Arithmetic.FLOAT32);
  }

  @AfterAll
  static void close() {
    cublas.close();
    device.close();
  }

  // Fourteen arguments, eight of them on the stack.
  @ParameterizedTest
  @CsvSource({"false,false", "false,true", "true,false", "true,true"})
  void aProductIsOurs(boolean transposeA, boolean transposeB) {
    MatrixProduct product = new MatrixProduct(5, 7, 3, transposeA, transposeB);
    Inputs inputs = product.inputs();
    int before = device.memory().liveBuffers();
    try (Implementation ours = product.on(device, inputs);
        Implementation theirs = cublas.prepare(product, inputs).orElseThrow()) {
      assertThat(product.error(inputs, theirs.result(), ours.result())).isLessThan(1e-6);
    }
    assertThat(device.memory().liveBuffers()).isEqualTo(before);
  }

  @ParameterizedTest
  @EnumSource(Arithmetic.class)
  void theFastestRoutineIsUsed(Arithmetic arithmetic) throws AbsentException {
    try (Cublas library = Cublas.open(device, arithmetic)) {
      assertThat(routine(library, new MatrixProduct(5, 7, 3, false, false)))
          .isEqualTo(Cublas.Routine.AUTOTUNED_GEMM_EX);
      // That one is refused here.
      assertThat(routine(library, new MatrixProduct(5, 7, 1, false, false)))
          .isEqualTo(Cublas.Routine.SGEMM);
    }
  }

  private static Cublas.Routine routine(Cublas library, MatrixProduct product) {
    Inputs inputs = product.inputs();
    try (Implementation ours = product.on(device, inputs);
        Implementation theirs = library.prepare(product, inputs).orElseThrow()) {
      assertThat(product.error(inputs, theirs.result(), ours.result())).isLessThan(1e-6);
      return ((Cublas.Product) theirs).routine();
    }
  }

  @Test
  void theFastestRoutineIsLookedForOnceAWork() throws Throwable {
    MatrixProduct product = new MatrixProduct(4, 6, 2, false, false);
    Inputs inputs = product.inputs();
    try (Implementation first = cublas.prepare(product, inputs).orElseThrow()) {
      int before = (int) products.invokeExact();
      try (Implementation second = cublas.prepare(product, inputs).orElseThrow()) {
        assertThat((int) products.invokeExact()).isEqualTo(before).isPositive();
        assertThat(((Cublas.Product) second).routine())
            .isEqualTo(((Cublas.Product) first).routine());
      }
    }
  }

  @Test
  void theVersionIsTheNewerLibrarys() {
    assertThat(cublas.version()).isEqualTo("13.9.99, float32");
  }

  @Test
  void tensorCoresAreUsedOnlyByTheBaselineOfThatName() throws AbsentException {
    try (Cublas tf32 = Cublas.open(device, Arithmetic.TF32)) {
      assertThat(cublas.name()).isEqualTo("cublas");
      assertThat(cublas.mathMode()).isZero();
      assertThat(tf32.name()).isEqualTo("cublas-tf32");
      assertThat(tf32.mathMode()).isEqualTo(3);
      assertThat(cublas.arithmetic()).isEqualTo(Arithmetic.FLOAT32);
      assertThat(tf32.arithmetic()).isEqualTo(Arithmetic.TF32);
    }
  }

  @Test
  void whatTheNewerLibraryLacksIsNotSupported() {
    int status = JCublas2.cublasGetAtomicsMode(new cublasHandle(), new int[1]);

    assertThat(status).isEqualTo(cublasStatus.CUBLAS_STATUS_NOT_SUPPORTED);
  }

  @Test
  void otherWorkIsNotForIt() {
    BiasActivation work = new BiasActivation(2, 3, Activation.SIGMOID);

    assertThat(cublas.prepare(work, work.inputs())).isEmpty();
  }

  @Test
  void withoutAGpuItIsAbsent() {
    assertThatExceptionOfType(AbsentException.class)
        .isThrownBy(() -> CublasBaseline.float32().open(device, 1))
        .withMessage("it runs on GPUs, and the device is emulated");
  }

  @Test
  void aLibraryThatIsNowhereIsNamed() {
    NvidiaLibrary unknown =
        new NvidiaLibrary("nowhere", 1, 2, List.of(), "jcuda.Nowhere", "lib/libnowhere.so", "x");

    assertThatExceptionOfType(AbsentException.class)
        .isThrownBy(unknown::load)
        .withMessage(
            "neither libnowhere.so.1 nor libnowhere.so.2 was found: install it, or name its folder"
                + " in clessidra.cuda.libraries");
  }
}
