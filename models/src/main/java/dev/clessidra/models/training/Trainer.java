package dev.clessidra.models.training;

import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.engine.io.Checkpoint;
import dev.clessidra.engine.io.ModelFile;
import dev.clessidra.engine.io.ModelFileException;
import dev.clessidra.engine.optimizers.Adam;
import dev.clessidra.engine.optimizers.LearningRate;
import dev.clessidra.engine.optimizers.Optimizer;
import dev.clessidra.engine.optimizers.ParameterAverage;
import dev.clessidra.engine.optimizers.Sgd;
import dev.clessidra.kernels.AffineRange;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Program;
import dev.clessidra.kernels.Scope;
import dev.clessidra.models.Model;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.data.ImageData;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Trains a {@link Model}: captures one step, batch, forward, backward and update, and replays it. A
 * replayed step allocates nothing, on the device or the Java heap.
 *
 * <pre>{@code
 * TrainingResult result = Trainer.of(model).data(Mnist.sample()).epochs(10).run();
 * }</pre>
 *
 * <p>The same seed, data and settings give the same parameters to the bit, on every device and with
 * any number of threads, also when the training is stopped and resumed. Not safe for use by several
 * threads.
 */
public final class Trainer {
  private static final int REPORTS = 200;
  private static final int USUAL_BATCH = 256;
  private static final String SEPARATOR = ", "; // of settings
  private static final long TICK_NANOS = 100_000_000;

  private final Model model;
  private TrainingData data;
  private ImageData images;
  private double epochs = 10;
  private long steps;
  private int askedBatch; // 0 unless set
  private double learningRate = 1e-3;
  private double warmup = 0.02;
  private boolean cosine = true;
  private OptimizerKind optimizerKind = OptimizerKind.ADAM;
  private double weightDecay;
  private double maximumNorm = Double.POSITIVE_INFINITY;
  private double averageDecay;
  private Optional<AffineRange> augmentation = Optional.empty();
  private Optional<DeviceData.Transformation> transformation = Optional.empty();
  private long seed = 1;
  private TrainingProgress progress = TrainingProgress.NONE;
  private BooleanSupplier stop = () -> false;
  private Optional<Path> checkpoint = Optional.empty();
  private long checkpointNanos = Long.MAX_VALUE;
  private Optional<Path> resume = Optional.empty();
  private Supplier<Map<String, Double>> evaluation = Map::of;
  private int evaluateEvery = 1;

  private Trainer(Model model) {
    this.model = model;
  }

  /** Starts the settings of a training. */
  public static Trainer of(Model model) {
    return new Trainer(Objects.requireNonNull(model, "model"));
  }

  /**
   * The training part of a data set; copied to the device for the time of the training. Of several
   * calls that give data the last counts.
   */
  public Trainer data(Dataset dataset) {
    return data(dataset.train());
  }

  /** The images to train on; copied to the device for the time of the training. */
  public Trainer data(ImageData trainingImages) {
    images = Objects.requireNonNull(trainingImages, "trainingImages");
    data = null;
    return this;
  }

  /** Data that is on the device already; stays the caller's. */
  public Trainer data(TrainingData trainingData) {
    data = Objects.requireNonNull(trainingData, "trainingData");
    images = null;
    return this;
  }

  /** How often to go over the data, fractions allowed, in place of steps; 10 unless set. */
  public Trainer epochs(double count) {
    require(count > 0 && Double.isFinite(count), "epochs must be above 0", count);
    epochs = count;
    steps = 0;
    return this;
  }

  /** How many steps to do, in place of epochs; of the two the last call counts. */
  public Trainer steps(long count) {
    require(count > 0, "steps must be at least 1", count);
    steps = count;
    return this;
  }

  /**
   * Samples in a step; unless set 256, or all samples if they are fewer. Batches run over the ends
   * of epochs, so all are full.
   */
  public Trainer batch(int size) {
    require(size > 0, "the batch must be at least 1", size);
    askedBatch = size;
    return this;
  }

  /** The largest learning rate; 0.001 unless set. */
  public Trainer learningRate(double rate) {
    require(
        (float) rate > 0 && rate <= Float.MAX_VALUE,
        "the learning rate must be above 0 and finite as a float",
        rate);
    learningRate = rate;
    return this;
  }

  /**
   * Whether the learning rate rises over the first {@code warmupShare} of the steps and then falls
   * to 0 along a cosine (Loshchilov and Hutter, ICLR 2017), or stays constant; cosine with 0.02
   * unless set.
   */
  public Trainer cosine(boolean value, double warmupShare) {
    require(warmupShare >= 0 && warmupShare < 1, "the warm-up must be in [0, 1)", warmupShare);
    cosine = value;
    warmup = warmupShare;
    return this;
  }

