package dev.clessidra.engine.operations;

import dev.clessidra.engine.BackwardContext;
import dev.clessidra.engine.ForwardContext;
import dev.clessidra.engine.GradientTarget;
import dev.clessidra.engine.Operation;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.ElementType;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Interpolation;
import dev.clessidra.kernels.Window;
import java.util.List;

/** Operations that look at the neighbours of a pixel. Images are [n, height, width, channels]. */
public final class Convolutions {
  private Convolutions() {}

  /**
   * {@code y = activation(convolution of x + b)} as one kernel. Inputs: x, or two images of which x
   * is the concatenation by channels, then the filters [filters, height, width, channels] and maybe
   * b [filters].
   *
   * @param concatenation whether x is that of two inputs, which are read where they lie
   * @param window how the filters move; of their size
   * @param activation applied to each element
   */
  public record Conv2d(boolean concatenation, Window window, Activation activation)
      implements Operation {
    @Override
    public String name() {
      return "conv2d";
    }

    private int filterInput() {
      return concatenation ? 2 : 1;
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      checkCount(name(), inputs, filterInput());
      Tensor x = inputs.get(0);
      Tensor second = concatenation ? inputs.get(1) : null;
      Tensor filter = inputs.get(filterInput());
      Images images = imagesOf(name(), x);
      int secondChannels = 0;
      if (second != null) {
        Images other = imagesOf(name(), second);
        if (!other.withChannels(images.channels()).equals(images)) {
          throw Checks.misfit(
              name(),
              "input %s does not fit input %s: expected equal dimensions but the last"
                  .formatted(second.shape(), x.shape()));
        }
        secondChannels = other.channels();
        images = images.withChannels(Math.addExact(images.channels(), secondChannels));
      }
      checkFilter(name(), images, filter, window, 3);
      int filters = filter.shape().dim(0);
      Convolution convolution = convolution(name(), images, filters, window, secondChannels);
      Tensor b = bias(name(), inputs, filterInput(), filters);
      Tensor y = context.allocate(shape(convolution.output()));
      context
          .kernels()
          .conv2d(
              convolution,
              x.buffer(),
              second == null ? null : second.buffer(),
              filter.buffer(),
              b == null ? null : b.buffer(),
              y.buffer(),
              activation,
              0);
      inputs.subList(0, filterInput() + 1).forEach(context::save);
      Epilogue.save(context, activation, y);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      Tensor x = context.saved(0);
      Tensor second = concatenation ? context.saved(1) : null;
      Tensor filter = context.saved(filterInput());
      int secondChannels = second == null ? 0 : second.shape().dim(3);
      Images images = images(x.shape()).withChannels(x.shape().dim(3) + secondChannels);
      Convolution convolution =
          new Convolution(images, filter.shape().dim(0), window, secondChannels);
      Tensor dz = Epilogue.gradientBeforeActivation(context, activation, filterInput() + 1);
      Epilogue.biasGradient(context, filterInput() + 1, dz);
      if (context.needsGradient(filterInput())) {
        GradientTarget dw = context.gradient(filterInput());
        context
            .kernels()
            .conv2dBackwardFilter(
                convolution,
                x.buffer(),
                second == null ? null : second.buffer(),
                dz.buffer(),
                dw.tensor().buffer(),
                filterWorkspace(context, convolution),
                dw.beta());
      }
      if (second != null) {
        concatenationGradient(context, convolution, dz, filter);
      } else if (context.needsGradient(0)) {
        GradientTarget dx = context.gradient(0);
        context
            .kernels()
            .conv2dBackwardData(
                convolution,
                dz.buffer(),
                filter.buffer(),
                null,
                dx.tensor().buffer(),
                Activation.IDENTITY,
                dx.beta());
      }
    }

    private static void concatenationGradient(
        BackwardContext context, Convolution convolution, Tensor dz, Tensor filter) {
      if (!context.needsGradient(0) && !context.needsGradient(1)) {
        return;
      }
      GradientTarget dx = gradientOrTemporary(context, 0);
      GradientTarget secondDx = gradientOrTemporary(context, 1);
      // A tensor concatenated with itself: the kernel writes to two places.
      boolean same = dx.tensor() == secondDx.tensor();
      Tensor written = same ? context.temporary(secondDx.tensor().shape()) : secondDx.tensor();
      context
          .kernels()
          .conv2dBackwardData(
              convolution,
              dz.buffer(),
              filter.buffer(),
              null,
              dx.tensor().buffer(),
              written.buffer(),
              Activation.IDENTITY,
              dx.beta(),
              same ? 0 : secondDx.beta());
      if (same) {
        secondDx.tensor().accumulate(written);
      }
    }

    private static GradientTarget gradientOrTemporary(BackwardContext context, int input) {
      return context.needsGradient(input)
          ? context.gradient(input)
          : new GradientTarget(context.temporary(context.inputShape(input)), 0);
    }
  }

