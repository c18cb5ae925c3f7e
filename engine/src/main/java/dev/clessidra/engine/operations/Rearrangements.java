package dev.clessidra.engine.operations;

import dev.clessidra.engine.BackwardContext;
import dev.clessidra.engine.ForwardContext;
import dev.clessidra.engine.GradientTarget;
import dev.clessidra.engine.Operation;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.ElementType;
import dev.clessidra.kernels.RowSource;
import java.util.Arrays;
import java.util.List;

/** Operations that put elements elsewhere and do not compute. */
public final class Rearrangements {
  private Rearrangements() {}

  /**
   * The same memory under another shape.
   *
   * @param shape of the same number of elements
   */
  public record Reshape(Shape shape) implements Operation {
    @Override
    public String name() {
      return "reshape";
    }

    @Override
    public boolean accepts(int input, ElementType type) {
      return true;
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Checks.count(name(), inputs, 1);
      return inputs.getFirst().reshape(shape);
    }

    @Override
    public void backward(BackwardContext context) {
      context.passGradient(0);
    }
  }

  /**
   * Some entries of the outermost dimension, in the same memory.
   *
   * @param from the first
   * @param count how many
   */
  public record Slice(int from, int count) implements Operation {
    @Override
    public String name() {
      return "slice";
    }

    @Override
    public boolean accepts(int input, ElementType type) {
      return true;
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Checks.count(name(), inputs, 1);
      return inputs.getFirst().slice(from, count);
    }

    @Override
    public void backward(BackwardContext context) {
      Tensor dy = context.outputGradient();
      GradientTarget dx = clearedGradient(context, 0);
      int columns = dy.shape().columns();
      Buffer part = dx.tensor().slice(from, count).buffer();
      context
          .kernels()
          .copy(dy.buffer(), columns, part, columns, dy.shape().rows(), columns, dx.beta());
    }
  }

  /**
   * Some columns.
   *
   * @param from the first
   * @param count how many
   */
  public record SliceColumns(int from, int count) implements Operation {
    @Override
    public String name() {
      return "sliceColumns";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      int columns = x.shape().columns();
      if (x.shape().rank() == 0 || from < 0 || count < 0 || from > columns - count) {
        throw Checks.misfit(
            name(),
            "input "
                + x.shape()
                + " has no columns "
                + from
                + " to "
                + ((long) from + count)
                + ": expected a range within [0, "
                + columns
                + "]");
      }
      Tensor y = context.allocate(withColumns(x.shape(), count));
      context.kernels().copy(at(x, from), columns, y.buffer(), count, x.shape().rows(), count, 0);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      Tensor dy = context.outputGradient();
      GradientTarget dx = clearedGradient(context, 0);
      context
          .kernels()
          .copy(
              dy.buffer(),
              count,
              at(dx.tensor(), from),
              dx.tensor().shape().columns(),
              dy.shape().rows(),
              count,
              dx.beta());
    }
  }

  /** Tensors side by side; equal in all dimensions but the innermost. */
  public record ConcatColumns() implements Operation {
    @Override
    public String name() {
      return "concat";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      if (inputs.isEmpty()) {
        throw Checks.misfit(name(), "expected at least one input, got none");
      }
      Shape first = inputs.getFirst().shape();
      int columns = 0;
      for (Tensor input : inputs) {
        Shape shape = input.shape();
        if (shape.rank() == 0
            || shape.rank() != first.rank()
            || !withColumns(shape, first.columns()).equals(first)) {
          throw Checks.misfit(
              name(),
              "input "
                  + shape
                  + " does not fit input "
                  + first
                  + ": expected equal dimensions but the last");
        }
        columns = Math.addExact(columns, shape.columns());
      }
      Tensor y = context.allocate(withColumns(first, columns));
      int from = 0;
      for (Tensor input : inputs) {
        int width = input.shape().columns();
        context.kernels().copy(input.buffer(), width, at(y, from), columns, first.rows(), width, 0);
        from += width;
      }
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      Tensor dy = context.outputGradient();
      int columns = dy.shape().columns();
      int from = 0;
      for (int i = 0; i < context.inputs(); i++) {
        int width = context.inputShape(i).columns();
        if (context.needsGradient(i)) {
          GradientTarget dx = context.gradient(i);
          context
              .kernels()
              .copy(
                  at(dy, from),
                  columns,
                  dx.tensor().buffer(),
                  width,
                  dy.shape().rows(),
                  width,
                  dx.beta());
        }
        from += width;
      }
    }
  }

