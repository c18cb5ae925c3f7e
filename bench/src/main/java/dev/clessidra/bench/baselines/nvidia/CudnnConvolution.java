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
  private static final int ALGORITHMS = 16;

  /**
   * An algorithm.
   *
   * @param math of {@link cudnnMathType}; the same number with another one is another algorithm
   * @param memory bytes that it works with
   */
  record Algorithm(int number, int math, long memory) {}

  /** How an algorithm did in cuDNN's trial. */
  private record Found(int number, int status, long memory) {
    Algorithm with(int math) {
      return new Algorithm(number, math, memory);
    }
  }

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

  /** Returns the fastest algorithm in the library's arithmetic, if this layout has one. */
  Optional<Trial.Timed<Algorithm>> fastest() {
    return Trial.fastest(library.device(), algorithms(), this::works, this::run);
  }

  private boolean works(Algorithm candidate) {
    use(candidate);
    return launch() == 0;
  }

  /**
   * What cuDNN finds, in the arithmetic that it is to run in. cuDNN tries each algorithm with what
   * is set and with its default, which is TF32 where a GPU has it; JCudnn does not tell which. So
   * the times that it measures are not compared.
   */
  private List<Algorithm> algorithms() {
    List<Integer> arithmetic =
        switch (library.arithmetic()) {
          case FLOAT32 -> List.of(cudnnMathType.CUDNN_FMA_MATH);
          case TF32 ->
              List.of(cudnnMathType.CUDNN_TENSOR_OP_MATH, cudnnMathType.CUDNN_DEFAULT_MATH);
        };
    setMath(arithmetic.getFirst());
    return find().stream()
        .flatMap(found -> arithmetic.stream().map(found::with))
        .distinct()
        .toList();
  }

  /** Sets what {@link #run} does. */
  void use(Algorithm chosen) {
    algorithm = chosen;
    setMath(chosen.math());
  }

  Algorithm algorithm() {
    return algorithm;
  }

  private void setMath(int math) {
    check("setting the arithmetic", JCudnn.cudnnSetConvolutionMathType(convolution, math));
  }

  /** The algorithms that work, if there are any for this layout. */
  private List<Found> find() {
    Pointer memory = library.workspace();
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
                Cudnn.WORKSPACE_BYTES);
        yield working(status, count, found, p -> new Found(p.algo, p.status, p.memory));
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
                Cudnn.WORKSPACE_BYTES);
        yield working(status, count, found, p -> new Found(p.algo, p.status, p.memory));
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
                Cudnn.WORKSPACE_BYTES);
        yield working(status, count, found, p -> new Found(p.algo, p.status, p.memory));
      }
    };
  }

  private static <T> T[] filled(T[] array, Supplier<T> element) {
    Arrays.setAll(array, i -> element.get());
    return array;
  }

  private static <T> List<Found> working(
      int status, int[] count, T[] results, Function<T, Found> found) {
    return status != 0
        ? List.of()
        : Stream.of(results).limit(count[0]).map(found).filter(one -> one.status() == 0).toList();
  }

  private int launch() {
    Pointer memory = algorithm.memory() == 0 ? new Pointer() : library.workspace();
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
              algorithm.number(),
              memory,
              algorithm.memory(),
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
              algorithm.number(),
              memory,
              algorithm.memory(),
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
              algorithm.number(),
              memory,
              algorithm.memory(),
              Scalars.ZERO,
              filter,
              target);
    };
  }

  @Override
  public void run() {
    check("a convolution", launch());
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