  /** The optimizer; Adam unless set. */
  public Trainer optimizer(OptimizerKind kind) {
    optimizerKind = Objects.requireNonNull(kind, "kind");
    return this;
  }

  /** Weight decay: added to gradients, or decoupled for AdamW; 0 unless set. */
  public Trainer weightDecay(double value) {
    require(value >= 0 && Double.isFinite(value), "weight decay must be at least 0", value);
    weightDecay = value;
    return this;
  }

  /** The largest norm of all gradients together; no limit unless set. */
  public Trainer maximumNorm(double value) {
    require(value > 0, "the largest norm of the gradients must be above 0", value);
    maximumNorm = value;
    return this;
  }

  /**
   * Decay of an exponential average of the parameters, which is evaluated and becomes the model's
   * parameters at the end; 0, the value unless set, for none. 0.999 averages about 1000 steps.
   */
  public Trainer average(double decay) {
    require(decay >= 0 && decay < 1, "the average's decay must be in [0, 1)", decay);
    averageDecay = decay;
    return this;
  }

  /**
   * Distorts each image of a batch at random, so that the model sees a new one each time; the data
   * must be images. None unless set.
   */
  public Trainer augment(AffineRange range) {
    augmentation = Optional.of(range);
    return this;
  }

  /**
   * Gives the model a function of each batch, such as the codes of a trained encoder, instead of
   * the samples themselves; it is not trained, and comes after {@link #augment}. {@link
   * Model#prepare} gets the samples themselves.
   */
  public Trainer transform(DeviceData.Transformation function) {
    transformation = Optional.of(function);
    return this;
  }

  /** The seed of batches and noise; 1 unless set. */
  public Trainer seed(long value) {
    seed = value;
    return this;
  }

  /** Who is told how it goes. */
  public Trainer progress(TrainingProgress listener) {
    progress = Objects.requireNonNull(listener, "listener");
    return this;
  }

  /** Asked after every step; true ends the training, after a checkpoint if there is a path. */
  public Trainer stopWhen(BooleanSupplier condition) {
    stop = Objects.requireNonNull(condition, "condition");
    return this;
  }

  /** Where to write a checkpoint when the training is stopped. */
  public Trainer checkpoint(Path path) {
    checkpoint = Optional.of(path);
    return this;
  }

  /**
   * Where to write a checkpoint when the training is stopped, and in between, so that a crash costs
   * no more than the time since the last one; each replaces the one before, complete or not at all.
   * The last stays there when the training ends, for the caller to delete once its model is saved.
   *
   * @param every time from one checkpoint to the next, above 0; written after the first step that
   *     ends later than that. Reports do not depend on it.
   */
  public Trainer checkpoint(Path path, Duration every) {
    if (!every.isPositive()) {
      throw new IllegalArgumentException(
          "training: the time between checkpoints must be above 0, got " + every);
    }
    checkpointNanos = TimeUnit.NANOSECONDS.convert(every);
    return checkpoint(path);
  }

  /**
   * A checkpoint of a training with the same data and settings, to go on from. Of a {@link
   * #transform} only whether there is one is known; it has to be the same.
   */
  public Trainer resume(Path path) {
    resume = Optional.of(path);
    return this;
  }

  /**
   * What to measure, with the parameters' average in place if there is one, after every {@code
   * everyEpochs} epochs and at the end.
   */
  public Trainer evaluation(int everyEpochs, Supplier<Map<String, Double>> measure) {
    require(everyEpochs > 0, "epochs between evaluations must be at least 1", everyEpochs);
    evaluateEvery = everyEpochs;
    evaluation = Objects.requireNonNull(measure, "measure");
    return this;
  }

  private static void require(boolean holds, String what, Number given) {
    if (!holds) {
      throw new IllegalArgumentException("training: " + what + ", got " + given);
    }
  }

  /**
   * Trains. The model has the trained parameters afterwards.
   *
   * @throws DivergedException when the loss is no finite number; noticed at the next report
   */
  public TrainingResult run() {
    if (data != null) {
      return run(data);
    }
    if (images == null) {
      throw new IllegalStateException("training: there is no data: call data(...) first");
    }
    try (DeviceData copied = DeviceData.of(model.device(), images)) {
      return run(copied);
    }
  }

  private TrainingResult run(TrainingData samples) {
    Device device = model.device();
    int batch = askedBatch > 0 ? askedBatch : Math.min(USUAL_BATCH, samples.count());
    long totalSteps =
        steps > 0 ? steps : Math.max(1, (long) Math.ceil(epochs * samples.count() / batch));
    try (TrainingState state = new TrainingState(device, seed);
        Optimizer optimizer = optimizer(state, totalSteps);
        Scope scope = device.scope()) {
      ParameterAverage average =
          averageDecay > 0 ? new ParameterAverage(model.parameters(), state, averageDecay) : null;
      try {
        Run run = new Run(samples, batch, state, optimizer, average, scope, totalSteps);
        return run.train();
      } finally {
        if (average != null) {
          average.close();
        }
      }
    }
  }

