package dev.clessidra.bench.baselines.libtorch;

import dev.clessidra.bench.work.Concatenation;
import dev.clessidra.bench.work.Conv2d;
import dev.clessidra.bench.work.ConvTranspose2d;
import dev.clessidra.bench.work.Direction;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Window;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.pytorch.LongArrayRefOptional;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;

/**
 * Convolutions, transposed ones and concatenation of images, channels-last and contiguous. A
 * transposed convolution is tried as such and as the adjoint of a convolution.
 */
final class Convolutions {
  private static final List<MemoryFormat> FORMATS =
      List.of(MemoryFormat.ChannelsLast, MemoryFormat.Contiguous);
  private static final int CHANNELS = 1;
  private static final long[] NO_PADDING = {0, 0};

  private Convolutions() {}

  static List<Supplier<Implementation>> ways(Conv2d work, Inputs inputs) {
    List<Supplier<Implementation>> ways = new ArrayList<>();
    for (MemoryFormat format : FORMATS) {
      Sizes sizes = new Sizes(work.convolution(), format);
      ways.add(
          switch (work.direction()) {
            case FORWARD -> sizes.forward(inputs, "x");
            case DATA -> sizes.data(inputs, "dy");
            case FILTER -> sizes.filter(inputs, "x", "dy");
          });
    }
    return ways;
  }

  static List<Supplier<Implementation>> ways(ConvTranspose2d work, Inputs inputs) {
    List<Supplier<Implementation>> ways = new ArrayList<>();
    for (MemoryFormat format : FORMATS) {
      Sizes adjoint = new Sizes(work.adjoint(), format);
      ways.add(adjoint.transposed(work.direction(), inputs));
      ways.add(
          switch (work.direction()) {
            case FORWARD -> adjoint.data(inputs, "x");
            case DATA -> adjoint.forward(inputs, "dy");
            case FILTER -> adjoint.filter(inputs, "dy", "x");
          });
    }
    return ways;
  }

  static List<Supplier<Implementation>> ways(Concatenation work, Inputs inputs) {
    List<Supplier<Implementation>> ways = new ArrayList<>();
    Images first = work.images();
    Images second = first.withChannels(work.secondChannels());
    for (MemoryFormat format : FORMATS) {
      ways.add(
          Expression.of(
              List.of(
                  () -> Tensors.images(inputs.floats("first"), first).contiguous(format),
                  () -> Tensors.images(inputs.floats("second"), second).contiguous(format),
                  () -> Tensors.emptyImages(work.output(), format)),
              all ->
                  () ->
                      torch.cat_out(all.get(2), new TensorVector(all.get(0), all.get(1)), CHANNELS),
              Tensors::channelsLast));
    }
    return ways;
  }

  /** A convolution from x to y with tensors in a memory format. */
  private record Sizes(Convolution convolution, MemoryFormat format) {
    private Supplier<Tensor> x(Inputs inputs, String name) {
      return () -> Tensors.images(inputs.floats(name), convolution.images()).contiguous(format);
    }

    private Supplier<Tensor> y(Inputs inputs, String name) {
      return () -> Tensors.images(inputs.floats(name), convolution.output()).contiguous(format);
    }

    /** Of a transposed convolution too: its input channels are these filters. */
    private Supplier<Tensor> filter(Inputs inputs) {
      return () -> Tensors.images(inputs.floats("filter"), filterSizes()).contiguous(format);
    }

    private Images filterSizes() {
      Window window = convolution.window();
      return new Images(
          convolution.filters(), window.height(), window.width(), convolution.images().channels());
    }

    private long[] stride() {
      return new long[] {convolution.window().strideHeight(), convolution.window().strideWidth()};
    }

    private long[] padding() {
      return new long[] {convolution.window().paddingHeight(), convolution.window().paddingWidth()};
    }

    private long[] dilation() {
      return new long[] {
        convolution.window().dilationHeight(), convolution.window().dilationWidth()
      };
    }

    Supplier<Implementation> forward(Inputs inputs, String x) {
      return Expression.of(
          List.of(x(inputs, x), filter(inputs)),
          all ->
              () ->
                  torch.conv2d(
                      all.get(0), all.get(1), Tensors.none(), stride(), padding(), dilation(), 1),
          Tensors::channelsLast);
    }

    /** Backward takes the sizes, but not the values, of what it gives the gradient of. */
    Supplier<Implementation> data(Inputs inputs, String dy) {
      return backward(
          List.of(
              y(inputs, dy),
              () -> Tensors.emptyImages(convolution.images(), format),
              filter(inputs)),
          false,
          Direction.DATA);
    }

    Supplier<Implementation> filter(Inputs inputs, String x, String dy) {
      return backward(
          List.of(y(inputs, dy), x(inputs, x), () -> Tensors.emptyImages(filterSizes(), format)),
          false,
          Direction.FILTER);
    }

    /** What this is the adjoint of. */
    Supplier<Implementation> transposed(Direction direction, Inputs inputs) {
      return switch (direction) {
        case FORWARD ->
            Expression.of(
                List.of(y(inputs, "x"), filter(inputs)),
                all ->
                    () ->
                        torch.conv_transpose2d(
                            all.get(0),
                            all.get(1),
                            Tensors.none(),
                            stride(),
                            padding(),
                            NO_PADDING,
                            1,
                            dilation()),
                Tensors::channelsLast);
        case DATA ->
            backward(
                List.of(
                    x(inputs, "dy"),
                    () -> Tensors.emptyImages(convolution.output(), format),
                    filter(inputs)),
                true,
                direction);
        case FILTER ->
            backward(
                List.of(
                    x(inputs, "dy"),
                    y(inputs, "x"),
                    () -> Tensors.emptyImages(filterSizes(), format)),
                true,
                direction);
      };
    }

    /**
     * One of the gradients.
     *
     * @param operands the gradient of the result, the images, the filter
     */
    private Supplier<Implementation> backward(
        List<Supplier<Tensor>> operands, boolean transposed, Direction direction) {
      boolean data = direction == Direction.DATA;
      return Expression.of(
          operands,
          all ->
              () -> {
                BoolPointer wanted = new BoolPointer(3);
                wanted.put(0, data).put(1, !data).put(2, false);
                T_TensorTensorTensor_T gradients =
                    torch.convolution_backward(
                        all.get(0),
                        all.get(1),
                        all.get(2),
                        new LongArrayRefOptional(),
                        stride(),
                        padding(),
                        dilation(),
                        transposed,
                        NO_PADDING,
                        1,
                        wanted);
                return data ? gradients.get0() : gradients.get1();
              },
          Tensors::channelsLast);
    }
  }
}