  /**
   * {@code y = activation(transposed convolution of x + b)} as one kernel: y has the size of what a
   * convolution with these filters turns into images like x. Inputs: x [n, p, q, filters], the
   * filters [filters, height, width, channels] and maybe b [channels].
   *
   * @param window how the filters move; of their size
   * @param height of the result; 0 for the smallest possible
   * @param width of the result; 0 for the smallest possible
   * @param activation applied to each element
   */
  public record ConvTranspose2d(Window window, int height, int width, Activation activation)
      implements Operation {
    @Override
    public String name() {
      return "convTranspose2d";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      checkCount(name(), inputs, 1);
      Tensor x = inputs.get(0);
      Tensor filter = inputs.get(1);
      Images given = imagesOf(name(), x);
      checkFilter(name(), given, filter, window, 0);
      int channels = filter.shape().dim(3);
      Images smallest = smallestResult(x, given).withChannels(channels);
      Images result =
          smallest.resized(
              height == 0 ? smallest.height() : height, width == 0 ? smallest.width() : width);
      Convolution convolution = convolution(name(), result, filter.shape().dim(0), window, 0);
      if (!convolution.output().equals(given)) {
        throw Checks.misfit(
            name(),
            "input %s does not give %d x %d: expected %d to %d x %d to %d"
                .formatted(
                    x.shape(),
                    result.height(),
                    result.width(),
                    smallest.height(),
                    smallest.height() + window.strideHeight() - 1,
                    smallest.width(),
                    smallest.width() + window.strideWidth() - 1));
      }
      Tensor b = bias(name(), inputs, 1, channels);
      Tensor y = context.allocate(shape(result));
      context
          .kernels()
          .conv2dBackwardData(
              convolution,
              x.buffer(),
              filter.buffer(),
              b == null ? null : b.buffer(),
              y.buffer(),
              activation,
              0);
      context.save(x);
      context.save(filter);
      Epilogue.save(context, activation, y);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      Tensor x = context.saved(0);
      Tensor filter = context.saved(1);
      Tensor dz = Epilogue.gradientBeforeActivation(context, activation, 2);
      Convolution convolution = new Convolution(images(dz.shape()), filter.shape().dim(0), window);
      Epilogue.biasGradient(context, 2, dz);
      if (context.needsGradient(1)) {
        GradientTarget dw = context.gradient(1);
        context
            .kernels()
            .conv2dBackwardFilter(
                convolution,
                dz.buffer(),
                x.buffer(),
                dw.tensor().buffer(),
                filterWorkspace(context, convolution),
                dw.beta());
      }
      if (context.needsGradient(0)) {
        GradientTarget dx = context.gradient(0);
        context
            .kernels()
            .conv2d(
                convolution,
                dz.buffer(),
                filter.buffer(),
                null,
                dx.tensor().buffer(),
                Activation.IDENTITY,
                dx.beta());
      }
    }

    private Images smallestResult(Tensor x, Images given) {
      try {
        return window.under(given);
      } catch (IllegalArgumentException e) {
        throw misfit(name(), x.shape(), e);
      }
    }
  }