  private Optimizer optimizer(TrainingState state, long totalSteps) {
    LearningRate schedule =
        cosine
            ? LearningRate.warmupCosine(
                learningRate, Math.round(warmup * totalSteps), totalSteps, 0)
            : LearningRate.constant(learningRate);
    return switch (optimizerKind) {
      case ADAM ->
          Adam.builder(schedule)
              .gradientDecay(weightDecay)
              .maximumNorm(maximumNorm)
              .build(model.parameters(), state);
      case ADAMW ->
          Adam.builder(schedule)
              .weightDecay(weightDecay)
              .maximumNorm(maximumNorm)
              .build(model.parameters(), state);
      case SGD ->
          Sgd.builder(schedule)
              .momentum(0.9)
              .nesterov(true)
              .weightDecay(weightDecay)
              .maximumNorm(maximumNorm)
              .build(model.parameters(), state);
    };
  }

  /** One training from its start, or a checkpoint, to its end. */
  private final class Run {
    private final TrainingData samples;
    private final int batch;
    private final TrainingState state;
    private final Optimizer optimizer;
    private final ParameterAverage average;
    private final Tensor lossSum;
    private final long totalSteps;
    private final List<TrainingProgress.Report> reports = new ArrayList<>();

    private long step;
    private long firstStep;
    private long reportedStep;
    private long nanos;
    private long reportedNanos;
    // Once for all checkpoints: all samples have to be read for it.
    private String settings;

    Run(
        TrainingData samples,
        int batch,
        TrainingState state,
        Optimizer optimizer,
        ParameterAverage average,
        Scope scope,
        long totalSteps) {
      this.samples = samples;
      this.batch = batch;
      this.state = state;
      this.optimizer = optimizer;
      this.average = average;
      this.totalSteps = totalSteps;
      this.lossSum = Tensor.filled(model.device(), scope, "sum of losses", Shape.of(1), 0);
    }

    TrainingResult train() {
      if (resume.isPresent()) {
        load(resume.get());
        model.resumed();
      } else {
        model.prepare(samples);
        if (average != null) {
          average.restart();
        }
      }
      step = state.step();
      firstStep = step;
      reportedStep = step;
      if (step >= totalSteps) {
        throw new IllegalArgumentException(
            "training: the checkpoint is at step %d and there are %d steps in all: ask for more"
                .formatted(step, totalSteps));
      }
      progress.started(step, totalSteps, batch);
      boolean stopped = replay();
      if (stopped) {
        checkpoint.ifPresent(this::save);
      } else if (average != null) {
        model.parameters().values().copyFrom(average.values());
      }
      progress.ended(stopped);
      double seconds = nanos * 1e-9;
      return new TrainingResult(
          step, stopped, seconds, (step - firstStep) * (double) batch / seconds, reports);
    }

    /** Returns whether it was stopped. */
    private boolean replay() {
      long start = System.nanoTime();
      // What was left of them would be added to in every step.
      model.parameters().forgetGradients();
      try (Program program = model.device().capture(this::step)) {
        long every = Math.max(1, totalSteps / REPORTS);
        long ticked = start;
        long saved = start;
        while (true) {
          step++;
          long now = System.nanoTime();
          if (now - ticked > TICK_NANOS) {
            // A GPU has not done yet what was launched.
            model.device().synchronize();
            ticked = now;
            progress.stepped(step, totalSteps);
          }
          boolean last = step == totalSteps;
          boolean evaluate = last || epoch(step) / evaluateEvery > epoch(step - 1) / evaluateEvery;
          boolean stopping = !last && stop.getAsBoolean();
          boolean due = !last && !stopping && now - saved >= checkpointNanos;
          boolean reporting = evaluate || step % every == 0 || stopping;
          if (reporting || due) {
            model.device().synchronize();
            nanos += System.nanoTime() - start;
            if (reporting) {
              report(evaluate && !stopping);
            }
            if (due) {
              requireFinite(lossSum.item());
              checkpoint.ifPresent(this::save);
              saved = System.nanoTime();
            }
            start = System.nanoTime();
          }
          if (last || stopping) {
            return stopping;
          }
          program.run();
        }
      }
    }

