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
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.data.Mnist;
import dev.clessidra.models.training.DeviceData;
import java.util.List;

/**
 * A captured step of training an autoencoder with Adam: shuffled batch, forward, backward, update.
 * A run replays it. Owns the model.
 */
final class TrainingStep implements Workload {
  /** Samples in a step of {@link #ofDeepAutoencoder}. */
  static final int BATCH = 256;

  private final Autoencoder model;
  private final int batch;
  private final DeviceData data;
  private final TrainingState state;
  private final Optimizer optimizer;
  private final Scope scope;
  private final Tensor loss;
  private final Program program;

  TrainingStep(Autoencoder model, ImageData images, int batch) {
    this.model = model;
    this.batch = batch;
    Device device = model.device();
    data = DeviceData.of(device, images);
    model.prepare(data);
    state = new TrainingState(device, 1);
    optimizer = Adam.builder(LearningRate.constant(1e-3)).build(model.parameters(), state);
    scope = device.scope();
    loss = Tensor.filled(device, scope, "loss", Shape.of(1), 0);
    program = device.capture(this::step);
  }

  /** The autoencoder 784-1000-500-250-30 with a batch of 256 on real digits. */
  static TrainingStep ofDeepAutoencoder(Device device, boolean tied) {
    Autoencoder model =
        Autoencoder.builder(784).encoder(1000, 500, 250, 30).tied(tied).seed(1).build(device);
    return new TrainingStep(model, Mnist.sample().train(), BATCH);
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
  @Override
  public double operations() {
    int inputs = model.inputs();
    List<Integer> widths = model.widths();
    double weights = 0;
    int from = inputs;
    for (int to : widths) {
      // One in the encoder, one in the decoder.
      weights += 2.0 * from * to;
      from = to;
    }
    double products = 3 * weights - (double) inputs * widths.getFirst();
    return 2 * batch * products;
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
