package dev.clessidra.bench.baselines.nvidia;

import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.MatrixProduct;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.CudaHandles;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceException;
import java.util.Optional;
import jcuda.Pointer;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasMath;
import jcuda.jcublas.cublasOperation;
import jcuda.jcublas.cublasStatus;
import jcuda.runtime.cudaStream_t;

/** cuBLAS on the context and stream of a device; its heuristics choose the algorithm. */
final class Cublas implements Library {
  private final Device device;
  private final Arithmetic arithmetic;
  private final cublasHandle handle = new cublasHandle();

  private Cublas(Device device, Arithmetic arithmetic) {
    this.device = device;
    this.arithmetic = arithmetic;
    // Creating a handle takes the context that is the thread's.
    cudaStream_t stream = new cudaStream_t(CudaHandles.stream(device));
    check("creating a handle", JCublas2.cublasCreate(handle));
    check("setting the stream", JCublas2.cublasSetStream(handle, stream));
    check(
        "setting the arithmetic",
        JCublas2.cublasSetMathMode(
            handle,
            arithmetic == Arithmetic.TF32
                ? cublasMath.CUBLAS_TF32_TENSOR_OP_MATH
                : cublasMath.CUBLAS_DEFAULT_MATH));
  }

  static Cublas open(Device device, Arithmetic arithmetic) throws AbsentException {
    NvidiaLibrary.CUBLAS.load();
    try {
      return new Cublas(device, arithmetic);
    } catch (DeviceException e) {
      throw new AbsentException(e.getMessage());
    }
  }

  private static void check(String what, int status) {
    if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
      throw new DeviceException(
          "cuBLAS: %s failed: %s (%d).".formatted(what, cublasStatus.stringFor(status), status));
    }
  }

  @Override
  public String name() {
    return arithmetic.name("cublas");
  }

  @Override
  public String version() {
    int[] version = new int[1];
    check("reading the version", JCublas2.cublasGetVersion(handle, version));
    return "%d.%d.%d, %s"
        .formatted(version[0] / 10_000, version[0] / 100 % 100, version[0] % 100, arithmetic);
  }

  /** What cuBLAS says of how it multiplies, of {@link cublasMath}. */
  int mathMode() {
    int[] mode = new int[1];
    check("reading the arithmetic", JCublas2.cublasGetMathMode(handle, mode));
    return mode[0];
  }

  @Override
  public Optional<Implementation> prepare(Work work, Inputs inputs) {
    return work instanceof MatrixProduct product
        ? Optional.of(new Product(product, inputs))
        : Optional.empty();
  }

  @Override
  public void close() {
    JCublas2.cublasDestroy(handle);
  }

  /**
   * A product of matrices stored row after row. cuBLAS takes each for its transpose, stored column
   * after column, and so computes {@code c' = op(b)' op(a)'}.
   */
  private final class Product implements Implementation {
    private final MatrixProduct product;
    private final DeviceOperands operands = new DeviceOperands(device);
    private final Buffer c;
    private final Pointer a;
    private final Pointer b;
    private final Pointer target;

    private Product(MatrixProduct product, Inputs inputs) {
      this.product = product;
      a = CudaHandles.pointer(operands.input("a", inputs.floats("a")));
      b = CudaHandles.pointer(operands.input("b", inputs.floats("b")));
      c = operands.results("c", product.resultSize());
      target = CudaHandles.pointer(c);
    }

    @Override
    public void run() {
      check(
          "a product",
          JCublas2.cublasSgemm(
              handle,
              operation(product.transposeB()),
              operation(product.transposeA()),
              product.n(),
              product.m(),
              product.k(),
              Scalars.ONE,
              b,
              product.transposeB() ? product.k() : product.n(),
              a,
              product.transposeA() ? product.m() : product.k(),
              Scalars.ZERO,
              target,
              product.n()));
    }

    private static int operation(boolean transpose) {
      return transpose ? cublasOperation.CUBLAS_OP_T : cublasOperation.CUBLAS_OP_N;
    }

    @Override
    public void await() {
      operands.await();
    }

    @Override
    public float[] result() {
      run();
      return operands.read(c);
    }

    @Override
    public double tolerance() {
      return arithmetic.tolerance();
    }

    @Override
    public void close() {
      operands.close();
    }
  }
}