    private void step() {
      try (Scope scope = model.device().scope()) {
        Tape tape = new Tape(model.device(), scope);
        Tensor loss =
            Objects.requireNonNull(
                model.loss(tape, nextBatch(tape), state),
                "training: Model.loss returned null: expected a scalar on the tape");
        tape.backward(loss);
        lossSum.accumulate(loss);
        optimizer.step();
        if (average != null) {
          average.update();
        }
        state.advance();
      }
    }

    private Batch nextBatch(Tape tape) {
      Batch next = samples.batch(tape, batch, state);
      Tensor inputs = next.inputs();
      if (augmentation.isPresent()) {
        inputs = distorted(tape, inputs);
      }
      if (transformation.isPresent()) {
        Tape untrained = Tape.inference(tape.device(), tape.scope());
        inputs = transformation.get().apply(untrained, inputs);
      }
      return new Batch(inputs, next.labels(), next.weights());
    }

    private Tensor distorted(Tape tape, Tensor inputs) {
      TrainingData.ImageShape shape =
          samples
              .imageShape()
              .orElseThrow(() ->
                  new IllegalStateException(
                      "training: augmentation needs images, the data are codes"));
      return tape.affineWarp(
          inputs,
          shape.height(),
          shape.width(),
          shape.channels(),
          augmentation.get(),
          state.stream("augmentation"));
    }

    /** Whole passes over the data after so many steps. */
    private long epoch(long stepsDone) {
      return stepsDone * batch / samples.count();
    }

    private void report(boolean evaluate) {
      long stepsDone = step - reportedStep;
      double loss = lossSum.item() / (double) stepsDone;
      Map<String, Double> measured = Map.of();
      if (evaluate) {
        if (average == null) {
          measured = evaluation.get();
        } else {
          SequencedMap<String, Double> result = new LinkedHashMap<>();
          average.with(() -> result.putAll(evaluation.get()));
          measured = result;
        }
      }
      double seconds = (nanos - reportedNanos) * 1e-9;
      TrainingProgress.Report report =
          new TrainingProgress.Report(
              step,
              totalSteps,
              (double) step * batch / samples.count(),
              loss,
              state.read().learningRate(),
              stepsDone * (double) batch / seconds,
              nanos * 1e-9,
              measured);
      lossSum.fill(0);
      reportedStep = step;
      reportedNanos = nanos;
      reports.add(report);
      progress.reported(report);
      requireFinite(loss);
    }

    private void requireFinite(double loss) {
      if (!Double.isFinite(loss)) {
        progress.ended(true);
        throw new DivergedException(loss, step);
      }
    }

    private Checkpoint file() {
      Checkpoint file = Checkpoint.of(model.parameters()).training(optimizer);
      return average == null ? file : file.average(average);
    }

    private void save(Path path) {
      SequencedMap<String, String> metadata = model.metadata();
      metadata.put(Model.TRAINING, settings());
      file().save(path, metadata);
    }

    /** Loads a checkpoint, once it is known to be of this model and this training. */
    private void load(Path path) {
      Map<String, String> found;
      try (ModelFile file = ModelFile.open(path)) {
        found = file.metadata();
      }
      model
          .metadata()
          .forEach((key, value) -> {
            if (!value.equals(found.get(key))) {
              throw new ModelFileException(
                  "%s: is of a model with %s '%s', this one has '%s': resume with the same model"
                      .formatted(path, key, found.get(key), value));
            }
          });
      String theirs = found.getOrDefault(Model.TRAINING, "none");
      if (!settings().equals(theirs)) {
        throw new ModelFileException(
            "%s: was trained with '%s', this training has '%s': resume with the same data and settings"
                .formatted(path, without(theirs, settings()), without(settings(), theirs)));
      }
      file().load(path);
    }

    /** The settings that others do not have alike. */
    private static String without(String settings, String others) {
      List<String> different = new ArrayList<>(List.of(settings.split(SEPARATOR)));
      different.removeAll(List.of(others.split(SEPARATOR)));
      return String.join(SEPARATOR, different);
    }

    private String settings() {
      if (settings == null) {
        settings = described();
      }
      return settings;
    }

    private String described() {
      return "optimizer %s, learning rate %s, %s, weight decay %s, norm %s, average %s, augmentation %s, transform %s, batch %d, samples %d%s%s of checksum %s, steps %d"
          .formatted(
              optimizerKind,
              learningRate,
              cosine ? "cosine " + warmup : "constant",
              weightDecay,
              maximumNorm,
              averageDecay,
              augmentation.map(AffineRange::toString).orElse("none"),
              transformation.isPresent() ? "set" : "none",
              batch,
              samples.count(),
              samples.imageShape().map(shape -> " of " + shape).orElse(""),
              samples.settings().isEmpty() ? "" : " (" + samples.settings() + ")",
              samples.checksum(),
              totalSteps);
    }
  }
}
