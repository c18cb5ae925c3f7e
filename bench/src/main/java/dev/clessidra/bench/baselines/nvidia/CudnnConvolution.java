package dev.clessidra.bench.baselines.nvidia;

import static dev.clessidra.bench.baselines.nvidia.Cudnn.check;

import dev.clessidra.bench.work.Direction;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.CudaHandles;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Window;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import jcuda.Pointer;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnConvolutionBwdDataAlgoPerf;
import jcuda.jcudnn.cudnnConvolutionBwdFilterAlgoPerf;
import jcuda.jcudnn.cudnnConvolutionDescriptor;
import jcuda.jcudnn.cudnnConvolutionFwdAlgoPerf;
import jcuda.jcudnn.cudnnConvolutionMode;
import jcuda.jcudnn.cudnnDataType;
import jcuda.jcudnn.cudnnFilterDescriptor;
import jcuda.jcudnn.cudnnMathType;
import jcuda.jcudnn.cudnnTensorDescriptor;

/** A convolution by cuDNN in one layout. */
final class CudnnConvolution implements Implementation {
  private static final long WORKSPACE_LIMIT = 512L << 20;
  private static final int ALGORITHMS = 16;

  /** An algorithm, and how it did in a trial. */
  record Algorithm(int number, int status, float milliseconds, long memory, int math) {}

  private final Cudnn library;
  private final CudnnLayout layout;
  private final Direction direction;
  private final DeviceOperands operands;
  private final cudnnTensorDescriptor x = new cudnnTensorDescriptor();
  private final cudnnFilterDescriptor filter = new cudnnFilterDescriptor();
  private final cudnnTensorDescriptor y = new cudnnTensorDescriptor();
  private final cudnnConvolutionDescriptor convolution = new cudnnConvolutionDescriptor();
  private final Images resultShape;
  private final Buffer result;
  private final Pointer first;
  private final Pointer second;
  private final Pointer target;
  private Algorithm algorithm;
  private Pointer workspace;

  /**
   * Prepares a convolution; an algorithm is yet to be set.
   *
   * @param a the images or, of the data's gradient, the gradient of the output
   * @param b the filter or, of the filter's gradient, the gradient of the output
   */
  CudnnConvolution(
      Cudnn library,
      CudnnLayout layout,
      Direction direction,
      Convolution sizes,
      float[] a,
      float[] b) {
    this.library = library;
    this.layout = layout;
    this.direction = direction;
    operands = new DeviceOperands(library.device());
    Images images = sizes.images();
    Images output = sizes.output();
    Window window = sizes.window();
    Images filters =
        new Images(sizes.filters(), window.height(), window.width(), images.channels());
    describe(images, filters, output, window);
    resultShape =
        switch (direction) {
          case FORWARD -> output;
          case DATA -> images;
          case FILTER -> filters;
        };
    Images firstShape = direction == Direction.DATA ? output : images;
    Images secondShape = direction == Direction.FILTER ? output : filters;
    first = CudaHandles.pointer(operands.input("first", layout.of(a, firstShape)));
    second = CudaHandles.pointer(operands.input("second", layout.of(b, secondShape)));
    result = operands.results("result", resultShape.elements());
    target = CudaHandles.pointer(result);
    setMath(math());
  }

  private void describe(Images images, Images filters, Images output, Window window) {
    check("making a descriptor", JCudnn.cudnnCreateTensorDescriptor(x));
    check("making a descriptor", JCudnn.cudnnCreateTensorDescriptor(y));
    check("making a descriptor", JCudnn.cudnnCreateFilterDescriptor(filter));
    check("making a descriptor", JCudnn.cudnnCreateConvolutionDescriptor(convolution));
    describe(x, images);
    describe(y, output);
    check(
        "describing filters",
        JCudnn.cudnnSetFilter4dDescriptor(
            filter,
            cudnnDataType.CUDNN_DATA_FLOAT,
            layout.format(),
            filters.count(),
            filters.channels(),
            filters.height(),
            filters.width()));
    check(
        "describing a convolution",
        JCudnn.cudnnSetConvolution2dDescriptor(
            convolution,
            window.paddingHeight(),
            window.paddingWidth(),
            window.strideHeight(),
            window.strideWidth(),
            window.dilationHeight(),
            window.dilationWidth(),
            cudnnConvolutionMode.CUDNN_CROSS_CORRELATION,
            cudnnDataType.CUDNN_DATA_FLOAT));
  }

  private void describe(cudnnTensorDescriptor descriptor, Images images) {
    check(
        "describing images",
        JCudnn.cudnnSetTensor4dDescriptor(
            descriptor,
            layout.format(),
            cudnnDataType.CUDNN_DATA_FLOAT,
            images.count(),
            images.channels(),
            images.height(),
            images.width()));
  }

  /**
   * Has cuDNN time all its algorithms, and returns the fastest of those that work, if there is one
   * for this layout. cuDNN also tries tensor cores where they were not asked for: those come last,
   * and have to work without.
   */
  Optional<Algorithm> fastest() {
    int math = math();
    List<Algorithm> found;
    try (DeviceOperands trial = new DeviceOperands(library.device())) {
      found = find(workspace(trial, WORKSPACE_LIMIT));
    }
    setMath(math);
    return found.stream()
        .filter(candidate -> candidate.status() == 0)
        .sorted(
            Comparator.<Algorithm, Boolean>comparing(candidate -> candidate.math() != math)
                .thenComparingDouble(Algorithm::milliseconds))
        .filter(this::works)
        .findFirst();
  }

