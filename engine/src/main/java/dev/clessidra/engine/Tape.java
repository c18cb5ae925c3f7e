package dev.clessidra.engine;

import dev.clessidra.engine.operations.Arithmetic;
import dev.clessidra.engine.operations.Augmentations;
import dev.clessidra.engine.operations.Convolutions;
import dev.clessidra.engine.operations.Functions;
import dev.clessidra.engine.operations.Latent;
import dev.clessidra.engine.operations.Losses;
import dev.clessidra.engine.operations.Noise;
import dev.clessidra.engine.operations.Normalizations;
import dev.clessidra.engine.operations.Products;
import dev.clessidra.engine.operations.Rearrangements;
import dev.clessidra.engine.operations.Reductions;
import dev.clessidra.engine.operations.Sparsity;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.AffineRange;
import dev.clessidra.kernels.BinaryFunction;
import dev.clessidra.kernels.DeformationRange;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.ElementType;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Interpolation;
import dev.clessidra.kernels.Scope;
import dev.clessidra.kernels.UnaryFunction;
import dev.clessidra.kernels.Window;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Runs operations and remembers them for {@link #backward}, which computes the gradients of a loss
 * by reverse-mode automatic differentiation.
 *
 * <pre>{@code
 * try (Scope scope = device.scope()) {
 *   Tape tape = new Tape(device, scope);
 *   Tensor code = tape.linear(x, w1, b1, Activation.RELU);
 *   Tensor loss = tape.meanSquaredError(tape.linear(code, w2, b2, Activation.SIGMOID), x);
 *   tape.backward(loss);
 *   optimizer.step();
 * }
 * }</pre>
 *
 * <p>Gradients go to {@link Parameter}s and to tensors that were {@linkplain #watch watched}; other
 * tensors, also results of another tape, are constants. A tensor is read as a matrix by taking its
 * innermost dimension as columns and all others together as rows.
 *
 * <p>Memory: results belong to the scope. {@link #backward} releases each as soon as no remaining
 * computation needs it, except the loss and what was {@linkplain #retain retained}; so a tape
 * serves one backward computation. An {@linkplain #inference inference tape} remembers nothing and
 * releases nothing early.
 *
 * <p>All operations check shapes and element types and throw an {@link IllegalArgumentException} of
 * one line that names the operation, what was given and what was expected. Not safe for use by
 * several threads.
 */
public final class Tape {
  private static final String RELEASED =
      "the backward computation released it (Tape.retain keeps a tensor, ForwardContext.save one"
          + " that the backward of an operation needs)";

  private final Device device;
  private final Scope scope;
  private final boolean recording;
  private final List<Node> nodes = new ArrayList<>();
  private final IdentityHashMap<Tensor, Value> values = new IdentityHashMap<>();
  // Of the memory that operations allocated here: the tensor that owns it and who still needs it.
  private final IdentityHashMap<Tensor, Storage> storages = new IdentityHashMap<>();
  private final Set<Tensor> retained = Collections.newSetFromMap(new IdentityHashMap<>());
  private boolean spent;

  /** Memory that the tape releases when nobody holds it any more. */
  private static final class Storage {
    private final Tensor owner;
    private int holders;

    Storage(Tensor owner) {
      this.owner = owner;
    }
  }

  /** A tensor that takes part, and its gradient while there is one. */
  static final class Value {
    private final Tensor tensor;
    private final Shape shape;
    private final boolean needsGradient;
    private boolean watched;
    private Tensor gradient;

    Value(Tensor tensor, boolean needsGradient) {
      this.tensor = tensor;
      this.shape = tensor.shape();
      this.needsGradient = needsGradient;
    }

    Shape shape() {
      return shape;
    }

    boolean needsGradient() {
      return needsGradient;
    }

    Tensor gradient() {
      return gradient;
    }
  }

  /** An operation that was run and may have to be differentiated. */
  record Node(Operation operation, List<Value> inputs, Value output, List<Tensor> saved) {}

  /** A tape that records for one {@link #backward}; results are allocated in the scope. */
  public Tape(Device device, Scope scope) {
    this(device, scope, true);
  }

  private Tape(Device device, Scope scope, boolean recording) {
    this.device = Objects.requireNonNull(device, "device");
    this.scope = Objects.requireNonNull(scope, "scope");
    this.recording = recording;
  }

  /** A tape that runs operations and records nothing. */
  public static Tape inference(Device device, Scope scope) {
    return new Tape(device, scope, false);
  }

  /** The device that computes. */
  public Device device() {
    return device;
  }

  /** The scope that owns the results. */
  public Scope scope() {
    return scope;
  }

  /** Whether {@link #backward} is possible; false for an inference tape. */
  public boolean isRecording() {
    return recording;
  }

  /**
   * Runs an operation, built in or of the application.
   *
   * @return the output, which belongs to the tape's scope
   * @throws IllegalArgumentException when the inputs do not fit
   * @throws IllegalStateException when an input is closed, {@link #backward} was called, or an
   *     operation that does something returns its input
   */
  public Tensor apply(Operation operation, Tensor... inputs) {
    requireUnspent();
    for (int i = 0; i < inputs.length; i++) {
      requireUsable(operation, i, inputs[i]);
    }
    List<Tensor> tensors = List.of(inputs);
    List<Value> inputValues = new ArrayList<>(inputs.length);
    boolean[] needed = new boolean[inputs.length];
    for (Tensor tensor : tensors) {
      Value value = valueOf(operation, tensor);
      needed[inputValues.size()] = value.needsGradient();
      inputValues.add(value);
    }
    ForwardContext context = new ForwardContext(device, scope, operation.name(), needed);
    Tensor output = null;
    try {
      output = operation.forward(context, tensors);
    } finally {
      context.release(output);
    }
    if (output == null) {
      throw new NullPointerException(operation.name() + ": forward returned null");
    }
    if (tensors.contains(output) && context.isUsed()) {
      throw new IllegalStateException(
          operation.name()
              + ": forward returned its input, which says that it does nothing, but it launched,"
              + " allocated or saved: backward would not be called; return a tensor from"
              + " ForwardContext.allocate");
    }
    if (!recording) {
      return output;
    }
    if (values.containsKey(output)) {
      // An operation without effect gave its input back.
      return output;
    }
    context.allocated().forEach(tensor -> storages.put(tensor, new Storage(tensor)));
    Value outputValue = new Value(output, context.isRecorded());
    values.put(output, outputValue);
    if (context.isRecorded()) {
      context.saved().forEach(this::hold);
      nodes.add(new Node(operation, inputValues, outputValue, List.copyOf(context.saved())));
    }
    return output;
  }

  private void requireUsable(Operation operation, int input, Tensor tensor) {
    if (tensor == null) {
      throw new NullPointerException(operation.name() + ": input " + input + " is null");
    }
    if (!tensor.isOpen()) {
      throw new IllegalStateException(operation.name() + ": " + tensor.closedMessage());
    }
    if (tensor.device() != device) {
      throw new IllegalArgumentException(
          operation.name()
              + ": "
              + tensor.describe()
              + " is on another device ("
              + tensor.device().name()
              + ") than the tape ("
              + device.name()
              + ")");
    }
    if (!operation.accepts(input, tensor.elementType())) {
      throw new IllegalArgumentException(
          "%s: input %d, %s, holds %s, expected %s"
              .formatted(
                  operation.name(),
                  input,
                  tensor.describe(),
                  tensor.elementType(),
                  Arrays.stream(ElementType.values())
                      .filter(type -> operation.accepts(input, type))
                      .map(ElementType::name)
                      .collect(Collectors.joining(" or "))));
    }
  }

  private Value valueOf(Operation operation, Tensor tensor) {
    Value known = values.get(tensor);
    if (known != null) {
      return known;
    }
    if (tensor instanceof Parameter parameter) {
      Value value = new Value(tensor, recording && parameter.isTrainable());
      if (recording) {
        values.put(tensor, value);
      }
      return value;
    }
    Value root = values.get(tensor.root());
    if (recording && (tensor.isRawParameterMemory() || (root != null && root.needsGradient()))) {
      throw new IllegalArgumentException(
          operation.name()
              + ": "
              + tensor.describe()
              + " is a view through which gradients would be lost: use the tape's reshape or"
              + " slice");
    }
    Value value = new Value(tensor, false);
    if (recording) {
      values.put(tensor, value);
    }
    return value;
  }

  /**
   * Keeps a result open beyond {@link #backward}, until the scope closes.
   *
   * @return the same tensor
   */
  public Tensor retain(Tensor tensor) {
    retained.add(tensor.root());
    return tensor;
  }

  /**
   * Asks for the gradient of a tensor that is not a parameter; to be called before the tensor is
   * used. {@link #gradient} gives it after {@link #backward}.
   *
   * @return the same tensor
   * @throws IllegalStateException when the tensor was used already, or the tape does not record
   */
  public Tensor watch(Tensor tensor) {
    requireRecording("watch");
    Value value = values.get(tensor);
    if (value == null) {
      value = new Value(tensor, true);
      values.put(tensor, value);
    } else if (!value.needsGradient()) {
      throw new IllegalStateException(
          "watch: " + tensor.describe() + " was made or used before without a gradient");
    }
    value.watched = true;
    return tensor;
  }

  /**
   * The gradient of a watched tensor after {@link #backward}; it lives as long as the scope. That
   * of a parameter is {@link Parameter#gradient}, which is not asked for here.
   *
   * @throws IllegalStateException when the tensor was not watched, or the loss does not depend on
   *     it
   */
  public Tensor gradient(Tensor tensor) {
    Value value = values.get(tensor);
    if (value == null || !value.watched) {
      throw new IllegalStateException(
          "gradient: " + tensor.describe() + " was not watched (Tape.watch)");
    }
    if (tensor instanceof Parameter) {
      throw new IllegalStateException(
          "gradient: " + tensor.describe() + " is a parameter: take Parameter.gradient()");
    }
    if (value.gradient == null) {
      throw new IllegalStateException(
          "gradient: there is none for "
              + tensor.describe()
              + ": backward was not called, or the loss does not depend on it");
    }
    return value.gradient;
  }

  /**
   * Computes the gradients of all parameters and watched tensors that the loss depends on. The
   * gradient of a parameter is added to what {@link Parameter#hasGradient} says is there since the
   * last optimizer step. When it fails, the parameters that the loss depends on have none.
   *
   * @param loss a result of this tape with one element
   * @throws IllegalArgumentException when the loss has more elements or depends on nothing that
   *     needs a gradient
   * @throws IllegalStateException when the tape does not record, or this was called before
   */
  public void backward(Tensor loss) {
    requireRecording("backward");
    requireUnspent();
    Objects.requireNonNull(loss, "backward: the loss is null: expected a scalar of this tape");
    if (loss.shape().elements() != 1) {
      throw new IllegalArgumentException(
          "backward: the loss " + loss.describe() + " is not a scalar; reduce it with sum or mean");
    }
    Value lossValue = values.get(loss);
    if (lossValue == null || !lossValue.needsGradient() || loss instanceof Parameter) {
      throw new IllegalArgumentException(
          "backward: the loss " + loss.describe() + " depends on no trainable parameter");
    }
    spent = true;
    retain(loss);
    for (Storage storage : List.copyOf(storages.values())) {
      releaseIfUnheld(storage);
    }
    lossValue.gradient = newGradient(lossValue).fill(1);
    try {
      while (!nodes.isEmpty()) {
        differentiate(nodes.removeLast());
      }
    } catch (Throwable e) {
      // Some have contributions and others have not.
      for (Value value : values.values()) {
        if (value.tensor instanceof Parameter parameter) {
          parameter.forgetGradient();
        }
      }
      throw e;
    }
  }

  private void differentiate(Node node) {
    Value output = node.output();
    if (output.gradient != null) {
      BackwardContext context = new BackwardContext(this, node);
      try {
        node.operation().backward(context);
        context.checkDelivered();
      } finally {
        context.release();
      }
      if (output.gradient != null && !output.watched) {
        output.gradient.root().close();
        output.gradient = null;
      }
    }
    for (Tensor tensor : node.saved()) {
      Storage storage = storages.get(tensor.root());
      if (storage != null) {
        storage.holders--;
        releaseIfUnheld(storage);
      }
    }
  }

  /** Where the next contribution to a gradient goes. */
  GradientTarget gradientTarget(Value value) {
    if (value.tensor instanceof Parameter parameter) {
      return parameter.nextContribution();
    }
    if (value.gradient != null) {
      return new GradientTarget(value.gradient, 1);
    }
    value.gradient = newGradient(value);
    return new GradientTarget(value.gradient, 0);
  }

  /** Whether only the node that is being differentiated needs the gradient of its output. */
  boolean mayOverwriteGradient(Value output) {
    return output.gradient != null && !output.watched;
  }

  /** Makes the memory of an output's gradient that of an input's, where that is possible. */
  boolean handOver(Value output, Value input) {
    if (!mayOverwriteGradient(output)
        || input.tensor instanceof Parameter
        || input.gradient != null
        || input.shape.elements() != output.shape.elements()) {
      return false;
    }
    input.gradient =
        input.shape.equals(output.shape) ? output.gradient : output.gradient.reshape(input.shape);
    output.gradient = null;
    return true;
  }

  private Tensor newGradient(Value value) {
    return Tensor.allocate(
        device, scope, "gradient of " + value.tensor.label(), ElementType.FLOAT32, value.shape);
  }

  private void hold(Tensor tensor) {
    Storage storage = storages.get(tensor.root());
    if (storage != null) {
      storage.holders++;
    }
  }

  private void releaseIfUnheld(Storage storage) {
    if (storage.holders == 0 && !retained.contains(storage.owner)) {
      storage.owner.close(RELEASED);
      storages.remove(storage.owner);
    }
  }

  private void requireUnspent() {
    if (spent) {
      throw new IllegalStateException(
          "the tape is spent: it serves one backward computation; make a new one a step");
    }
  }

  private void requireRecording(String what) {
    if (!recording) {
      throw new IllegalStateException(what + ": this is an inference tape, which records nothing");
    }
  }

  // Products

  /**
   * {@code activation(x w + b)}: a fully connected layer.
   *
   * @param x [..., k], read as a matrix [m, k]
   * @param w [k, n]
   * @param b [n]
   * @return [..., n]
   */
  public Tensor linear(Tensor x, Tensor w, Tensor b, Activation activation) {
    return apply(new Products.Linear(activation, false), x, w, b);
  }

  /** {@code activation(x w)}: as the form with a bias, without it. */
  public Tensor linear(Tensor x, Tensor w, Activation activation) {
    return apply(new Products.Linear(activation, false), x, w);
  }

  /**
   * {@code activation(x w^T + b)}: the decoder that shares the encoder's weight. The transpose is
   * never stored, and the weight's gradient adds up both uses.
   *
   * @param x [..., k], read as a matrix [m, k]
   * @param w [n, k]
   * @param b [n]
   * @return [..., n]
   */
  public Tensor linearTransposed(Tensor x, Tensor w, Tensor b, Activation activation) {
    return apply(new Products.Linear(activation, true), x, w, b);
  }

  /** {@code activation(x w^T)}: as the form with a bias, without it. */
  public Tensor linearTransposed(Tensor x, Tensor w, Activation activation) {
    return apply(new Products.Linear(activation, true), x, w);
  }

  /** {@code a b} of two matrices [m, k] and [k, n]. */
  public Tensor matmul(Tensor a, Tensor b) {
    return matmul(a, false, b, false);
  }

  /**
   * {@code op(a) op(b)} where op transposes or does nothing.
   *
   * @param a [m, k], or [k, m] when transposed
   * @param b [k, n], or [n, k] when transposed
   * @return [m, n]
   */
  public Tensor matmul(Tensor a, boolean transposeA, Tensor b, boolean transposeB) {
    return apply(new Products.MatrixProduct(transposeA, transposeB), a, b);
  }

  // Convolutions and pooling; images are [n, height, width, channels]

  /**
   * {@code activation(convolution of x + b)}.
   *
   * @param x [n, height, width, channels]
   * @param filter [filters, window.height, window.width, channels]
   * @param b [filters]
   * @param window how the filters move, for example {@code Window.square(3).withPadding(1)}
   * @return [n, p, q, filters] with p and q of {@link Window#over}
   */
  public Tensor conv2d(Tensor x, Tensor filter, Tensor b, Window window, Activation activation) {
    return apply(new Convolutions.Conv2d(false, window, activation), x, filter, b);
  }

  /** {@code activation(convolution of x)}: as the form with a bias, without it. */
  public Tensor conv2d(Tensor x, Tensor filter, Window window, Activation activation) {
    return apply(new Convolutions.Conv2d(false, window, activation), x, filter);
  }

  /**
   * {@code activation(convolution of concat(x, second) + b)}, the same bits, without the memory of
   * the concatenation: both are read, and their gradients written, where they lie.
   *
   * @param x [n, height, width, channels]
   * @param second [n, height, width, its channels]
   * @param filter [filters, window.height, window.width, the channels of both]
   * @param b [filters]
   * @param window how the filters move, for example {@code Window.square(3).withPadding(1)}
   * @return [n, p, q, filters] with p and q of {@link Window#over}
   */
  public Tensor conv2dOfConcatenation(
      Tensor x, Tensor second, Tensor filter, Tensor b, Window window, Activation activation) {
    return apply(new Convolutions.Conv2d(true, window, activation), x, second, filter, b);
  }

  /** As the form with a bias, without it. */
  public Tensor conv2dOfConcatenation(
      Tensor x, Tensor second, Tensor filter, Window window, Activation activation) {
    return apply(new Convolutions.Conv2d(true, window, activation), x, second, filter);
  }

  /**
   * {@code activation(transposed convolution of x + b)}: learned up-sampling, of the size that
   * {@link Window#under} gives.
   *
   * @param x [n, p, q, filters]
   * @param filter [filters, window.height, window.width, channels]
   * @param b [channels]
   * @param window how the filters move, for example {@code Window.square(2).withStride(2)}
   * @return [n, height, width, channels]
   */
  public Tensor convTranspose2d(
      Tensor x, Tensor filter, Tensor b, Window window, Activation activation) {
    return apply(new Convolutions.ConvTranspose2d(window, 0, 0, activation), x, filter, b);
  }

  /**
   * {@code activation(transposed convolution of x)}, of a size of choice: of all sizes that a
   * convolution turns into that of x.
   *
   * @param height of the result; 0 for the smallest possible
   * @param width of the result; 0 for the smallest possible
   */
  public Tensor convTranspose2d(
      Tensor x, Tensor filter, Window window, int height, int width, Activation activation) {
    return apply(new Convolutions.ConvTranspose2d(window, height, width, activation), x, filter);
  }

  /**
   * The largest value of each window, channel by channel; of equal ones the first. The gradient
   * goes to that pixel.
   *
   * @param x [n, height, width, channels]
   * @param window not dilated, with a padding below its size
   */
  public Tensor maxPool(Tensor x, Window window) {
    return apply(new Convolutions.MaxPool(window), x);
  }

  /**
   * Images of another size, nearest or bilinear with the corners of the pixels not aligned.
   *
   * @param x [n, height, width, channels]
   * @return [n, height, width, channels] with the height and width given
   */
  public Tensor upsample(Tensor x, Interpolation interpolation, int height, int width) {
    return apply(new Convolutions.Upsample(interpolation, height, width), x);
  }

  // Normalisation

  /**
   * {@code activation(scale n + shift)} with n of mean 0 and variance 1 in each column over the
   * batch (Ioffe and Szegedy 2015). Brings the running statistics nearer to those of the batch; an
   * inference tape uses them instead.
   *
   * @param x [..., columns]
   * @param scale [columns], 1 at first
   * @param shift [columns], 0 at first
   * @param runningMean [columns], 0 at first; a constant
   * @param runningVariance [columns], 1 at first; a constant
   * @param momentum the weight of the batch in the running statistics, usually 0.1
   * @param epsilon added to the variance, usually 1e-5
   */
  public Tensor batchNorm(
      Tensor x,
      Tensor scale,
      Tensor shift,
      Tensor runningMean,
      Tensor runningVariance,
      float momentum,
      float epsilon,
      Activation activation) {
    return apply(
        new Normalizations.BatchNorm(recording, momentum, epsilon, activation),
        x,
        scale,
        shift,
        runningMean,
        runningVariance);
  }

  /**
   * {@code activation(scale n + shift)} with n of mean 0 and variance 1 in each group of channels
   * of each image (Wu and He 2018). One group is layer normalisation, as many as channels is
   * instance normalisation.
   *
   * @param x [n, ..., channels]
   * @param groups a divisor of the number of channels
   * @param scale [channels], 1 at first
   * @param shift [channels], 0 at first
   * @param epsilon added to the variance, usually 1e-5
   */
  public Tensor groupNorm(
      Tensor x, int groups, Tensor scale, Tensor shift, float epsilon, Activation activation) {
    return apply(new Normalizations.GroupNorm(groups, epsilon, activation), x, scale, shift);
  }

  // Functions of one tensor, element by element

  /** {@code activation(x)}; {@link #linear} does it on the way, at no cost. */
  public Tensor activation(Tensor x, Activation activation) {
    return apply(new Functions.Activate(activation), x);
  }

  /** {@code alpha x + shift}, rounded once. */
  public Tensor affine(Tensor x, float alpha, float shift) {
    return apply(new Functions.Affine(alpha, shift), x);
  }

  /** {@code factor x}. */
  public Tensor scale(Tensor x, float factor) {
    return affine(x, factor, 0);
  }

  /** {@code exp(x)}. */
  public Tensor exp(Tensor x) {
    return apply(new Functions.Elementary(UnaryFunction.EXP), x);
  }

  /** The natural logarithm; NaN below 0. */
  public Tensor log(Tensor x) {
    return apply(new Functions.Elementary(UnaryFunction.LOG), x);
  }

  /** {@code x x}. */
  public Tensor square(Tensor x) {
    return apply(new Functions.Elementary(UnaryFunction.SQUARE), x);
  }

  /** The square root; NaN below 0. Its gradient is infinite at 0. */
  public Tensor sqrt(Tensor x) {
    return apply(new Functions.Elementary(UnaryFunction.SQUARE_ROOT), x);
  }

  /** The absolute value; its gradient at 0 is taken as 0. */
  public Tensor abs(Tensor x) {
    return apply(new Functions.Elementary(UnaryFunction.ABSOLUTE), x);
  }

  /** {@code 1 / x}. */
  public Tensor reciprocal(Tensor x) {
    return apply(new Functions.Elementary(UnaryFunction.RECIPROCAL), x);
  }

  // Functions of two tensors; b has a's shape, is a row vector of a's columns, or has one element

  /**
   * {@code a + b}.
   *
   * @param b of a's shape, or [columns of a] (added to every row), or of one element; the same
   *     holds for the other functions of two tensors
   */
  public Tensor add(Tensor a, Tensor b) {
    return apply(new Arithmetic(BinaryFunction.ADD), a, b);
  }

  /** {@code a - b}; see {@link #add} for b's shape. */
  public Tensor subtract(Tensor a, Tensor b) {
    return apply(new Arithmetic(BinaryFunction.SUBTRACT), a, b);
  }

  /** {@code a b}, element by element; see {@link #add} for b's shape. */
  public Tensor multiply(Tensor a, Tensor b) {
    return apply(new Arithmetic(BinaryFunction.MULTIPLY), a, b);
  }

  /** {@code a / b}; see {@link #add} for b's shape. */
  public Tensor divide(Tensor a, Tensor b) {
    return apply(new Arithmetic(BinaryFunction.DIVIDE), a, b);
  }

  // Reductions

  /** The sum of all elements, a scalar. */
  public Tensor sum(Tensor x) {
    return apply(new Reductions.All(false), x);
  }

  /** The mean of all elements, a scalar. */
  public Tensor mean(Tensor x) {
    return apply(new Reductions.All(true), x);
  }

  /** The sum of each row, [rows]. */
  public Tensor sumRows(Tensor x) {
    return apply(new Reductions.Rows(), x);
  }

  /**
   * {@code log(sum(exp(x)))} of each row, [rows], without overflow; its gradient is the softmax.
   * With logarithms of importance weights and less {@code log(columns)} it is the bound of the
   * importance-weighted autoencoder (Burda et al. 2015).
   */
  public Tensor logSumExpRows(Tensor x) {
    return apply(new Reductions.LogSumExpRows(), x);
  }

  /** The sum of each column, [columns]. */
  public Tensor sumColumns(Tensor x) {
    return apply(new Reductions.Columns(false), x);
  }

  /** The mean of each column over all rows, [columns]. */
  public Tensor meanColumns(Tensor x) {
    return apply(new Reductions.Columns(true), x);
  }

  // Rearrangements

  /** The same elements under another shape; copies nothing. */
  public Tensor reshape(Tensor x, Shape shape) {
    return apply(new Rearrangements.Reshape(shape), x);
  }

  /**
   * Puts tensors side by side: the rows stay, the columns follow one another.
   *
   * @param tensors one or more, equal in all dimensions but the innermost
   */
  public Tensor concat(Tensor... tensors) {
    return apply(new Rearrangements.ConcatColumns(), tensors);
  }

  /** Some columns: those from {@code from} on, {@code count} of them. */
  public Tensor sliceColumns(Tensor x, int from, int count) {
    return apply(new Rearrangements.SliceColumns(from, count), x);
  }

  /**
   * A part of each image.
   *
   * @param x [n, height, width, channels]
   * @param top its first row
   * @param left its first column
   * @param height its rows
   * @param width its columns
   */
  public Tensor crop(Tensor x, int top, int left, int height, int width) {
    Shape shape = x.shape();
    if (shape.rank() != 4
        || Math.min(Math.min(top, left), Math.min(height, width)) < 0
        || top > shape.dim(1) - height
        || left > shape.dim(2) - width) {
      throw new IllegalArgumentException(
          "crop: %d x %d pixels from %d, %d are not within %s: expected a part of [n, height, width, channels]"
              .formatted(height, width, top, left, shape));
    }
    int images = shape.dim(0);
    int channels = shape.dim(3);
    int row = shape.dim(2) * channels;
    Tensor rows =
        sliceColumns(reshape(x, Shape.of(images, shape.dim(1) * row)), top * row, height * row);
    Tensor part =
        sliceColumns(
            reshape(rows, Shape.of(images * height, row)), left * channels, width * channels);
    return reshape(part, Shape.of(images, height, width, channels));
  }

  /** Some entries of the outermost dimension: those from {@code from} on, {@code count} of them. */
  public Tensor slice(Tensor x, int from, int count) {
    return apply(new Rearrangements.Slice(from, count), x);
  }

  /**
   * Each entry of the outermost dimension several times, one after the other: several samples of
   * each image of a batch.
   *
   * @param x [n, ...]
   * @param repeats how many times, at least 1
   * @return [n repeats, ...], entry i being entry {@code i / repeats} of x
   */
  public Tensor repeatRows(Tensor x, int repeats) {
    return apply(new Rearrangements.RepeatRows(repeats), x);
  }

  /**
   * A batch of a data set on the device: row i is position {@code step * rows + i} of an endless
   * stream of epochs over the set, each in an order of its own when shuffled. Data sets of the same
   * number of rows are shuffled alike (images and their labels). Bytes become {@code value / 255}.
   *
   * @param source [n, ...] of FLOAT32, UINT8 or INT32; a constant
   * @param rows the batch size
   * @param shuffle whether epochs are shuffled, by the state's seed
   * @param state gives the step
   * @return [rows, ...], INT32 for INT32 and else FLOAT32
   */
  public Tensor gatherRows(Tensor source, int rows, boolean shuffle, TrainingState state) {
    return apply(
        new Rearrangements.GatherRows(rows, shuffle, state.seed(), state.buffer()), source);
  }

  // Losses: scalars

  /** The mean over all elements of {@code (x - target)^2}; the target is a constant. */
  public Tensor meanSquaredError(Tensor x, Tensor target) {
    return squaredError(x, target, (float) (1.0 / Math.max(1, x.shape().elements())));
  }

  /**
   * {@code scale * sum((x - target)^2)}; the target is a constant. With scale 1 / batch it is the
   * error summed over an image and averaged over the batch.
   */
  public Tensor squaredError(Tensor x, Tensor target, float scale) {
    return apply(new Losses.SquaredError(scale), x, target);
  }

  /**
   * {@code scale * sum(cross-entropy)} of Bernoulli probabilities {@code sigmoid(x)} against
   * targets in [0, 1]: {@code max(x, 0) - x t + log(1 + exp(-|x|))}; the target is a constant.
   *
   * @param x logits
   */
  public Tensor binaryCrossEntropyWithLogits(Tensor x, Tensor target, float scale) {
    return apply(new Losses.BinaryCrossEntropy(scale), x, target);
  }

  /** {@code scale * sum(|x|)}, the L1 penalty; its gradient at 0 is 0. */
  public Tensor absolutePenalty(Tensor x, float scale) {
    return apply(new Losses.AbsolutePenalty(scale), x);
  }

  /**
   * {@code scale * sum_j KL(rho || mean of column j)}: the sparsity penalty of the mean activations
   * (Ng, CS294A lecture notes, 2011). Means are clamped to [1e-6, 1 - 1e-6].
   *
   * @param x activations in [0, 1], [batch, units]
   * @param rho the mean activation wanted, in (0, 1)
   */
  public Tensor klSparsity(Tensor x, float rho, float scale) {
    return apply(new Sparsity.KullbackLeibler(rho, scale), x);
  }

  /**
   * The mean over rows of the cross-entropy of {@code softmax(logits)} and the labels.
   *
   * @param logits [rows, classes]
   * @param labels INT32 [rows], each in [0, classes); another one makes the loss NaN
   */
  public Tensor softmaxCrossEntropy(Tensor logits, Tensor labels) {
    return softmaxCrossEntropy(logits, labels, null, null);
  }

  /**
   * The mean over rows of the cross-entropy of {@code softmax(logits)} and the labels, each row's
   * times its weights; the mean divides by the number of rows, whatever the weights.
   *
   * @param logits [..., classes]; a row is a pixel of a segmentation
   * @param labels INT32 [...], each in [0, classes); another one makes the loss NaN
   * @param classWeights [classes], of the rows with that label, or null; a constant
   * @param rowWeights [...], of each row, or null; a constant
   */
  public Tensor softmaxCrossEntropy(
      Tensor logits, Tensor labels, Tensor classWeights, Tensor rowWeights) {
    List<Tensor> inputs = new ArrayList<>(List.of(logits, labels));
    if (classWeights != null) {
      inputs.add(classWeights);
    }
    if (rowWeights != null) {
      inputs.add(rowWeights);
    }
    return apply(
        new Losses.SoftmaxCrossEntropy(classWeights != null, rowWeights != null),
        inputs.toArray(Tensor[]::new));
  }

  /**
   * The soft Dice loss (Milletari et al. 2016, without squares): the mean over classes of {@code 1
   * - (2 overlap + smooth) / (total + smooth)}, where overlap adds up the probabilities of a class
   * at its labels, and total all its probabilities and the number of its labels.
   *
   * @param probabilities [..., classes], for example of {@link #softmax}
   * @param labels INT32 [...]; one outside [0, classes) is of no class
   * @param smooth added above and below, 0 or more, usually 1
   * @param perImage whether each image counts by itself, or the whole batch as one
   */
  public Tensor dice(Tensor probabilities, Tensor labels, float smooth, boolean perImage) {
    return apply(new Losses.Dice(perImage, smooth), probabilities, labels);
  }

  /**
   * {@code scale * sum(KL(N(mean, exp(logVariance)) || N(0, 1)))}, the regulariser of a variational
   * autoencoder (Kingma and Welling 2014). With scale 1 / batch it is the mean over samples.
   *
   * @param mean [..., latent]
   * @param logVariance as mean
   */
  public Tensor gaussianKl(Tensor mean, Tensor logVariance, float scale) {
    return apply(new Latent.GaussianKl(scale), mean, logVariance);
  }

  /**
   * The divergence of each sample: {@code KL(N(mean, exp(logVariance)) || N(0, 1))} of each row.
   *
   * @param mean [..., latent]
   * @param logVariance as mean
   * @return [rows]
   */
  public Tensor gaussianKlRows(Tensor mean, Tensor logVariance) {
    return apply(new Latent.GaussianKlRows(), mean, logVariance);
  }

  /**
   * The logarithm of the probability of each row of targets t under independent Bernoulli variables
   * with logits x: the sum over columns of {@code x t - max(x, 0) - log(1 + exp(-|x|))}.
   *
   * @param logits [rows repeats, columns]: the row's probabilities are {@code sigmoid(logits)}
   * @param target [rows, columns] in [0, 1], a constant; row r serves rows {@code r repeats} to
   *     {@code (r + 1) repeats - 1} of the logits
   * @param repeats how many samples of the logits each target has, at least 1
   * @return [rows repeats]
   */
  public Tensor bernoulliLogLikelihood(Tensor logits, Tensor target, int repeats) {
    return apply(new Latent.BernoulliLogLikelihood(repeats), logits, target);
  }

  /**
   * The logarithm of the density of each row under a diagonal Gaussian: {@code -1/2} times the sum
   * over columns of {@code log(2 pi) + logVariance + (x - mean)^2 exp(-logVariance)}.
   *
   * @param x [rows repeats, columns]
   * @param mean [rows, columns]; row r serves rows {@code r repeats} to {@code (r + 1) repeats - 1}
   *     of x
   * @param logVariance as mean
   * @param repeats how many samples each Gaussian has, at least 1
   * @return [rows repeats]
   */
  public Tensor gaussianLogDensity(Tensor x, Tensor mean, Tensor logVariance, int repeats) {
    return apply(new Latent.GaussianLogDensity(repeats), x, mean, logVariance);
  }

  /**
   * The logarithm of the density of each row under the standard normal distribution, of mean 0 and
   * variance 1 in every column.
   *
   * @param x [..., columns]
   * @return [rows]
   */
  public Tensor standardNormalLogDensity(Tensor x) {
    return apply(new Latent.GaussianLogDensity(1), x);
  }

  /**
   * A weight that grows from 0 to 1 in the first steps of a training, {@code min(1, step / steps)}:
   * for the divergence of a variational autoencoder, which could otherwise silence its code early
   * (Bowman et al. 2016). Computed on the device, so that a captured step follows the counter; a
   * constant for the gradient.
   *
   * @param steps of the warm-up, 0 or more; without any the weight is 1
   * @param state gives the step
   * @return a scalar
   */
  public Tensor linearWarmup(long steps, TrainingState state) {
    return apply(new Latent.LinearWarmup(steps, state.buffer()));
  }

  /**
   * Adds scalars.
   *
   * @param losses one or more
   */
  public Tensor addLosses(Tensor... losses) {
    if (losses.length == 0) {
      throw new IllegalArgumentException("addLosses: expected at least one loss, got none");
    }
    Tensor sum = losses[0];
    for (int i = 1; i < losses.length; i++) {
      sum = add(sum, losses[i]);
    }
    return sum;
  }

  /** The probabilities {@code exp(x) / sum(exp(x))} of each row. */
  public Tensor softmax(Tensor x) {
    return apply(new Losses.Softmax(), x);
  }

  // Sparsity and noise

  /**
   * Keeps the k largest values of each row and sets the others to 0 (k-sparse autoencoders,
   * Makhzani and Frey 2013). The gradient passes where a value was kept.
   *
   * @param k 1 to the number of columns
   */
  public Tensor topK(Tensor x, int k) {
    return apply(new Sparsity.TopK(k), x);
  }

  /**
   * Sets each element to 0 with a probability and keeps the others (masking noise, Vincent et al.
   * 2010), also on an inference tape.
   *
   * @param probability of 0, in [0, 1]
   */
  public Tensor maskNoise(Tensor x, float probability, RandomStream stream) {
    return apply(new Noise.Mask("mask noise", probability, 1, stream), x);
  }

  /**
   * Sets each element to 0 with a probability and scales the others by {@code 1 / (1 -
   * probability)}; does nothing on an inference tape.
   *
   * @param probability of 0, in [0, 1)
   */
  public Tensor dropout(Tensor x, float probability, RandomStream stream) {
    if (!(probability >= 0 && probability < 1)) {
      throw new IllegalArgumentException(
          "dropout: expected a probability in [0, 1), got " + probability);
    }
    return recording
        ? apply(new Noise.Mask("dropout", probability, 1 / (1 - probability), stream), x)
        : x;
  }

  /**
   * Draws each element: 1 with probability x, else 0. The dynamic binarization of images, which are
   * constants; also on an inference tape.
   *
   * @param x probabilities, in [0, 1]
   * @return of x's shape
   */
  public Tensor binarize(Tensor x, RandomStream stream) {
    return apply(new Noise.Binarize(stream), x);
  }

  /**
   * {@code mean + exp(logVariance / 2) e} with normally distributed e, through which gradients
   * reach both (Kingma and Welling 2014), also on an inference tape.
   *
   * @param mean of any shape
   * @param logVariance as mean
   */
  public Tensor reparameterize(Tensor mean, Tensor logVariance, RandomStream stream) {
    return apply(new Latent.Reparameterize(stream), mean, logVariance);
  }

  /** Normally distributed numbers, constants for the gradient. */
  public Tensor randomNormal(
      Shape shape, float mean, float standardDeviation, RandomStream stream) {
    return apply(new Noise.Normal(shape, mean, standardDeviation, stream));
  }

  /** {@code x} plus normally distributed numbers of mean 0, also on an inference tape. */
  public Tensor gaussianNoise(Tensor x, float standardDeviation, RandomStream stream) {
    return add(x, randomNormal(x.shape(), 0, standardDeviation, stream));
  }

  // Augmentation

  /**
   * Distorts each image at random, to augment a data set: rotation, scaling, shearing and shifting
   * about the centre, read bilinearly, 0 outside. The images are constants.
   *
   * @param x [n, height * width * channels] or [n, height, width, channels]
   */
  public Tensor affineWarp(
      Tensor x, int height, int width, int channels, AffineRange range, RandomStream stream) {
    return apply(new Augmentations.AffineWarp(height, width, channels, range, stream), x);
  }

  /**
   * Where a random view of each image reads its pixels, to augment a data set: a random crop,
   * mirrored, turned, scaled and deformed elastically. Images, their labels and weights are then
   * read alike by {@link #sampleImages}. A view that is larger than the image has it somewhere
   * inside, with mirrored borders around it.
   *
   * @param images how many
   * @param sourceHeight rows of an image
   * @param sourceWidth columns of an image
   * @param height rows of a view
   * @param width columns of a view
   * @param range how far views go
   * @return [images, height, width, 2]: row and column, in pixels, 0 being the centre of the first
   */
  public Tensor deformationField(
      int images,
      int sourceHeight,
      int sourceWidth,
      int height,
      int width,
      DeformationRange range,
      RandomStream stream) {
    Images source = new Images(images, sourceHeight, sourceWidth, 1);
    return apply(new Augmentations.DeformationField(source, height, width, range, stream));
  }

  /**
   * Images read at the places of a field, mirrored at the centres of their outermost pixels: row -1
   * is row 1. A place that is NaN or infinite is 0. Images and field are constants.
   *
   * @param x [n, height, width, channels] or [n, height, width]; FLOAT32, or INT32 labels for
   *     {@link Interpolation#NEAREST}, which moves values bit by bit
   * @param field [n, newHeight, newWidth, 2]: row and column, in pixels, as of {@link
   *     #deformationField}
   * @return as x, with the height and width of the field
   */
  public Tensor sampleImages(Tensor x, Tensor field, Interpolation interpolation) {
    return apply(new Augmentations.SampleImages(interpolation), x, field);
  }

  /**
   * Random contrast and brightness of each image: {@code (x - 0.5) a + 0.5 + b}, a drawn evenly
   * from 1 plus or minus the contrast, b from plus or minus the brightness. Not clamped to [0, 1].
   * The images are constants.
   *
   * @param x [n, ...]
   * @param contrast in [0, 1]
   * @param brightness in [0, 1]
   * @param stream one of its own: of the views' stream it would draw the numbers of the views
   */
  public Tensor randomBrightness(Tensor x, float contrast, float brightness, RandomStream stream) {
    return randomBrightness(x, contrast, brightness, 0, stream);
  }

  /**
   * Random contrast and brightness of each image after a random gamma: as above of {@code x^c}, c
   * drawn evenly from 1 plus or minus the gamma; what is not above 0 stays.
   *
   * @param x [n, ...]
   * @param contrast in [0, 1]
   * @param brightness in [0, 1]
   * @param gamma in [0, 1]
   * @param stream one of its own, as above
   */
  public Tensor randomBrightness(
      Tensor x, float contrast, float brightness, float gamma, RandomStream stream) {
    return apply(new Augmentations.RandomBrightness(contrast, brightness, gamma, stream), x);
  }
}