  /**
   * Each entry of the outermost dimension several times, one after the other.
   *
   * @param repeats at least 1
   */
  public record RepeatRows(int repeats) implements Operation {
    @Override
    public String name() {
      return "repeatRows";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Tensor x = Checks.single(name(), inputs);
      if (x.shape().rank() == 0 || repeats < 1) {
        throw Checks.misfit(
            name(),
            "%s cannot be taken %d times: expected rows and at least 1 time"
                .formatted(x.shape(), repeats));
      }
      int[] dimensions = x.shape().dimensions();
      int rows = dimensions[0];
      if ((long) rows * repeats > Integer.MAX_VALUE) {
        throw Checks.misfit(
            name(),
            "%s taken %d times has too many rows: expected at most %d"
                .formatted(x.shape(), repeats, Integer.MAX_VALUE));
      }
      dimensions[0] = rows * repeats;
      Tensor y = context.allocate(Shape.of(dimensions));
      context.kernels().repeatRows(x.buffer(), y.buffer(), rows, entrySize(x.shape()), repeats);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      Shape shape = context.inputShape(0);
      GradientTarget dx = context.gradient(0);
      context
          .kernels()
          .repeatRowsBackward(
              context.outputGradient().buffer(),
              dx.tensor().buffer(),
              shape.dim(0),
              entrySize(shape),
              repeats,
              dx.beta());
    }
  }

  /**
   * Batch rows of a data set; a constant for the gradient.
   *
   * @param rows of the batch
   * @param shuffle whether each epoch has its own order
   * @param seed of the order
   * @param step device memory whose first 8 bytes hold the step
   */
  public record GatherRows(int rows, boolean shuffle, long seed, Buffer step) implements Operation {
    @Override
    public String name() {
      return "gatherRows";
    }

    @Override
    public boolean accepts(int input, ElementType type) {
      return true;
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      Checks.count(name(), inputs, 1);
      Checks.constant(name(), "the data set", context, 0);
      Tensor source = inputs.getFirst();
      if (source.shape().rank() == 0 || source.shape().dim(0) == 0 || rows < 1) {
        throw Checks.misfit(
            name(),
            rows
                + " rows cannot be taken from "
                + source.shape()
                + ": expected at least one row of each");
      }
      int[] dimensions = source.shape().dimensions();
      int columns = entrySize(source.shape());
      RowSource rowSource =
          new RowSource(source.buffer(), source.elementType(), dimensions[0], columns);
      dimensions[0] = rows;
      ElementType type =
          source.elementType() == ElementType.INT32 ? ElementType.INT32 : ElementType.FLOAT32;
      Tensor y = context.allocate(type, Shape.of(dimensions));
      context.kernels().gatherRows(rowSource, y.buffer(), rows, step, shuffle, seed);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      throw new IllegalStateException(name() + " has no input that could need a gradient");
    }
  }

  /** Elements of an entry of the outermost dimension. */
  private static int entrySize(Shape shape) {
    return Math.toIntExact(
        Arrays.stream(shape.dimensions()).skip(1).asLongStream().reduce(1, Math::multiplyExact));
  }

  /** The gradient of an input of which only a part is written: the rest has to be 0. */
  private static GradientTarget clearedGradient(BackwardContext context, int input) {
    GradientTarget target = context.gradient(input);
    if (target.beta() == 0) {
      target.tensor().fill(0);
    }
    return target;
  }

  /** The memory from a column of the first row on. */
  private static Buffer at(Tensor tensor, int column) {
    long offset = tensor.shape().elements() == 0 ? 0 : (long) column * Float.BYTES;
    return tensor.buffer().slice(offset, tensor.byteSize() - offset);
  }

  private static Shape withColumns(Shape shape, int columns) {
    int[] dimensions = shape.dimensions();
    dimensions[dimensions.length - 1] = columns;
    return Shape.of(dimensions);
  }
}
