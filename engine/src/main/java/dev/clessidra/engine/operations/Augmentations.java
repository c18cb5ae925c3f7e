package dev.clessidra.engine.operations;

import dev.clessidra.engine.BackwardContext;
import dev.clessidra.engine.ForwardContext;
import dev.clessidra.engine.Operation;
import dev.clessidra.engine.RandomStream;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.AffineRange;
import dev.clessidra.kernels.DeformationRange;
import dev.clessidra.kernels.ElementType;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Interpolation;
import java.util.List;

/** Random changes of images, to augment a data set. Images are constants: no gradient passes. */
public final class Augmentations {
  private Augmentations() {}

  /**
   * Distorts each image of a batch at random; see {@code Kernels.affineWarp}.
   *
   * @param height of an image
   * @param width of an image
   * @param channels of an image
   * @param range how far
   * @param stream where the numbers come from
   */
  public record AffineWarp(
      int height, int width, int channels, AffineRange range, RandomStream stream)
      implements Operation {
    @Override
    public String name() {
      return "affineWarp";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      Checks.constant(name(), "the input", context, 0);
      long size = Math.multiplyExact((long) height * width, channels);
      int images = x.shape().rank() == 0 ? 0 : x.shape().dim(0);
      if (size < 1 || x.shape().elements() != images * size) {
        throw Checks.misfit(
            name(),
            "%s does not hold images of %d x %d x %d: expected [n, %d]"
                .formatted(x.shape(), height, width, channels, size));
      }
      Tensor y = context.allocate(x.shape());
      context
          .kernels()
          .affineWarp(
              x.buffer(),
              y.buffer(),
              stream.step(),
              stream.key(),
              images,
              height,
              width,
              channels,
              range);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      throw constantInputs(name());
    }
  }

  /**
   * Where a random view of each image reads its pixels; see {@code Kernels.deformationField}. Takes
   * no input.
   *
   * @param images the images viewed
   * @param height of a view
   * @param width of a view
   * @param range how far
   * @param stream where the numbers come from
   */
  public record DeformationField(
      Images images, int height, int width, DeformationRange range, RandomStream stream)
      implements Operation {
    @Override
    public String name() {
      return "deformationField";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Checks.count(name(), inputs, 0);
      if (height < 1 || width < 1) {
        throw Checks.misfit(
            name(), "expected views of at least 1 x 1, got " + height + " x " + width);
      }
      if (range.quarterTurns() && height != width) {
        throw Checks.misfit(
            name(),
            "views are %d x %d: expected squares, which quarter turns need"
                .formatted(height, width));
      }
      Tensor field = context.allocate(Shape.of(images.count(), height, width, 2));
      context
          .kernels()
          .deformationField(
              images, height, width, range, field.buffer(), stream.step(), stream.key());
      return field;
    }

    @Override
    public void backward(BackwardContext context) {
      throw constantInputs(name());
    }
  }

  /**
   * Images read at the places of a field; see {@code Kernels.sampleImages}. Inputs: the images,
   * with or without a dimension of channels, and the field [n, height, width, 2].
   *
   * @param interpolation between pixels; {@code NEAREST} for labels
   */
  public record SampleImages(Interpolation interpolation) implements Operation {
    @Override
    public String name() {
      return "sampleImages";
    }

    @Override
    public boolean accepts(int input, ElementType type) {
      return type == ElementType.FLOAT32
          || (type == ElementType.INT32 && input == 0 && interpolation == Interpolation.NEAREST);
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Checks.count(name(), inputs, 2);
      Tensor x = inputs.get(0);
      Tensor field = inputs.get(1);
      Checks.constant(name(), "the input", context, 0);
      Checks.constant(name(), "the field", context, 1);
      Shape shape = x.shape();
      boolean channels = shape.rank() == 4;
      if (!channels) {
        String form = "[n, height, width, channels] or [n, height, width]";
        Checks.rank(name(), "images", shape, 3, form);
      }
      Shape places = field.shape();
      if (places.rank() != 4 || places.dim(0) != shape.dim(0) || places.dim(3) != 2) {
        throw Checks.misfit(
            name(),
            "field %s does not fit images %s: expected [%d, height, width, 2]"
                .formatted(places, shape, shape.dim(0)));
      }
      Images images =
          new Images(shape.dim(0), shape.dim(1), shape.dim(2), channels ? shape.dim(3) : 1);
      int height = places.dim(1);
      int width = places.dim(2);
      Tensor y =
          context.allocate(
              x.elementType(),
              channels
                  ? Shape.of(images.count(), height, width, images.channels())
                  : Shape.of(images.count(), height, width));
      context
          .kernels()
          .sampleImages(
              interpolation, images, height, width, x.buffer(), field.buffer(), y.buffer());
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      throw constantInputs(name());
    }
  }

  /**
   * Random contrast, brightness and gamma of each image [n, ...]; see {@code
   * Kernels.randomBrightness}.
   *
   * @param contrast change of the distance from 0.5, in [0, 1]
   * @param brightness change of the value, in [0, 1]
   * @param gamma change of the exponent, in [0, 1]
   * @param stream where the numbers come from
   */
  public record RandomBrightness(float contrast, float brightness, float gamma, RandomStream stream)
      implements Operation {
    @Override
    public String name() {
      return "randomBrightness";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      Checks.constant(name(), "the input", context, 0);
      if (x.shape().rank() == 0) {
        throw Checks.misfit(name(), "got a scalar, expected images [n, ...]");
      }
      int images = x.shape().dim(0);
      long size = images == 0 ? 0 : x.shape().elements() / images;
      Tensor y = context.allocate(x.shape());
      context
          .kernels()
          .randomBrightness(
              x.buffer(),
              y.buffer(),
              stream.step(),
              stream.key(),
              images,
              size,
              contrast,
              brightness,
              gamma);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      throw constantInputs(name());
    }
  }

  private static IllegalStateException constantInputs(String operation) {
    return new IllegalStateException(operation + " has no input that could need a gradient");
  }
}
