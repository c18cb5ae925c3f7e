package dev.clessidra.bench;

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
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.Model;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.training.DeviceData;
import dev.clessidra.models.training.TrainingData;

/**
 * A captured step of training a model with Adam: shuffled batch, forward, backward, update. A run
 * replays it.
 */
final class TrainingStep implements Workload {
  private final Model model;
  private final int batch;
  private final TrainingData data;
  private final double operations;
  private final TrainingState state;
  private final Optimizer optimizer;
  private final Scope scope;
  private final Tensor loss;
  private final Program program;

  /**
   * Captures a step; owns the model and the data.
   *
   * @param operations of the products in a step, 0 where they are not counted
   */
  TrainingStep(Model model, TrainingData data, int batch, double operations) {
    this.model = model;
    this.batch = batch;
    this.data = data;
    this.operations = operations;
    Device device = model.device();
    model.prepare(data);
    state = new TrainingState(device, 1);
    optimizer = Adam.builder(LearningRate.constant(1e-3)).build(model.parameters(), state);
    scope = device.scope();
    loss = Tensor.filled(device, scope, "loss", Shape.of(1), 0);
    program = device.capture(this::step);
  }

  /** A step of an autoencoder. */
  static TrainingStep of(Autoencoder model, ImageData images, int batch) {
    return new TrainingStep(
        model, DeviceData.of(model.device(), images), batch, operations(model, batch));
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
    model.device().synchronize();
  }

  /** The loss of the last step. */
  float loss() {
    return loss.item();
  }

  /**
   * The operations of the matrix products: each layer has one forward, one for the weight's
   * gradient and, except for the first layer, one for the input's gradient.
   */
  private static double operations(Autoencoder model, int batch) {
    int inputs = model.inputs();
    double weights = 0;
    int from = inputs;
    for (int to : model.widths()) {
      // One in the encoder, one in the decoder.
      weights += 2.0 * from * to;
      from = to;
    }
    double products = 3 * weights - (double) inputs * model.widths().getFirst();
    return 2 * batch * products;
  }

  @Override
  public double operations() {
    return operations;
  }

  @Override
  public double bytes() {
    return 0;
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
