package dev.clessidra.models.segmentation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.kernels.DeformationRange;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;
import dev.clessidra.models.UNet;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.training.Batch;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class DeviceSegmentationDataTest {
  private static Device device;

  @BeforeAll
  static void open() {
    device = Device.open("cpu");
  }

  @AfterAll
  static void close() {
    device.close();
  }

  /** Images that are their own masks, black and white, so that the two can be compared. */
  private static SegmentationData equal() {
    Masks masks = new SyntheticCells(40, 48, 1, 0).draw(3, 2).masks();
    return new SegmentationData(Overlay.gray(masks), masks);
  }

  private static void batch(
      SegmentationData of,
      UNet.Padding padding,
      Consumer<DeviceSegmentationData.Builder> settings,
      Consumer<Batch> check) {
    DeviceSegmentationData.Builder builder = DeviceSegmentationData.builder(of);
    settings.accept(builder);
    try (UNet model = UNet.builder(1, 2).depth(1).width(1).padding(padding).build(device);
        DeviceSegmentationData data = builder.build(model);
        TrainingState state = new TrainingState(device, 3);
        Scope scope = device.scope()) {
      check.accept(data.batch(Tape.inference(device, scope), 3, state));
    }
  }

  @Test
  void withoutViewsABatchIsTheImagesAsTheyAre() {
    batch(
        equal(),
        UNet.Padding.SAME,
        builder -> {},
        batch -> {
          assertThat(batch.inputs().shape()).isEqualTo(Shape.of(3, 40, 48, 1));
          assertThat(batch.weights()).isEmpty();
          int[] labels = batch.labels().orElseThrow().copyToIntArray();
          float[] values = batch.inputs().copyToArray();
          for (int i = 0; i < values.length; i++) {
            assertThat(values[i]).isEqualTo(labels[i]);
          }
        });
  }

  @Test
  void imagesMasksAndWeightsAreDeformedAlike() {
    DeformationRange range =
        DeformationRange.none()
            .withMirrors(true, true)
            .withQuarterTurns(true)
            .withRotation(0.1f)
            .withScale(0.2f)
            .withElastic(2);
    SegmentationData data = equal();
    batch(
        data,
        UNet.Padding.SAME,
        builder ->
            builder
                .views(32)
                .deformation(range)
                .borderWeights(new BorderWeights(0, 5, 1), List.of(1f, 3f)),
        batch -> {
          assertThat(batch.inputs().shape()).isEqualTo(Shape.of(3, 32, 32, 1));
          int[] labels = batch.labels().orElseThrow().copyToIntArray();
          float[] weights = batch.weights().orElseThrow().copyToArray();
          float[] values = batch.inputs().copyToArray();
          int cells = 0;
          for (int i = 0; i < values.length; i++) {
            // The weights are 1 on the ground and 3 in cells, and in between where the image is.
            assertThat((double) weights[i]).isCloseTo(1 + 2 * values[i], within(1e-5));
            if (values[i] == 0 || values[i] == 1) {
              assertThat(labels[i]).isEqualTo((int) values[i]);
            }
            cells += labels[i];
          }
          assertThat(cells).isBetween(1, labels.length - 1);
        });
  }

  @Test
  void ofUnpaddedConvolutionsTheMasksAreTheMiddle() {
    batch(
        equal(),
        UNet.Padding.VALID,
        builder -> builder.views(24),
        batch -> {
          Shape seen = batch.inputs().shape();
          Shape given = batch.labels().orElseThrow().shape();
          int margin = (seen.dim(1) - given.dim(1)) / 2;
          assertThat(margin).isEqualTo(8);
          assertThat(given.dim(1)).isGreaterThanOrEqualTo(24);
          int[] labels = batch.labels().orElseThrow().copyToIntArray();
          float[] values = batch.inputs().copyToArray();
          for (int i = 0; i < labels.length; i++) {
            int column = i % given.dim(2) + margin;
            int row = i / given.dim(2) % given.dim(1) + margin;
            int image = i / (given.dim(1) * given.dim(2));
            assertThat(values[(image * seen.dim(1) + row) * seen.dim(2) + column])
                .isEqualTo(labels[i]);
          }
        });
  }

  @Test
  void theBrightnessOfImagesAloneIsChanged() {
    batch(
        equal(),
        UNet.Padding.SAME,
        builder -> builder.brightness(0.2f, 0.1f, 0),
        batch -> {
          float[] values = batch.inputs().copyToArray();
          int[] labels = batch.labels().orElseThrow().copyToIntArray();
          assertThat(labels).containsOnly(0, 1);
          for (int i = 0; i < values.length; i++) {
            assertThat((double) values[i] - labels[i]).isBetween(-0.2, 0.2).isNotZero();
          }
        });
  }

  @Test
  void theChecksumTellsImagesMasksAndWeights() {
    SegmentationData data = equal();
    byte[] inverted = new byte[3 * 40 * 48];
    for (int i = 0; i < inverted.length; i++) {
      inverted[i] = (byte) (1 - data.masks().bytes(i / (40 * 48))[i % (40 * 48)]);
    }
    Masks others = Masks.of(40, 48, 2, inverted);
    assertThat(
            Stream.of(
                    DeviceSegmentationData.builder(data),
                    DeviceSegmentationData.builder(data)
                        .borderWeights(new BorderWeights(10, 5, 1), List.of()),
                    DeviceSegmentationData.builder(new SegmentationData(data.images(), others)),
                    DeviceSegmentationData.builder(
                        new SegmentationData(Overlay.gray(others), data.masks())))
                .map(DeviceSegmentationDataTest::checksum))
        .doesNotHaveDuplicates();
    assertThat(checksum(DeviceSegmentationData.builder(data)))
        .isEqualTo(checksum(DeviceSegmentationData.builder(equal())));
  }

  private static String checksum(DeviceSegmentationData.Builder builder) {
    try (UNet model = UNet.builder(1, 2).depth(1).width(1).build(device);
        DeviceSegmentationData data = builder.build(model)) {
      return data.checksum();
    }
  }

  @Test
  void theMeanIsThatOfTheImages() {
    SegmentationData data = equal();
    try (UNet model = UNet.builder(1, 2).depth(1).width(1).build(device);
        DeviceSegmentationData copied = DeviceSegmentationData.builder(data).build(model)) {
      ImageData images = data.images();
      double sum = 0;
      for (int i = 0; i < 3; i++) {
        sum += images.pixel(i, 7, 9, 0) / 255.0;
      }
      assertThat((double) copied.mean()[7 * 48 + 9]).isCloseTo(sum / 3, within(1e-6));
      assertThat(copied.settings()).contains("views 40x48");
      assertThatThrownBy(() -> DeviceSegmentationData.builder(data).views(0))
          .hasMessageContaining("got 0");
      assertThatThrownBy(() -> DeviceSegmentationData.builder(data).brightness(Float.NaN, 5, 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "changes of contrast, brightness and gamma must be in [0, 1], got NaN, 5.0 and 0.0");
      assertThatThrownBy(() -> DeviceSegmentationData.builder(data).deformation(null))
          .hasMessage("range");
    }
  }
}
