package dev.clessidra.models.cli;

import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.DeformationRange;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.UNet;
import dev.clessidra.models.segmentation.BorderWeights;
import dev.clessidra.models.segmentation.DeviceSegmentationData;
import dev.clessidra.models.segmentation.Exposure;
import dev.clessidra.models.segmentation.SegmentationData;
import dev.clessidra.models.segmentation.SegmentationDataset;
import dev.clessidra.models.segmentation.SegmentationMetrics;
import dev.clessidra.models.segmentation.Segmenter;
import dev.clessidra.models.training.Trainer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code train unet}. */
@Command(
    name = "unet",
    header = "A U-Net, which gives each pixel of an image its class.",
    footer = {
      "%nExamples:",
      "  clessidra train unet                                  (synthetic cells)",
      "  clessidra train unet --data FOLDER --percentile 99.8 --gamma 0.5 --border-weight 0",
      "  clessidra train unet --data FOLDER,test=18-23 --view 256 --elastic 10 --normalization"
          + " group",
    })
final class TrainUNetCommand extends TrainModelCommand<SegmentationDataset> {
  /** Evaluation: share of the test images' pixels that have another class than the truth's. */
  static final String PIXEL_ERROR = "test_pixel_error";

  /** Evaluation: intersection over union of class 1, the mean of the test images'. */
  static final String IOU = "test_iou_class_1";

  /** Evaluation: Dice's coefficient of class 1, the mean of the test images'. */
  static final String DICE = "test_dice_class_1";

  /** Evaluation: the mean of the classes' intersections over union. */
  static final String MEAN_IOU = "test_mean_iou";

  private static final String STAGE = "U-Net";
  private static final double BORDER_SIGMA = 5;
  private static final int EVALUATIONS = 10; // of a training
  private static final float MOST_AUGMENTED = 4;

  @Mixin private SegmentationSelection data;

  @Option(
      names = "--depth",
      paramLabel = "N",
      order = HelpSections.MODEL,
      description = "How often the size is halved (default: ${DEFAULT-VALUE}).")
  private int depth;

  @Option(
      names = "--width",
      paramLabel = "N",
      order = HelpSections.MODEL + 1,
      description =
          "Channels of the uppermost level, doubled from level to level (default:"
              + " ${DEFAULT-VALUE}).")
  private int width;

  @Option(
      names = "--upsampling",
      paramLabel = "KIND",
      order = HelpSections.MODEL + 2,
      description =
          "transposed (a learned 2x2 convolution), nearest or bilinear (default:"
              + " ${DEFAULT-VALUE}).")
  private UNet.Upsampling upsampling;

  @Option(
      names = "--padding",
      paramLabel = "KIND",
      order = HelpSections.MODEL + 20,
      description =
          "same, or valid as in the paper: convolutions see no zeros beyond the edges but the"
              + " mirrored image (default: ${DEFAULT-VALUE}).")
  private UNet.Padding padding;

  @Option(
      names = "--normalization",
      paramLabel = "KIND",
      order = HelpSections.MODEL + 3,
      description = "none, batch or group (default: ${DEFAULT-VALUE}).")
  private UNet.Normalization normalization;

  @Option(
      names = "--activation",
      paramLabel = "NAME",
      order = HelpSections.MODEL + 4,
      description =
          "identity, relu, leaky-relu[:SLOPE], sigmoid, tanh or softplus (default:"
              + " ${DEFAULT-VALUE}).")
  private Activation activation;

  @Option(
      names = "--dropout",
      paramLabel = "P",
      order = HelpSections.MODEL + 5,
      description = "Of the values at the bottom (default: ${DEFAULT-VALUE}).")
  private float dropout;

  @Option(
      names = "--loss",
      paramLabel = "KIND",
      order = HelpSections.MODEL + 6,
      description = "cross-entropy, dice or cross-entropy-and-dice (default: ${DEFAULT-VALUE}).")
  private UNet.Loss loss;

  @Option(
      names = "--class-weights",
      paramLabel = "X",
      split = ",",
      order = HelpSections.MODEL + 7,
      description = "Of the classes in the cross-entropy, such as 1,5; alike unless set.")
  private List<Float> classWeights;

  @Option(
      names = "--border-weight",
      paramLabel = "X",
      order = HelpSections.MODEL + 8,
      description =
          "The most that a pixel between two touching cells weighs more than others in the"
              + " cross-entropy (the paper has 10); 0 not at all (default: ${DEFAULT-VALUE}).")
  private double borderWeight;

  @Option(
      names = "--percentile",
      paramLabel = "P",
      order = HelpSections.DATA + 1,
      description =
          "Divide each image by this percentile of its values, as for images of different"
              + " brightness; 0 not at all (default: ${DEFAULT-VALUE}).")
  private double percentile;

  @Option(
      names = "--gamma",
      paramLabel = "X",
      order = HelpSections.DATA + 2,
      description =
          "Then raise the values, from 0 to 1, to this power: below 1 brings out what is dim"
              + " (default: ${DEFAULT-VALUE}).")
  private double gamma;