  /**
   * The largest value of each window, channel by channel.
   *
   * @param window not dilated, with a padding below its size
   */
  public record MaxPool(Window window) implements Operation {
    @Override
    public String name() {
      return "maxPool";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      Images images = imagesOf(name(), x);
      Shape output;
      try {
        output = shape(window.over(images));
      } catch (IllegalArgumentException e) {
        throw misfit(name(), x.shape(), e);
      }
      Tensor y = context.allocate(output);
      Tensor indices = context.allocate(ElementType.INT32, output);
      context.kernels().maxPool(images, window, x.buffer(), y.buffer(), indices.buffer());
      context.save(indices);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      GradientTarget dx = context.gradient(0);
      context
          .kernels()
          .maxPoolBackward(
              images(context.inputShape(0)),
              window,
              context.outputGradient().buffer(),
              context.saved(0).buffer(),
              dx.tensor().buffer(),
              dx.beta());
    }
  }

  /**
   * Images of another size.
   *
   * @param interpolation nearest or bilinear
   * @param height of the result
   * @param width of the result
   */
  public record Upsample(Interpolation interpolation, int height, int width) implements Operation {
    @Override
    public String name() {
      return "upsample";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      Images images = imagesOf(name(), x);
      if (height < 1 || width < 1) {
        throw Checks.misfit(
            name(), "expected a size of at least 1 x 1, got " + height + " x " + width);
      }
      Tensor y = context.allocate(shape(images.resized(height, width)));
      context.kernels().upsample(interpolation, images, height, width, x.buffer(), y.buffer());
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      GradientTarget dx = context.gradient(0);
      context
          .kernels()
          .upsampleBackward(
              interpolation,
              images(context.inputShape(0)),
              height,
              width,
              context.outputGradient().buffer(),
              dx.tensor().buffer(),
              dx.beta());
    }
  }

  private static Buffer filterWorkspace(BackwardContext context, Convolution convolution) {
    return context.workspace(convolution.backwardFilterWorkspace());
  }

  private static void checkCount(String operation, List<Tensor> inputs, int images) {
    if (inputs.size() != images + 1 && inputs.size() != images + 2) {
      throw Checks.misfit(
          operation, "expected input, filters and maybe bias, got " + inputs.size());
    }
  }

  /**
   * Checks filters.
   *
   * @param channelsOf the dimension of the filters that has the size of the images' channels
   */
  private static void checkFilter(
      String operation, Images images, Tensor filter, Window window, int channelsOf) {
    Shape shape = filter.shape();
    if (shape.rank() != 4
        || shape.dim(0) < 1
        || shape.dim(3) < 1
        || shape.dim(1) != window.height()
        || shape.dim(2) != window.width()
        || shape.dim(channelsOf) != images.channels()) {
      String size = window.height() + ", " + window.width();
      throw Checks.misfit(
          operation,
          "input %s does not fit filter %s: expected filter %s"
              .formatted(
                  shape(images),
                  shape,
                  channelsOf == 0
                      ? "[" + images.channels() + ", " + size + ", n]"
                      : "[n, " + size + ", " + images.channels() + "]"));
    }
  }

  private static Convolution convolution(
      String operation, Images images, int filters, Window window, int secondChannels) {
    try {
      return new Convolution(images, filters, window, secondChannels);
    } catch (IllegalArgumentException e) {
      throw misfit(operation, shape(images), e);
    }
  }

  private static Tensor bias(String operation, List<Tensor> inputs, int filterInput, int columns) {
    if (inputs.size() == filterInput + 1) {
      return null;
    }
    Tensor bias = inputs.get(filterInput + 1);
    Epilogue.checkBias(operation, bias, "filter", inputs.get(filterInput).shape(), columns);
    return bias;
  }

  private static IllegalArgumentException misfit(
      String operation, Shape input, IllegalArgumentException cause) {
    return new IllegalArgumentException(
        operation + ": input " + input + ": " + cause.getMessage(), cause);
  }

  private static Images imagesOf(String operation, Tensor x) {
    Checks.rank(operation, "input", x.shape(), 4, "[n, height, width, channels]");
    try {
      return images(x.shape());
    } catch (IllegalArgumentException e) {
      throw misfit(operation, x.shape(), e);
    }
  }

  private static Images images(Shape shape) {
    return new Images(shape.dim(0), shape.dim(1), shape.dim(2), shape.dim(3));
  }

  private static Shape shape(Images images) {
    return Shape.of(images.count(), images.height(), images.width(), images.channels());
  }
}
