package dev.clessidra.models.cli;

import dev.clessidra.kernels.Device;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.Classifier;
import dev.clessidra.models.Model;
import dev.clessidra.models.StackedAutoencoder;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.training.DeviceData;
import dev.clessidra.models.training.Trainer;
import dev.clessidra.models.training.TrainingResult;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The stages that a training of whole images is made of; one whose file is there already does
 * nothing. Not thread-safe.
 */
final class Stages implements AutoCloseable {
  static final String AUTOENCODER = "autoencoder";
  static final String PROBE = "softmax regression";
  static final String FINE_TUNING = "fine-tuning";

  /** Option of the augmentation of a probe. */
  static final String PROBE_AUGMENT = "--probe-augment";

  private static final String LAYER = "layer ";
  private static final int EVALUATIONS = 15; // of a training

  private final TrainingRun<Dataset> run;
  private final TrainingOptions options;
  private final AugmentationOption augmentation;
  private DeviceData data;

  Stages(TrainingRun<Dataset> run, TrainingOptions options, AugmentationOption augmentation) {
    this.run = run;
    this.options = options;
    this.augmentation = augmentation;
  }

  TrainingRun<Dataset> run() {
    return run;
  }

  RunFolder folder() {
    return run.folder();
  }

  Dataset dataset() {
    return run.dataset();
  }

  Device device() {
    return run.device();
  }

  /** Takes other images to train on, before the first stage. */
  void trainOn(ImageData images) {
    data = DeviceData.of(device(), images);
  }

  /** The training images on the device, which stay this object's. */
  DeviceData data() {
    if (data == null) {
      data = DeviceData.of(device(), dataset().train());
    }
    return data;
  }

  @Override
  public void close() {
    if (data != null) {
      data.close();
    }
  }

  /** Widths as in {@code 784-256-32}. */
  static String sizes(int inputs, List<Integer> widths) {
    return inputs + "-" + widths.stream().map(String::valueOf).collect(Collectors.joining("-"));
  }

  /** The name of a layer's stage, from 0. */
  static String layer(int layer) {
    return LAYER + (layer + 1);
  }

  /** Whether a stage trains a layer. */
  static boolean isLayer(String stage) {
    return stage.startsWith(LAYER);
  }

  /** Trains an autoencoder as a whole and saves it. */
  void autoencoder(Supplier<Autoencoder> start) {
    train(
        AUTOENCODER,
        folder().model(),
        start,
        model -> Map.of(Metrics.SQUARED_ERROR, model.squaredError(dataset().test())));
  }

  /**
   * Trains a model as a whole on the images, distorted as asked for, and saves it.
   *
   * @param stage its name
   * @param file where it goes
   * @param start the model before
   * @param measure what to measure on the test images, by name
   */
  <M extends Model> void train(
      String stage, Path file, Supplier<M> start, Function<M, Map<String, Double>> measure) {
    if (TrainingRun.isFinished(file)) {
      return;
    }
    try (M model = start.get()) {
      run.train(
          stage,
          stage,
          evaluated(
              augmentation.apply(options.apply(Trainer.of(model).data(data()))),
              options.epochs(dataset().train().count()),
              () -> measure.apply(model)));
      model.save(file);
      run.finished();
    }
  }

  /** Trains the layers of a stack that are not in the run's folder yet. */
  void pretrain(StackedAutoencoder stack, int layers, double epochs) {
    for (int i = 0; i < layers && TrainingRun.isFinished(run.folder().layer(i)); i++) {
      stack.add(Autoencoder.load(run.folder().layer(i), run.device()));
    }
    if (!stack.isTrained()) {
      // What is trained is saved before the next layer starts, so that it can be resumed from.
      List<TrainingResult> results =
          stack.pretrain(
              data(),
              (layer, trainer) -> {
                save(stack, layer);
                return run.connect(
                    layer(layer),
                    "layer %d of %d".formatted(layer + 1, layers),
                    options.apply(trainer, epochs));
              });
      run.check(layer(stack.layers().size()), results.getLast());
      save(stack, layers);
    }
  }

  private void save(StackedAutoencoder stack, int trained) {
    for (int i = 0; i < trained; i++) {
      if (!TrainingRun.isFinished(run.folder().layer(i))) {
        stack.layers().get(i).save(run.folder().layer(i));
        run.finished();
      }
    }
  }

  /**
   * How softmax regression on codes is trained.
   *
   * @param augment how much to distort the images that are encoded, as for {@code --augment}
   */
  record Probing(double epochs, float augment, double learningRate) {}

  /**
   * Trains softmax regression on the codes of a trained encoder, and saves it.
   *
   * @param encoder gives [n, codeSize] for images
   */
  void probe(
      Probing probing,
      int codeSize,
      DeviceData.Transformation encoder,
      Supplier<float[]> testCodes) {
    if (TrainingRun.isFinished(run.folder().probe())) {
      return;
    }
    try (Classifier probe =
        Classifier.builder(codeSize, data().classes()).seed(options.seed()).build(run.device())) {
      float[] test = testCodes.get();
      int[] labels = run.dataset().test().labels();
      Trainer trainer = Trainer.of(probe).data(data()).transform(encoder);
      run.train(
          PROBE,
          PROBE,
          evaluated(
              AugmentationOption.apply(
                  options.apply(trainer, probing.epochs()).learningRate(probing.learningRate()),
                  PROBE_AUGMENT,
                  probing.augment()),
              probing.epochs(),
              () -> Map.of(Metrics.ERROR_RATE, probe.errorRate(test, labels))));
      probe.save(run.folder().probe());
      run.finished();
    }
  }

  /**
   * Checks that all images have labels.
   *
   * @throws IllegalArgumentException if they have none
   */
  static void requireLabels(Dataset dataset, String advice) {
    if (!dataset.train().hasLabels() || !dataset.test().hasLabels()) {
      throw new IllegalArgumentException(
          "the data (%s) has no labels, %s, or give labelled data by --data"
              .formatted(dataset.description(), advice));
    }
  }

  /** Has a trainer measure something some times and at the end. */
  static Trainer evaluated(Trainer trainer, double epochs, Supplier<Map<String, Double>> measure) {
    return trainer.evaluation(
        Math.clamp(Math.round(epochs / EVALUATIONS), 1, Integer.MAX_VALUE), measure);
  }

  /** Up to {@code count} images of all classes in turn, where there are classes. */
  static int[] spread(ImageData images, int count) {
    int number = Math.min(count, images.count());
    if (!images.hasLabels()) {
      return IntStream.range(0, number).toArray();
    }
    int[] seen = new int[images.classCount()];
    int[] labels = images.labels();
    // By how many of its class come before it, then by class.
    int[] rank = new int[labels.length];
    for (int i = 0; i < labels.length; i++) {
      rank[i] = seen[labels[i]]++;
    }
    return IntStream.range(0, labels.length)
        .boxed()
        .sorted(Comparator.<Integer>comparingInt(i -> rank[i]).thenComparingInt(i -> labels[i]))
        .mapToInt(Integer::intValue)
        .limit(number)
        .toArray();
  }
}