  @Option(
      names = "--view",
      paramLabel = "N",
      order = HelpSections.TRAINING + 9,
      description =
          "Train on random parts of N x N pixels instead of whole images; 0 for whole ones"
              + " (default: ${DEFAULT-VALUE}).")
  private int view;

  @Option(
      names = "--augment",
      paramLabel = "X",
      order = HelpSections.TRAINING + 9,
      description =
          "Show each image another way each time: 1 mirrors, turns by up to 15 degrees and by"
              + " quarters (where square), scales by 10 %% and changes contrast by 20 %%,"
              + " brightness by 10 %% and gamma by 20 %%; 0 not at all (default:"
              + " ${DEFAULT-VALUE}).")
  private float augment;

  @Option(
      names = "--elastic",
      paramLabel = "PIXELS",
      order = HelpSections.TRAINING + 9,
      description =
          "Deform images elastically: the standard deviation of the displacements of a grid of 3 x"
              + " 3 points (the paper has 10; default: ${DEFAULT-VALUE}).")
  private float elastic;

  TrainUNetCommand(Environment environment) {
    super(environment);
  }

  @Override
  String model() {
    return UNet.KIND;
  }

  @Override
  TrainUNetCommand again() {
    return new TrainUNetCommand(environment());
  }

  @Override
  SegmentationSelection data() {
    return data;
  }

  @Override
  List<String> measures() {
    return List.of(IOU, DICE, MEAN_IOU, PIXEL_ERROR);
  }

  @Override
  String describe(SegmentationDataset dataset) {
    return "U-Net, %s, %s and up, %s, %d classes"
        .formatted(
            Words.count(depth, "level"),
            Words.count(width, "channel"),
            dataset.train().images(),
            dataset.train().masks().classes());
  }

  @Override
  void check(SegmentationDataset dataset, Device on) {
    requireUsed(
        loss != UNet.Loss.DICE,
        "with --loss dice, which weighs no pixels: leave one of them out",
        "--class-weights",
        "--border-weight");
    UNet model = build(dataset, on);
    check(model);
    deviceData(dataset.train()).check(model);
  }

  private UNet build(SegmentationDataset dataset, Device on) {
    return UNet.builder(dataset.train().images().channels(), dataset.train().masks().classes())
        .depth(depth)
        .width(width)
        .padding(padding)
        .upsampling(upsampling)
        .normalization(normalization)
        .activation(activation)
        .dropout(dropout)
        .loss(loss)
        .classWeights(classWeights == null ? List.of() : classWeights)
        .inputExposure(new Exposure(percentile, gamma))
        .seed(training().seed())
        .build(on);
  }

  private DeviceSegmentationData.Builder deviceData(SegmentationData images) {
    if (!(augment >= 0 && augment <= MOST_AUGMENTED)) {
      throw new IllegalArgumentException(
          "--augment must be in [0, %s], got %s".formatted(MOST_AUGMENTED, augment));
    }
    boolean square = view > 0 || images.images().height() == images.images().width();
    DeviceSegmentationData.Builder builder =
        DeviceSegmentationData.builder(images)
            .deformation(
                DeformationRange.none()
                    .withMirrors(augment > 0, augment > 0)
                    .withQuarterTurns(augment > 0 && square)
                    .withRotation(0.04f * augment)
                    .withScale(0.1f * augment)
                    .withElastic(elastic))
            .brightness(0.2f * augment, 0.1f * augment, 0.2f * augment);
    if (view != 0) {
      builder.views(view);
    }
    if (borderWeight != 0) {
      builder.borderWeights(new BorderWeights(borderWeight, BORDER_SIGMA, 1), List.of());
    }
    return builder;
  }

  @Override
  void train(TrainingRun<SegmentationDataset> run) {
    if (TrainingRun.isFinished(run.folder().model())) {
      return;
    }
    SegmentationDataset dataset = run.dataset();
    try (UNet model = build(dataset, run.device());
        DeviceSegmentationData images = deviceData(dataset.train()).build(model)) {
      Trainer trainer = training().apply(Trainer.of(model).data(images));
      double epochs = training().epochs(images.count());
      run.train(
          STAGE,
          STAGE,
          trainer.evaluation(
              Math.clamp(Math.round(epochs / EVALUATIONS), 1, Integer.MAX_VALUE),
              () -> measured(model, dataset.test())));
      model.save(run.folder().model());
      run.finished();
    }
  }

  private static SequencedMap<String, Double> measured(UNet model, SegmentationData test) {
    SegmentationMetrics metrics =
        SegmentationMetrics.of(test.masks(), Segmenter.of(model).segment(test.images()));
    SegmentationMetrics.Overlap overlap = metrics.classes().get(1);
    SequencedMap<String, Double> measured = new LinkedHashMap<>();
    measured.put(IOU, overlap.meanIou());
    measured.put(DICE, overlap.meanDice());
    measured.put(MEAN_IOU, metrics.mean().meanIou());
    measured.put(PIXEL_ERROR, metrics.pixelError());
    return measured;
  }

  @Override
  SegmentationOutcome outcome(TrainingRun<SegmentationDataset> run, boolean compare) {
    try (UNet model = UNet.load(run.folder().model(), run.device())) {
      return new SegmentationOutcome(run, SegmentationEvaluation.of(model, run.dataset()));
    }
  }
}
