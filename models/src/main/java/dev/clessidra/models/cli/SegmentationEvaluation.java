package dev.clessidra.models.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.clessidra.models.UNet;
import dev.clessidra.models.segmentation.Masks;
import dev.clessidra.models.segmentation.SegmentationDataset;
import dev.clessidra.models.segmentation.SegmentationMetrics;
import dev.clessidra.models.segmentation.Segmenter;
import java.util.ArrayList;
import java.util.List;

/**
 * How well a U-Net segments test images.
 *
 * @param dataset the data
 * @param predicted the masks it gives the test images, mirrored, turned and averaged
 * @param metrics of these
 */
record SegmentationEvaluation(
    SegmentationDataset dataset, Masks predicted, SegmentationMetrics metrics) implements Measured {

  /** Segments the test images. */
  static SegmentationEvaluation of(UNet model, SegmentationDataset dataset) {
    requireFit(model, dataset);
    Masks predicted = Segmenter.of(model).flips(true).segment(dataset.test().images());
    return new SegmentationEvaluation(
        dataset, predicted, SegmentationMetrics.of(dataset.test().masks(), predicted));
  }

  private static void requireFit(UNet model, SegmentationDataset dataset) {
    int channels = dataset.test().images().channels();
    int classes = dataset.test().masks().classes();
    if (channels != model.channels()) {
      throw new CommandFailure(
          "the images have %s, the model takes %d: give data like what the model was trained on"
              .formatted(Words.count(channels, "channel"), model.channels()));
    }
    if (classes != model.classes()) {
      throw new CommandFailure(
          "the masks have %d gray values, the model %d classes: give data like what the model was trained on, or name the gray values of all classes as in --data FOLDER,values=0/128/255"
              .formatted(classes, model.classes()));
    }
  }

  @Override
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(
        line(
            "Pixel error",
            Words.percent(metrics.pixelError()),
            "of the pixels of %s, mirrored, turned and averaged"
                .formatted(Words.count(metrics.images(), "test image"))));
    for (int c = 0; c < metrics.classes().size(); c++) {
      lines.add(line("Class %d".formatted(c), metrics.classes().get(c)));
    }
    lines.add(line("Mean of the classes", metrics.mean()));
    lines.add(
        line(
            "Rand score",
            Words.format("%.4f", metrics.rand().score()),
            Words.format(
                "of the pieces of class 1, mean of the images (split %.4f, merge %.4f)",
                metrics.rand().split(), metrics.rand().merge())));
    return lines;
  }

  private static String line(String what, SegmentationMetrics.Overlap overlap) {
    return line(
        what,
        Words.format("IoU %.4f", overlap.meanIou()),
        Words.format(
            "Dice %.4f, means of the images; over all pixels IoU %.4f, Dice %.4f",
            overlap.meanDice(), overlap.pooledIou(), overlap.pooledDice()));
  }

  private static String line(String what, String value, String note) {
    return Words.format("%-19s %10s  %s", what, value, note);
  }

  @Override
  public JsonObject json() {
    JsonObject json = new JsonObject();
    json.addProperty("data", dataset.description());
    json.addProperty("test_images", metrics.images());
    json.addProperty("test_pixel_error", metrics.pixelError());
    JsonArray classes = new JsonArray();
    for (SegmentationMetrics.Overlap overlap : metrics.classes()) {
      classes.add(json(overlap));
    }
    json.add("classes", classes);
    json.add("mean_of_classes", json(metrics.mean()));
    if (!Double.isNaN(metrics.rand().score())) {
      JsonObject rand = new JsonObject();
      rand.addProperty("score", metrics.rand().score());
      rand.addProperty("split", metrics.rand().split());
      rand.addProperty("merge", metrics.rand().merge());
      json.add("rand", rand);
    }
    return json;
  }

  private static JsonObject json(SegmentationMetrics.Overlap overlap) {
    JsonObject json = new JsonObject();
    json.addProperty("mean_iou", overlap.meanIou());
    json.addProperty("mean_dice", overlap.meanDice());
    json.addProperty("pooled_iou", overlap.pooledIou());
    json.addProperty("pooled_dice", overlap.pooledDice());
    return json;
  }
}
