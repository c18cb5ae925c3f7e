package dev.clessidra.bench.baselines.nvidia;

import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Arithmetic;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.MatrixProduct;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.CudaHandles;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import jcuda.Pointer;
import jcuda.cudaDataType;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasGemmAlgo;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasMath;
import jcuda.jcublas.cublasOperation;
import jcuda.jcublas.cublasStatus;
import jcuda.runtime.cudaStream_t;

/** cuBLAS on the context and stream of a device. */
final class Cublas implements Library {
  /** What NVIDIA recommends for large GPUs; else cuBLAS allocates some for each graph. */
  private static final long WORKSPACE_BYTES = 32L << 20;

  /** CUBLAS_GEMM_AUTOTUNE, which JCublas does not know. */
  private static final int AUTOTUNE = 999;

  /** A way to multiply. The numbered algorithms are no others on GPUs from Ampere on. */
  enum Routine {
    /** The routine for float32, with the algorithm that heuristics choose. */
    SGEMM,
    /** The one for any types, likewise. */
    GEMM_EX,
    /**
     * The same with the algorithm that cuBLAS finds by its own trial at the first call of a shape:
     * from cuBLAS 13 on.
     */
    AUTOTUNED_GEMM_EX
  }

  private final Device device;
  private final Arithmetic arithmetic;
  private final cublasHandle handle = new cublasHandle();
  private final DeviceOperands workspace;
  private final Map<MatrixProduct, Routine> fastest = new HashMap<>();

  private Cublas(Device device, Arithmetic arithmetic) {
    this.device = device;
    this.arithmetic = arithmetic;
    // Creating a handle takes the context that is the thread's.
    cudaStream_t stream = new cudaStream_t(CudaHandles.stream(device));
    check("creating a handle", JCublas2.cublasCreate(handle));
    workspace = new DeviceOperands(device);
    try {
      configure(stream);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private void configure(cudaStream_t stream) {
    check("setting the stream", JCublas2.cublasSetStream(handle, stream));
    // Setting the stream takes the workspace away.
    check(
        "setting the workspace",
        JCublas2.cublasSetWorkspace(
            handle,
            CudaHandles.pointer(workspace.bytes("cuBLAS's workspace", WORKSPACE_BYTES)),
            WORKSPACE_BYTES));
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
  public Arithmetic arithmetic() {
    return arithmetic;
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
    if (!(work instanceof MatrixProduct sizes)) {
      return Optional.empty();
    }
    Product product = new Product(sizes, inputs);
    try {
      product.routine = fastest.computeIfAbsent(sizes, _ -> product.fastest());
      return Optional.of(product);
    } catch (RuntimeException e) {
      product.close();
      throw e;
    }
  }

  @Override
  public void close() {
    JCublas2.cublasDestroy(handle);
    workspace.close();
  }

  /**
   * A product of matrices stored row after row. cuBLAS takes each for its transpose, stored column
   * after column, and so computes {@code c' = op(b)' op(a)'}.
   */
  final class Product implements Implementation {
    private final MatrixProduct product;
    private final DeviceOperands operands = new DeviceOperands(device);
    private final Buffer c;
    private final Pointer a;
    private final Pointer b;
    private final Pointer target;
    private Routine routine = Routine.SGEMM;

    private Product(MatrixProduct product, Inputs inputs) {
      this.product = product;
      a = CudaHandles.pointer(operands.input("a", inputs.floats("a")));
      b = CudaHandles.pointer(operands.input("b", inputs.floats("b")));
      c = operands.results("c", product.resultSize());
      target = CudaHandles.pointer(c);
    }

    private Routine fastest() {
      return Trial.fastest(device, List.of(Routine.values()), this::works, this::run)
          .map(Trial.Timed::way)
          .orElse(Routine.SGEMM);
    }

    private boolean works(Routine candidate) {
      routine = candidate;
      return launch() == 0;
    }

    Routine routine() {
      return routine;
    }

    private int launch() {
      return switch (routine) {
        case SGEMM ->
            JCublas2.cublasSgemm(
                handle,
                operation(product.transposeB()),
                operation(product.transposeA()),
                product.n(),
                product.m(),
                product.k(),
                Scalars.ONE,
                b,
                rowOfB(),
                a,
                rowOfA(),
                Scalars.ZERO,
                target,
                product.n());
        case GEMM_EX -> gemmEx(cublasGemmAlgo.CUBLAS_GEMM_DEFAULT);
        case AUTOTUNED_GEMM_EX -> gemmEx(AUTOTUNE);
      };
    }

    private int gemmEx(int algorithm) {
      return JCublas2.cublasGemmEx(
          handle,
          operation(product.transposeB()),
          operation(product.transposeA()),
          product.n(),
          product.m(),
          product.k(),
          Scalars.ONE,
          b,
          cudaDataType.CUDA_R_32F,
          rowOfB(),
          a,
          cudaDataType.CUDA_R_32F,
          rowOfA(),
          Scalars.ZERO,
          target,
          cudaDataType.CUDA_R_32F,
          product.n(),
          // JCublas calls what makes CUBLAS_COMPUTE_32F of it: TF32 by the math mode alone.
          cudaDataType.CUDA_R_32F,
          algorithm);
    }

    private int rowOfA() {
      return product.transposeA() ? product.m() : product.k();
    }

    private int rowOfB() {
      return product.transposeB() ? product.k() : product.n();
    }

    @Override
    public void run() {
      check("a product", launch());
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
