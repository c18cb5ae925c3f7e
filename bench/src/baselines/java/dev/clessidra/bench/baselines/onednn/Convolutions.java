package dev.clessidra.bench.baselines.onednn;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_WEIGHTS;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WEIGHTS;

import dev.clessidra.bench.baselines.onednn.PrimitiveSearch.Input;
import dev.clessidra.bench.baselines.onednn.PrimitiveSearch.Result;
import dev.clessidra.bench.work.Conv2d;
import dev.clessidra.bench.work.ConvTranspose2d;
import dev.clessidra.bench.work.Direction;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Window;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.dnnl.convolution_backward_data;
import org.bytedeco.dnnl.convolution_backward_weights;
import org.bytedeco.dnnl.convolution_forward;
import org.bytedeco.dnnl.deconvolution_backward_data;
import org.bytedeco.dnnl.deconvolution_backward_weights;
import org.bytedeco.dnnl.deconvolution_forward;
import org.bytedeco.dnnl.global.dnnl.algorithm;
import org.bytedeco.dnnl.global.dnnl.prop_kind;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.memory.format_tag;

/**
 * Convolutions and transposed ones, direct or by Winograd's algorithm, on channels-last images and
 * in the formats that the library asks for; filters are always in the format that it asks for. A
 * transposed convolution is tried as such and as the adjoint of a convolution.
 */
final class Convolutions {
  private static final List<algorithm> ALGORITHMS =
      List.of(algorithm.convolution_direct, algorithm.convolution_winograd);
  private static final List<algorithm> TRANSPOSED_ALGORITHMS =
      List.of(algorithm.deconvolution_direct, algorithm.deconvolution_winograd);
  private static final List<format_tag> FORMATS = List.of(format_tag.nhwc, format_tag.any);

  private Convolutions() {}

  static List<Supplier<Implementation>> ways(PrimitiveSearch search, Conv2d work) {
    for (format_tag format : FORMATS) {
      for (algorithm method : ALGORITHMS) {
        Sizes sizes = new Sizes(work.convolution(), format, method);
        switch (work.direction()) {
          case FORWARD -> sizes.forward(search, "x");
          case DATA -> sizes.data(search, "dy");
          case FILTER -> sizes.filter(search, "x", "dy");
        }
      }
    }
    return search.ways();
  }

  static List<Supplier<Implementation>> ways(PrimitiveSearch search, ConvTranspose2d work) {
    for (format_tag format : FORMATS) {
      for (algorithm method : ALGORITHMS) {
        Sizes adjoint = new Sizes(work.adjoint(), format, method);
        switch (work.direction()) {
          case FORWARD -> adjoint.data(search, "x");
          case DATA -> adjoint.forward(search, "dy");
          case FILTER -> adjoint.filter(search, "dy", "x");
        }
      }
      for (algorithm method : TRANSPOSED_ALGORITHMS) {
        new TransposedSizes(work.adjoint(), format, method).add(search, work.direction());
      }
    }
    return search.ways();
  }

  /** Images as the works have them. */
  static memory.desc images(Images images) {
    return images(images, format_tag.nhwc);
  }

  static memory.desc images(Images images, format_tag format) {
    return PrimitiveSearch.description(
        new long[] {images.count(), images.channels(), images.height(), images.width()}, format);
  }

  private static long[] stride(Window window) {
    return new long[] {window.strideHeight(), window.strideWidth()};
  }

  private static long[] padding(Window window) {
    return new long[] {window.paddingHeight(), window.paddingWidth()};
  }

  /** Between the taps of a window there are none in a plain one. */
  private static long[] dilation(Window window) {
    return new long[] {window.dilationHeight() - 1L, window.dilationWidth() - 1L};
  }

  /** The padding below and to the right, which leaves out what no window reaches. */
  private static long[] paddingAfter(Convolution convolution) {
    Window window = convolution.window();
    Images images = convolution.images();
    Images output = convolution.output();
    return new long[] {
      after(
          output.height(),
          window.strideHeight(),
          window.dilationHeight() * (window.height() - 1) + 1,
          images.height() + window.paddingHeight()),
      after(
          output.width(),
          window.strideWidth(),
          window.dilationWidth() * (window.width() - 1) + 1,
          images.width() + window.paddingWidth())
    };
  }

  private static long after(int positions, int stride, int window, int end) {
    return (positions - 1L) * stride + window - end;
  }

  /** A convolution from x to y, in a format of images. */
  private record Sizes(Convolution convolution, format_tag format, algorithm method) {
    private memory.desc x() {
      return images(convolution.images(), format);
    }

    private memory.desc y() {
      return images(convolution.output(), format);
    }

    private memory.desc filter(format_tag filterFormat) {
      Window window = convolution.window();
      return PrimitiveSearch.description(
          new long[] {
            convolution.filters(), convolution.images().channels(), window.height(), window.width()
          },
          filterFormat);
    }

    private Input filterInput() {
      return new Input(DNNL_ARG_WEIGHTS, filter(format_tag.ohwi), "filter");
    }

    private convolution_forward.primitive_desc forward(PrimitiveSearch search) {
      Window window = convolution.window();
      return new convolution_forward.primitive_desc(
          search.cpu(),
          prop_kind.forward_training,
          method,
          x(),
          filter(format_tag.any),
          y(),
          stride(window),
          dilation(window),
          padding(window),
          paddingAfter(convolution),
          PrimitiveSearch.strict(),
          true);
    }