  private boolean works(Algorithm candidate) {
    try (DeviceOperands trial = new DeviceOperands(library.device())) {
      return launch(candidate, workspace(trial, candidate.memory())) == 0;
    }
  }

  private static Pointer workspace(DeviceOperands in, long bytes) {
    return bytes == 0 ? new Pointer() : CudaHandles.pointer(in.bytes("cuDNN's workspace", bytes));
  }

  /** Sets what {@link #run} does. */
  void use(Algorithm chosen) {
    algorithm = chosen;
    workspace = workspace(operands, chosen.memory());
  }

  private int math() {
    return library.arithmetic() == Arithmetic.TF32
        ? cudnnMathType.CUDNN_DEFAULT_MATH
        : cudnnMathType.CUDNN_FMA_MATH;
  }

  private void setMath(int math) {
    check("setting the arithmetic", JCudnn.cudnnSetConvolutionMathType(convolution, math));
  }

  /** Times the algorithms; none where cuDNN has none for this layout. */
  private List<Algorithm> find(Pointer memory) {
    int[] count = new int[1];
    return switch (direction) {
      case FORWARD -> {
        var found =
            filled(new cudnnConvolutionFwdAlgoPerf[ALGORITHMS], cudnnConvolutionFwdAlgoPerf::new);
        int status =
            JCudnn.cudnnFindConvolutionForwardAlgorithmEx(
                library.handle(),
                x,
                first,
                filter,
                second,
                convolution,
                y,
                target,
                ALGORITHMS,
                count,
                found,
                memory,
                WORKSPACE_LIMIT);
        yield algorithms(
            status,
            count,
            found,
            p -> new Algorithm(p.algo, p.status, p.time, p.memory, p.mathType));
      }
      case DATA -> {
        var found =
            filled(
                new cudnnConvolutionBwdDataAlgoPerf[ALGORITHMS],
                cudnnConvolutionBwdDataAlgoPerf::new);
        int status =
            JCudnn.cudnnFindConvolutionBackwardDataAlgorithmEx(
                library.handle(),
                filter,
                second,
                y,
                first,
                convolution,
                x,
                target,
                ALGORITHMS,
                count,
                found,
                memory,
                WORKSPACE_LIMIT);
        yield algorithms(
            status,
            count,
            found,
            p -> new Algorithm(p.algo, p.status, p.time, p.memory, p.mathType));
      }
      case FILTER -> {
        var found =
            filled(
                new cudnnConvolutionBwdFilterAlgoPerf[ALGORITHMS],
                cudnnConvolutionBwdFilterAlgoPerf::new);
        int status =
            JCudnn.cudnnFindConvolutionBackwardFilterAlgorithmEx(
                library.handle(),
                x,
                first,
                y,
                second,
                convolution,
                filter,
                target,
                ALGORITHMS,
                count,
                found,
                memory,
                WORKSPACE_LIMIT);
        yield algorithms(
            status,
            count,
            found,
            p -> new Algorithm(p.algo, p.status, p.time, p.memory, p.mathType));
      }
    };
  }

  private static <T> T[] filled(T[] array, Supplier<T> element) {
    Arrays.setAll(array, i -> element.get());
    return array;
  }

  private static <T> List<Algorithm> algorithms(
      int status, int[] count, T[] found, Function<T, Algorithm> algorithm) {
    return status == 0 ? Stream.of(found).limit(count[0]).map(algorithm).toList() : List.of();
  }

  private int launch(Algorithm by, Pointer memory) {
    return switch (direction) {
      case FORWARD ->
          JCudnn.cudnnConvolutionForward(
              library.handle(),
              Scalars.ONE,
              x,
              first,
              filter,
              second,
              convolution,
              by.number(),
              memory,
              by.memory(),
              Scalars.ZERO,
              y,
              target);
      case DATA ->
          JCudnn.cudnnConvolutionBackwardData(
              library.handle(),
              Scalars.ONE,
              filter,
              second,
              y,
              first,
              convolution,
              by.number(),
              memory,
              by.memory(),
              Scalars.ZERO,
              x,
              target);
      case FILTER ->
          JCudnn.cudnnConvolutionBackwardFilter(
              library.handle(),
              Scalars.ONE,
              x,
              first,
              y,
              second,
              convolution,
              by.number(),
              memory,
              by.memory(),
              Scalars.ZERO,
              filter,
              target);
    };
  }

  @Override
  public void run() {
    check("a convolution", launch(algorithm, workspace));
  }

  @Override
  public void await() {
    operands.await();
  }

  @Override
  public float[] result() {
    run();
    return layout.channelsLast(operands.read(result), resultShape);
  }

  @Override
  public double tolerance() {
    return library.arithmetic().tolerance();
  }

  @Override
  public void close() {
    operands.await();
    JCudnn.cudnnDestroyConvolutionDescriptor(convolution);
    JCudnn.cudnnDestroyFilterDescriptor(filter);
    JCudnn.cudnnDestroyTensorDescriptor(x);
    JCudnn.cudnnDestroyTensorDescriptor(y);
    operands.close();
  }
}
