package dev.clessidra.models.cli;

import com.google.gson.JsonObject;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.Autoencoder;
import dev.clessidra.models.Classifier;
import dev.clessidra.models.UNet;
import dev.clessidra.models.Vae;
import dev.clessidra.models.data.DataSplit;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.segmentation.SegmentationDataset;
import dev.clessidra.models.training.DeviceData;
import dev.clessidra.models.training.Trainer;
import dev.clessidra.models.training.TrainingProgress;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code evaluate}. */
@Command(
    name = "evaluate",
    abbreviateSynopsis = true,
    header = "Measure how good a trained model is on test images.",
    description = {
      "Of an autoencoder: the squared error of its reconstructions, summed over the values of an"
          + " image (in [0, 1]) and averaged over the images, and how sparse its codes are. Of a"
          + " classifier: the share of the images that it gets wrong. Of a variational autoencoder:"
          + " the evidence lower bound of log p(x) with its parts, and an estimate of log p(x) if"
          + " asked for. Of a U-Net: the share of the pixels it gets wrong, and how far its classes"
          + " overlap with the true ones. Of a run: all its models."
    },
    footer = {
      "%nExamples:",
      "  clessidra evaluate runs/deep-1 --pca",
      "  clessidra evaluate runs/sparse-1 --probe --data mnist:FOLDER",
      "  clessidra evaluate runs/vae-1 --likelihood-samples 5000",
      "  clessidra evaluate model.safetensors --json"
    })
final class EvaluateCommand implements Callable<Integer> {
  private final Environment environment;

  @Spec private CommandSpec spec;
  @Mixin private ModelSelection model;
  @Mixin private DataSelection data;
  @Mixin private DeviceSelection device;

  @Option(
      names = "--pca",
      order = HelpSections.MODEL,
      description =
          "Compare with principal components of the same code size, fitted to the training images.")
  private boolean components;

  @Option(
      names = "--probe",
      order = HelpSections.MODEL + 1,
      description =
          "Train softmax regression on the codes of the training images and measure its test error;"
              + " needs labels.")
  private boolean probe;

  @Option(
      names = "--likelihood-samples",
      paramLabel = "L",
      order = HelpSections.MODEL + 2,
      description =
          "Estimate log p(x) of a variational autoencoder with so many codes an image: 5000 is"
              + " usual in publications, and takes minutes for 10,000 images.")
  private Integer likelihoodSamples;

  @Option(
      names = "--json",
      order = HelpSections.MODEL + 3,
      description = "Print the numbers as JSON.")
  private boolean json;

  EvaluateCommand(Environment environment) {
    this.environment = environment;
  }

  @Override
  public Integer call() {
    Path file = model.file();
    String kind = model.kind();
    if (!kind.equals(Autoencoder.KIND) && (components || probe)) {
      throw new ParameterException(
          spec.commandLine(),
          "%s is a %s, --pca and --probe are for dense autoencoders: leave them out"
              .formatted(model.path(), kind));
    }
    if (likelihoodSamples != null && !kind.equals(Vae.KIND)) {
      throw new ParameterException(
          spec.commandLine(),
          "--likelihood-samples is for a vae, %s holds a model of kind %s: leave it out"
              .formatted(model.path(), kind));
    }
    if (likelihoodSamples != null && likelihoodSamples < 1) {
      throw new ParameterException(
          spec.commandLine(),
          "--likelihood-samples is %d, expected at least 1".formatted(likelihoodSamples));
    }
    if (kind.equals(UNet.KIND)) {
      try (Device opened = device.open();
          UNet network = UNet.load(file, opened)) {
        SegmentationDataset dataset = model.data(new SegmentationSelection(data.source(), network));
        print(file, dataset, SegmentationEvaluation.of(network, dataset));
      }
      return ExitCode.OK;
    }
    Dataset dataset = model.data(data);
    try {
      if (probe) {
        Stages.requireLabels(dataset, "--probe needs them; leave it out");
      } else if (kind.equals(Classifier.KIND)) {
        Stages.requireLabels(dataset, "the error of a classifier needs them");
      }
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
    try (Device opened = device.open()) {
      print(
          file,
          dataset,
          kind.equals(Vae.KIND)
              ? variational(file, dataset, opened)
              : evaluate(file, kind, dataset, opened));
    }
    return ExitCode.OK;
  }

  private VaeEvaluation variational(Path file, Dataset dataset, Device opened) {
    try (Vae vae = Vae.load(file, opened)) {
      return VaeEvaluation.of(vae, dataset, likelihoodSamples == null ? 0 : likelihoodSamples);
    }
  }

  private Evaluation evaluate(Path file, String kind, Dataset dataset, Device opened) {
    if (kind.equals(Classifier.KIND)) {
      try (Classifier classifier = Classifier.load(file, opened)) {
        return new Evaluation(
            dataset,
            Optional.empty(),
            OptionalDouble.empty(),
            OptionalDouble.empty(),
            Optional.of(Evaluation.of(classifier, dataset.test())));
      }
    }
    Evaluation evaluation;
    if (model.isRun()) {
      evaluation = Evaluation.of(new RunFolder(model.path()), dataset, opened, components);
    } else {
      try (Autoencoder autoencoder = Autoencoder.load(file, opened)) {
        evaluation =
            new Evaluation(
                dataset,
                Optional.of(Evaluation.of(autoencoder, dataset, components)),
                OptionalDouble.empty(),
                OptionalDouble.empty(),
                Optional.empty());
      }
    }
    return probe && evaluation.probe().isEmpty()
        ? evaluation.withProbe(probe(file, dataset, opened))
        : evaluation;
  }

  private double probe(Path file, Dataset dataset, Device opened) {
    TrainingProgress progress =
        json
            ? TrainingProgress.NONE
            : new ProgressPrinter(spec.commandLine().getOut(), environment, Stages.PROBE);
    try (Autoencoder autoencoder = Autoencoder.load(file, opened);
        DeviceData images = DeviceData.of(opened, dataset.train());
        Classifier regression =
            Classifier.builder(autoencoder.codeSize(), images.classes()).build(opened)) {
      Trainer.of(regression)
          .data(images)
          .transform(autoencoder::codes)
          .epochs(Recipes.PROBE_EPOCHS)
          .learningRate(Recipes.PROBE_LEARNING_RATE)
          .progress(progress)
          .run();
      return regression.errorRate(autoencoder.encode(dataset.test()), dataset.test().labels());
    }
  }

  private void print(Path file, DataSplit split, Measured measured) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      JsonObject object = new JsonObject();
      object.addProperty("model", file.toString());
      measured.json().asMap().forEach(object::add);
      out.print(RunConfiguration.text(object));
    } else {
      out.println(model.path());
      out.println(split.description());
      measured.lines().forEach(out::println);
    }
    out.flush();
  }
}