    void forward(PrimitiveSearch search, String x) {
      Images output = convolution.output();
      search.add(
          forward(search),
          new Result(DNNL_ARG_DST, images(output)),
          new Input(DNNL_ARG_SRC, images(convolution.images()), x),
          filterInput());
    }

    void data(PrimitiveSearch search, String dy) {
      convolution_forward.primitive_desc forward = forward(search);
      if (!forward.asBoolean()) {
        return;
      }
      Window window = convolution.window();
      Images images = convolution.images();
      search.add(
          new convolution_backward_data.primitive_desc(
              search.cpu(),
              method,
              x(),
              filter(format_tag.any),
              y(),
              stride(window),
              dilation(window),
              padding(window),
              paddingAfter(convolution),
              forward,
              PrimitiveSearch.strict(),
              true),
          new Result(DNNL_ARG_DIFF_SRC, images(images)),
          new Input(DNNL_ARG_DIFF_DST, images(convolution.output()), dy),
          filterInput());
    }

    void filter(PrimitiveSearch search, String x, String dy) {
      convolution_forward.primitive_desc forward = forward(search);
      if (!forward.asBoolean()) {
        return;
      }
      Window window = convolution.window();
      search.add(
          new convolution_backward_weights.primitive_desc(
              search.cpu(),
              method,
              x(),
              filter(format_tag.any),
              y(),
              stride(window),
              dilation(window),
              padding(window),
              paddingAfter(convolution),
              forward,
              PrimitiveSearch.strict(),
              true),
          new Result(DNNL_ARG_DIFF_WEIGHTS, filter(format_tag.ohwi)),
          new Input(DNNL_ARG_SRC, images(convolution.images()), x),
          new Input(DNNL_ARG_DIFF_DST, images(convolution.output()), dy));
    }
  }

  /** A transposed convolution, given by its adjoint: from the adjoint's output to its images. */
  private record TransposedSizes(Convolution adjoint, format_tag format, algorithm method) {
    private memory.desc x() {
      return images(adjoint.output(), format);
    }

    private memory.desc y() {
      return images(adjoint.images(), format);
    }

    /** The library's first dimension is the channels of y; they lie last in ours. */
    private memory.desc filter(format_tag filterFormat) {
      Window window = adjoint.window();
      return PrimitiveSearch.description(
          new long[] {
            adjoint.images().channels(), adjoint.filters(), window.height(), window.width()
          },
          filterFormat);
    }

    private deconvolution_forward.primitive_desc forward(PrimitiveSearch search) {
      Window window = adjoint.window();
      return new deconvolution_forward.primitive_desc(
          search.cpu(),
          prop_kind.forward_training,
          method,
          x(),
          filter(format_tag.any),
          y(),
          stride(window),
          dilation(window),
          padding(window),
          paddingAfter(adjoint),
          PrimitiveSearch.strict(),
          true);
    }

    void add(PrimitiveSearch search, Direction direction) {
      deconvolution_forward.primitive_desc forward = forward(search);
      if (!forward.asBoolean()) {
        return;
      }
      switch (direction) {
        case FORWARD ->
            search.add(
                forward,
                result(DNNL_ARG_DST, adjoint.images()),
                input(DNNL_ARG_SRC, adjoint.output(), "x"),
                filterInput());
        case DATA -> addData(search, forward);
        case FILTER -> addFilter(search, forward);
      }
    }

    private void addData(PrimitiveSearch search, deconvolution_forward.primitive_desc forward) {
      Window window = adjoint.window();
      search.add(
          new deconvolution_backward_data.primitive_desc(
              search.cpu(),
              method,
              x(),
              filter(format_tag.any),
              y(),
              stride(window),
              dilation(window),
              padding(window),
              paddingAfter(adjoint),
              forward,
              PrimitiveSearch.strict(),
              true),
          result(DNNL_ARG_DIFF_SRC, adjoint.output()),
          input(DNNL_ARG_DIFF_DST, adjoint.images(), "dy"),
          filterInput());
    }

    private void addFilter(PrimitiveSearch search, deconvolution_forward.primitive_desc forward) {
      Window window = adjoint.window();
      search.add(
          new deconvolution_backward_weights.primitive_desc(
              search.cpu(),
              method,
              x(),
              filter(format_tag.any),
              y(),
              stride(window),
              dilation(window),
              padding(window),
              paddingAfter(adjoint),
              forward,
              PrimitiveSearch.strict(),
              true),
          new Result(DNNL_ARG_DIFF_WEIGHTS, filter(format_tag.ihwo)),
          input(DNNL_ARG_SRC, adjoint.output(), "x"),
          input(DNNL_ARG_DIFF_DST, adjoint.images(), "dy"));
    }

    private Input filterInput() {
      return input(DNNL_ARG_WEIGHTS, filter(format_tag.ihwo), "filter");
    }

    private static Input input(int index, Images sizes, String name) {
      return input(index, images(sizes), name);
    }

    private static Input input(int index, memory.desc plain, String name) {
      return new Input(index, plain, name);
    }

    private static Result result(int index, Images sizes) {
      return new Result(index, images(sizes));
    }
  }
}
