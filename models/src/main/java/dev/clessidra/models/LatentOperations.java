package dev.clessidra.models;

import dev.clessidra.engine.BackwardContext;
import dev.clessidra.engine.ForwardContext;
import dev.clessidra.engine.Operation;
import dev.clessidra.engine.RandomStream;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.BinaryFunction;
import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Distribution;
import dev.clessidra.kernels.Schedule;
import dev.clessidra.kernels.UnaryFunction;
import java.util.Collections;
import java.util.List;

/** What a {@link Vae} computes with codes, composed of the tape's operations. */
final class LatentOperations {
  private LatentOperations() {}

  record Draw(RandomStream stream) implements Operation {
    @Override
    public String name() {
      return "binarize";
    }

    @Override
    public Tensor forward(ForwardContext c, List<Tensor> inputs) {
      Tensor x = inputs.getFirst();
      long n = x.shape().elements();
      Tensor u = c.allocate(x.shape());
      Tensor d = c.allocate(x.shape());
      Tensor y = c.allocate(x.shape());
      c.kernels().random(Distribution.UNIFORM, u.buffer(), stream.step(), n, stream.key(), 0, 1);
      c.kernels().binary(BinaryFunction.SUBTRACT, x.buffer(), u.buffer(), d.buffer(), n, n, 1, 0);
      c.kernels().unary(UnaryFunction.AFFINE, x.buffer(), u.buffer(), n, 0, 1, 0);
      c.kernels().activationBackward(u.buffer(), d.buffer(), y.buffer(), n, Activation.RELU, 0);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      throw new IllegalStateException();
    }
  }

  static Tensor binarize(Tape tape, Tensor x, RandomStream stream) {
    return tape.apply(new Draw(stream), x);
  }

  static Tensor repeatRows(Tape tape, Tensor x, int k) {
    if (k == 1) {
      return x;
    }
    Tensor wide = tape.concat(Collections.nCopies(k, x).toArray(Tensor[]::new));
    return tape.reshape(wide, Shape.of((int) x.shape().rows() * k, x.shape().columns()));
  }

  static Tensor bernoulliLogLikelihood(Tape tape, Tensor l, Tensor x, int k) {
    return tape.sumRows(
        tape.subtract(
            tape.multiply(l, repeatRows(tape, x, k)), tape.activation(l, Activation.SOFTPLUS)));
  }

  static Tensor gaussianLogDensity(Tape tape, Tensor z) {
    return tape.affine(
        tape.sumRows(tape.square(z)), -0.5f, (float) (-0.5 * z.shape().columns() * 1.8378770664));
  }

  static Tensor gaussianLogDensity(Tape tape, Tensor z, Tensor m, Tensor v, int k) {
    Tensor v2 = repeatRows(tape, v, k);
    Tensor d = tape.square(tape.subtract(z, repeatRows(tape, m, k)));
    Tensor q = tape.add(tape.multiply(d, tape.exp(tape.scale(v2, -1))), v2);
    return tape.affine(tape.sumRows(q), -0.5f, (float) (-0.5 * z.shape().columns() * 1.8378770664));
  }

  static Tensor logSumExpRows(Tape tape, Tensor x) {
    Tensor sum = tape.sliceColumns(x, 0, 1);
    for (int i = 1; i < x.shape().columns(); i++) {
      Tensor next = tape.sliceColumns(x, i, 1);
      sum = tape.add(sum, tape.activation(tape.subtract(next, sum), Activation.SOFTPLUS));
    }
    return tape.reshape(sum, Shape.of((int) x.shape().rows()));
  }

  record Warmup(long steps, Buffer state) implements Operation {
    @Override
    public String name() {
      return "linearWarmup";
    }

    @Override
    public Tensor forward(ForwardContext context, List<Tensor> inputs) {
      int floats = TrainingState.BYTES / Float.BYTES;
      Buffer copy = context.workspace(TrainingState.BYTES);
      Tensor y = context.allocate(Shape.scalar());
      context.kernels().copy(state, floats, copy, floats, 1, floats, 0);
      context.kernels().schedule(copy, Schedule.warmupCosine(1, steps, steps, 1));
      context.kernels().copy(copy.slice(24, 4), 1, y.buffer(), 1, 1, 1, 0);
      return y;
    }

    @Override
    public void backward(BackwardContext context) {
      throw new IllegalStateException(name() + " has no input that could need a gradient");
    }
  }

  static Tensor linearWarmup(Tape tape, long steps, TrainingState state) {
    return tape.apply(new Warmup(steps, state.buffer()));
  }
}
