package dev.clessidra.bench.work;

import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.engine.optimizers.Adam;
import dev.clessidra.engine.optimizers.LearningRate;
import dev.clessidra.engine.optimizers.Optimizer;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Program;
import dev.clessidra.kernels.Scope;
import dev.clessidra.models.Model;
import dev.clessidra.models.training.TrainingData;

/**
 * A captured step of training a model with Adam: shuffled batch, forward, backward, update. The
 * capture is the first step, a run replays it.
 */
public final class TrainingStep implements Implementation {
  private final Model model;
  private final int batch;
  private final TrainingData data;
  private final TrainingState state;
  private final Optimizer optimizer;
  private final Scope scope;
  private final Tensor loss;
  private final Program program;

  /** Captures a step; owns the model and the data. */
  public TrainingStep(Model model, TrainingData data, int batch) {
    this.model = model;
    this.batch = batch;
    this.data = data;
    Device device = model.device();
    model.prepare(data);
    state = new TrainingState(device, Work.SEED);
    optimizer = Adam.builder(LearningRate.constant(1e-3)).build(model.parameters(), state);
    scope = device.scope();
    loss = Tensor.filled(device, scope, "loss", Shape.of(1), 0);
    program = device.capture(this::step);
  }

  private void step() {
    try (Scope step = model.device().scope()) {
      Tape tape = new Tape(model.device(), step);
      Tensor total = model.loss(tape, data.batch(tape, batch, state), state);
      tape.backward(total);
      loss.copyFrom(total);
      optimizer.step();
      state.advance();
    }
  }

  @Override
  public void run() {
    program.run();
  }

  @Override
  public void await() {
    model.device().synchronize();
  }

  /** The floating-point operations of the step's products and convolutions. */
  double operations() {
    return program.operations();
  }

  /** The loss of the last step. */
  public float loss() {
    return loss.item();
  }

  /** The model's parameters, one after the other. */
  public float[] parameters() {
    return model.parameters().values().copyToArray();
  }

  @Override
  public float[] result() {
    float[] losses = new float[TrainedModel.CHECKED_STEPS];
    losses[0] = loss();
    for (int i = 1; i < losses.length; i++) {
      run();
      losses[i] = loss();
    }
    return losses;
  }

  @Override
  public void close() {
    program.close();
    scope.close();
    optimizer.close();
    state.close();
    data.close();
    model.close();
  }
}
