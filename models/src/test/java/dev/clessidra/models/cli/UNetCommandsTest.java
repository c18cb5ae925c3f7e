package dev.clessidra.models.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.data.ImageFolder;
import dev.clessidra.models.data.PngWriter;
import dev.clessidra.models.segmentation.Overlay;
import dev.clessidra.models.segmentation.SegmentationData;
import dev.clessidra.models.segmentation.SyntheticCells;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UNetCommandsTest {
  @TempDir private static Path folder;
  private static Path cells;
  private static Path run;

  @BeforeAll
  static void train() {
    cells = folder.resolve("cells");
    write(cells, new SyntheticCells(32, 40, 1, 0.05).draw(10, 1));
    run = folder.resolve("run");
    Invocation trained = run(training("--out " + run));
    assertThat(trained.err()).isEmpty();
    assertThat(trained.code()).isZero();
  }

  private static void write(Path to, SegmentationData data) {
    ImageData masks = Overlay.gray(data.masks());
    for (int i = 0; i < data.count(); i++) {
      PngWriter.write(to.resolve("images/%02d.png".formatted(i)), data.images(), i);
      PngWriter.write(to.resolve("masks/%02d.png".formatted(i)), masks, i);
    }
  }

  private static String training(String more) {
    return "train unet --data %s,test=8-9 --depth 2 --width 4 --batch 4 --border-weight 5 --elastic 2 --view 32 %s"
        .formatted(cells, more.contains("--steps") ? more : "--epochs 20 " + more);
  }

  private static Invocation run(String arguments) {
    return Invocation.of(folder.resolve("runs"), arguments.split(" "));
  }

  private static JsonObject json(String text) {
    return JsonParser.parseString(text).getAsJsonObject();
  }

  @Test
  void evaluatingARunGivesTheNumbersOfItsTraining() throws IOException {
    JsonObject evaluated = json(run("evaluate " + run + " --json").out());
    JsonObject result = json(Files.readString(run.resolve("result.json")));
    assertThat(evaluated.get("classes")).isEqualTo(result.get("classes"));
    assertThat(evaluated.get("test_pixel_error")).isEqualTo(result.get("test_pixel_error"));
    assertThat(evaluated.get("data").getAsString()).contains("images 8-9 as test part");
    assertThat(evaluated.get("test_images").getAsInt()).isEqualTo(2);
    assertThat(evaluated.getAsJsonObject("mean_of_classes").get("mean_iou").getAsDouble())
        .isEqualTo(
            evaluated.getAsJsonArray("classes").asList().stream()
                .mapToDouble(one -> one.getAsJsonObject().get("mean_iou").getAsDouble())
                .average()
                .orElseThrow());
    double iou =
        result.getAsJsonArray("classes").get(1).getAsJsonObject().get("mean_iou").getAsDouble();
    assertThat(iou).isBetween(0.5, 1.0);
    assertThat(run("evaluate " + run).out())
        .contains("images 8-9 as test part, 8 to train on")
        .contains("of the pixels of 2 test images")
        .contains("Mean of the classes")
        .contains("Rand score");
    Invocation refused = run("evaluate " + run + " --pca");
    assertThat(refused.err()).contains("is a unet, --pca and --probe are for dense autoencoders");
  }

  @Test
  void theFolderThatAColourNetworkWasTrainedOnIsEvaluatedInColour() {
    Path out = folder.resolve("in-colour");
    Invocation trained =
        run(
            "train unet --depth 1 --width 2 --steps 1 --no-report --out %s --data %s,colour"
                .formatted(out, cells));
    assertThat(trained.err()).isEmpty();

    Invocation evaluated = run("evaluate %s --data %s".formatted(out, cells));

    assertThat(evaluated.err()).isEmpty();
    assertThat(evaluated.out()).isEqualTo(run("evaluate " + out).out());
    assertThat(evaluated.out()).contains("of the pixels of 1 test image, mirrored");
    assertRefused(
        "evaluate %s --data %s,colour".formatted(run, cells),
        "the images have 3 channels, the model takes 1: give data like what");
    assertRefused(
        "evaluate %s --data %s,values=0/255/7".formatted(run, cells),
        "the masks have 3 gray values, the model 2 classes",
        "--data FOLDER,values=");
    assertRefused(
        "evaluate %s --data sample".formatted(run),
        "sample is not a folder here: expected cells, or a folder with pictures in images/");
    assertThat(run("evaluate --help").out()).contains("cells[:SEED]", ",values=V/V");
  }

  @Test
  void weightsThatNothingUsesAreRefused() {
    assertThat(run(training("--loss dice")).err())
        .contains("--border-weight does nothing with --loss dice");
    assertThat(run(training("--class-weights 0,0")).err())
        .contains("one class weight must be above 0, got [0.0, 0.0]");
  }

  @Test
  void unpaddedConvolutionsSeeTheMirroredImage() {
    Path out = folder.resolve("unpadded");
    Invocation trained = run(training("--padding valid --steps 4 --no-report --out " + out));
    assertThat(trained.err()).isEmpty();
    assertThat(trained.code()).isZero();
    assertThat(run("evaluate " + out).out()).contains("of the pixels of 2 test images");
  }

  @Test
  void theReportShowsImagesTruthPredictionAndErrors() throws IOException {
    String report = Files.readString(run.resolve("report.html"));
    assertThat(report)
        .contains("<h1>U-Net (run)</h1>")
        .contains("Truth: a row of 2 images")
        .contains("Prediction: a row of 2 images")
        .contains("Errors: a row of 2 images")
        .contains("Loss of the U-Net")
        .contains("IoU and Dice of class 1")
        .contains("Rand score")
        .contains("Mean IoU")
        .contains("--border-weight");
    assertThat(run.resolve("metrics.csv"))
        .content()
        .contains("test_iou_class_1,test_dice_class_1,test_mean_iou,test_pixel_error");
  }

  @Test
  void aPictureLargerThanThoseOfTheTrainingIsSegmented() {
    SegmentationData large = new SyntheticCells(90, 150, 1, 0.05).draw(1, 5);
    Path picture = folder.resolve("large.png");
    PngWriter.write(picture, large.images(), 0);
    Path out = folder.resolve("masks");
    Invocation segmented =
        run("segment %s %s --out %s --tile 64 --overlap 16".formatted(run, picture, out));
    assertThat(segmented.err()).isEmpty();
    assertThat(segmented.out())
        .startsWith(out.resolve("large-mask.png") + ": 90x150 (height x width), class 1 ");
    ImageData mask = ImageFolder.read(List.of(out.resolve("large-mask.png")), 1);
    double right = 0;
    for (int i = 0; i < 90 * 150; i++) {
      int value = mask.pixel(0, i / 150, i % 150, 0);
      assertThat(value).isIn(0, 255);
      right += value / 255 == large.masks().classOf(0, i / 150, i % 150) ? 1 : 0;
    }
    assertThat(right / (90 * 150)).isGreaterThan(0.8);
    ImageData overlay = ImageFolder.read(List.of(out.resolve("large-overlay.png")), 3);
    int blue = 0;
    for (int i = 0; i < 90 * 150; i++) {
      int row = i / 150;
      int column = i % 150;
      boolean tinted = overlay.pixel(0, row, column, 2) != overlay.pixel(0, row, column, 0);
      assertThat(tinted && mask.pixel(0, row, column, 0) == 0).isFalse();
      blue += tinted ? 1 : 0;
    }
    assertThat(blue).isPositive();
  }

  @Test
  void aFolderOfPicturesIsSegmented() {
    Path out = folder.resolve("all");
    Invocation segmented =
        run("segment %s %s --out %s --no-flips".formatted(run, cells.resolve("images"), out));
    assertThat(segmented.code()).isZero();
    assertThat(ImageFolder.pictures(out)).hasSize(20);
  }

  @Test
  void tilesThatCannotBeAreAMistakeOfUse() {
    Path picture = cells.resolve("images/00.png");
    Path out = folder.resolve("tiles");
    String segment = "segment %s %s --out %s ".formatted(run, picture, out);
    for (String wrong :
        new String[] {"--tile 0", "--tile 3", "--overlap -1", "--tile 64 --overlap 64"}) {
      Invocation refused = run(segment + wrong);
      assertThat(refused.code()).as(wrong).isEqualTo(ExitCode.USAGE);
      assertThat(refused.err())
          .startsWith("clessidra: segment: tiles of ")
          .hasLineCount(1)
          .doesNotContain("Exception");
    }
    assertThat(out).doesNotExist();
    for (int tile : new int[] {4, 7, 16, 64}) {
      assertThat(run(segment + "--no-flips --tile " + tile).err()).isEmpty();
    }
  }

  @Test
  void theOthersOfAFolderWithBadPicturesAreSegmented() throws IOException {
    Path pictures = folder.resolve("mixed");
    PngWriter.write(pictures.resolve("b.png"), ImageData.of(3, 9, 1, new byte[27]), 0);
    PngWriter.write(pictures.resolve("c.png"), ImageData.of(8, 8, 1, new byte[64]), 0);
    Files.writeString(pictures.resolve("a.png"), "no picture");
    Path out = folder.resolve("mixed-masks");
    Invocation segmented = run("segment %s %s --out %s".formatted(run, pictures, out));
    assertThat(segmented.code()).isEqualTo(ExitCode.FAILURE);
    assertThat(segmented.out()).startsWith(out.resolve("c-mask.png") + ": 8x8").hasLineCount(1);
    assertThat(segmented.err())
        .hasLineCount(3)
        .contains("a.png is not a picture", "b.png: segment: an image of 3x9")
        .endsWith("1 of 3 pictures were segmented, 2 could not be: see the lines above\n");
  }

  @Test
  void noResultReplacesAnotherOrBecomesAPicture() throws IOException {
    Path pictures = folder.resolve("alike");
    PngWriter.write(pictures.resolve("a.png"), ImageData.of(8, 8, 1, new byte[64]), 0);
    Path out = folder.resolve("alike-masks");
    String itself = "segment %s %s --out %s/../alike".formatted(run, pictures, pictures);
    assertRefused(itself, "is the folder of the pictures");
    Files.copy(pictures.resolve("a.png"), pictures.resolve("a.jpg"));
    assertRefused(
        "segment %s %s --out %s".formatted(run, pictures, out),
        "%s and %s would both give a-mask.png"
            .formatted(pictures.resolve("a.jpg"), pictures.resolve("a.png")));
    assertThat(ImageFolder.pictures(pictures)).hasSize(2);
    assertThat(out).doesNotExist();
  }

  @Test
  void aStoppedTrainingResumesToTheSameBytes() {
    Path stopped = folder.resolve("stopped");
    assertThat(run(training("--no-report --stop-after-steps 7 --out " + stopped)).code())
        .isEqualTo(ExitCode.INTERRUPTED);
    assertThat(run("train unet --no-report --resume " + stopped).code()).isZero();
    assertThat(stopped.resolve("model.safetensors"))
        .hasSameBinaryContentAs(run.resolve("model.safetensors"));
  }

  private static void assertRefused(String arguments, String... parts) {
    Invocation refused = run(arguments);
    assertThat(refused.code()).isNotZero();
    assertThat(refused.err().lines().filter(line -> line.contains(parts[0]))).hasSize(1);
    assertThat(refused.err()).contains(parts);
  }

  @Test
  void whatIsWrongIsSaidInOneLine() throws IOException {
    Path empty = Files.createDirectories(folder.resolve("empty"));
    assertRefused("train unet --data " + empty, empty + " has no images with masks");
    assertRefused(
        "train unet --data %s --depth 6".formatted(cells),
        "images of 32x40 are smaller than the network's stride of 64");
    assertRefused(
        "train unet --data %s,tests=3".formatted(cells), "'tests=3' is unknown: expected cells");
    assertRefused(
        "train unet --data %s,values=0/77".formatted(cells),
        "expected those of the classes, [0, 77]");
    assertRefused("train unet --loss l2", "expected cross-entropy, dice or cross-entropy-and-dice");
    assertRefused("train unet --augment 9", "--augment must be in [0, 4.0], got 9.0");
    assertRefused("train unet --width 0", "the width must be at least 1, got 0");
    Path out = folder.resolve("nothing");
    assertRefused("segment %s %s --out %s".formatted(run, empty, out), empty + " has no pictures");
    Path tiny = folder.resolve("tiny.png");
    PngWriter.write(tiny, ImageData.of(3, 9, 1, new byte[27]), 0);
    assertRefused(
        "segment %s %s --out %s".formatted(run, tiny, out),
        tiny + ": segment: an image of 3x9 is smaller than the network's stride");
    assertRefused(
        "reconstruct %s --out %s".formatted(run, folder.resolve("grid.png")),
        run + " is a unet, expected an autoencoder");
    Path autoencoder = folder.resolve("autoencoder");
    String digits = Invocation.data(folder);
    assertThat(
            run("train autoencoder --widths 4 --steps 1 --no-report --data %s --out %s"
                    .formatted(digits, autoencoder))
                .code())
        .isZero();
    assertRefused(
        "segment %s %s --out %s".formatted(autoencoder, tiny, out),
        "holds a model of kind autoencoder, expected a model of kind unet");
    Path cut = folder.resolve("cut.safetensors");
    byte[] model = Files.readAllBytes(run.resolve("model.safetensors"));
    Files.write(cut, Arrays.copyOf(model, model.length / 2));
    assertRefused("segment %s %s --out %s".formatted(cut, tiny, out), cut.toString());
    assertThat(out).doesNotExist();
  }

  @Test
  void ofAModelWithoutARunTheSyntheticCellsAreEvaluated() throws IOException {
    Path alone = Files.createDirectories(folder.resolve("alone")).resolve("model.safetensors");
    Files.copy(run.resolve("model.safetensors"), alone);
    JsonObject evaluated = json(run("evaluate " + alone + " --json").out());
    assertThat(evaluated.get("test_pixel_error").getAsDouble()).isCloseTo(0.2, within(0.2));
  }
}
