package dev.clessidra.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.io.ModelFileException;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.DeformationRange;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;
import dev.clessidra.models.segmentation.BorderWeights;
import dev.clessidra.models.segmentation.DeviceSegmentationData;
import dev.clessidra.models.segmentation.Exposure;
import dev.clessidra.models.segmentation.Masks;
import dev.clessidra.models.segmentation.SegmentationData;
import dev.clessidra.models.segmentation.SegmentationMetrics;
import dev.clessidra.models.segmentation.Segmenter;
import dev.clessidra.models.segmentation.SyntheticCells;
import dev.clessidra.models.training.OptimizerKind;
import dev.clessidra.models.training.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class UNetTest {
  private static final SegmentationData CELLS = new SyntheticCells(32, 48, 1, 0.05).draw(6, 2);

  private static final int STEPS = 12;

  private static Device device;

  @BeforeAll
  static void open() {
    device = Device.open("cpu");
  }

  @AfterAll
  static void close() {
    device.close();
  }

  private static Shape result(UNet model, int height, int width) {
    try (Scope scope = model.device().scope()) {
      Shape shape = Shape.of(2, height, width, model.channels());
      Tensor x = Tensor.filled(model.device(), scope, "x", shape, 0.5f);
      return model.probabilities(Tape.inference(model.device(), scope), x).shape();
    }
  }

  @Test
  void paddedConvolutionsKeepTheSize() {
    for (int depth = 1; depth <= 4; depth++) {
      for (UNet.Upsampling upsampling : UNet.Upsampling.values()) {
        try (UNet model =
            UNet.builder(depth, 3).depth(depth).width(2).upsampling(upsampling).build(device)) {
          int stride = 1 << depth;
          assertThat(model.stride()).isEqualTo(stride);
          assertThat(model.margin()).isZero();
          assertThat(result(model, stride, 3 * stride))
              .isEqualTo(Shape.of(2, stride, 3 * stride, 3));
          assertThatThrownBy(() -> result(model, stride + 1, stride))
              .hasMessage(
                  "unet: a size of %d pixels does not fit: expected a multiple of %d; the next that fits is %d"
                      .formatted(stride + 1, stride, 2 * stride));
        }
      }
    }
  }

  @Test
  void unpaddedConvolutionsGiveTheSizesOfThePaper() {
    UNet.Builder paper = UNet.builder(1, 2).depth(4).width(1).padding(UNet.Padding.VALID);
    try (UNet model = paper.build(device)) {
      assertThat(model.outputSize(572)).isEqualTo(388);
      assertThat(model.inputSize(388)).isEqualTo(572);
      assertThat(model.inputSize(387)).isEqualTo(572);
      assertThat(model.inputSize(389)).isEqualTo(588);
      assertThat(model.margin()).isEqualTo(92);
      assertThatThrownBy(() -> model.outputSize(571)).hasMessageContaining("next that fits is 572");
    }
  }

  @Test
  void unpaddedConvolutionsGiveTheSizeThatIsForetold() {
    for (int depth = 1; depth <= 3; depth++) {
      for (UNet.Upsampling upsampling : UNet.Upsampling.values()) {
        try (UNet model =
            UNet.builder(2, 2)
                .depth(depth)
                .width(2)
                .padding(UNet.Padding.VALID)
                .upsampling(upsampling)
                .normalization(UNet.Normalization.NONE)
                .build(device)) {
          int height = model.inputSize(1);
          int width = model.inputSize(model.outputSize(height) + 1);
          assertThat(result(model, height, width))
              .isEqualTo(Shape.of(2, model.outputSize(height), model.outputSize(width), 2));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aNetworkLearnsAnImageByHeart(UNet.Normalization normalization) {
    SegmentationData one = CELLS.subset(new int[] {0});
    for (UNet.Loss loss : UNet.Loss.values()) {
      try (UNet model =
              UNet.builder(1, 2)
                  .depth(2)
                  .width(8)
                  .normalization(normalization)
                  .loss(loss)
                  .build(device);
          DeviceSegmentationData data = DeviceSegmentationData.builder(one).build(model)) {
        Trainer.of(model).data(data).steps(80).batch(1).learningRate(1e-2).run();
        Masks predicted = Segmenter.of(model).segment(one.images());
        SegmentationMetrics metrics = SegmentationMetrics.of(one.masks(), predicted);
        assertThat(metrics.classes().get(1).meanIou())
            .describedAs("%s, %s", normalization, loss)
            .isGreaterThan(0.9);
      }
    }
  }

  private static UNet varied(Device on) {
    return UNet.builder(1, 2)
        .depth(2)
        .width(3)
        .activation(Activation.leakyRelu(0.1f))
        .upsampling(UNet.Upsampling.BILINEAR)
        .loss(UNet.Loss.CROSS_ENTROPY_AND_DICE)
        .classWeights(List.of(1f, 2f))
        .dropout(0.2f)
        .inputExposure(new Exposure(99, 0.5))
        .seed(5)
        .build(on);
  }

  private static Trainer trainer(UNet model, DeviceSegmentationData data) {
    return Trainer.of(model)
        .data(data)
        .steps(STEPS)
        .batch(2)
        .optimizer(OptimizerKind.ADAMW)
        .weightDecay(0.1)
        .average(0.9)
        .seed(3);
  }

  private static DeviceSegmentationData data(UNet model) {
    return DeviceSegmentationData.builder(CELLS)
        .borderWeights(BorderWeights.standard(), List.of())
        .deformation(
            DeformationRange.none().withMirrors(true, true).withRotation(0.05f).withElastic(2))
        .brightness(0.2f, 0.1f, 0.2f)
        .build(model);
  }

  private static void train(Device on, int steps, Path file) {
    try (UNet model = varied(on);
        DeviceSegmentationData data = data(model)) {
      trainer(model, data).steps(steps).run();
      model.save(file);
    }
  }

  @Test
  void theEmulatedGpuTrainsToTheSameBytes(@TempDir Path folder) {
    train(device, 100, folder.resolve("cpu"));
    try (Device emulated = Device.open("emulated")) {
      train(emulated, 100, folder.resolve("emulated"));
    }
    assertThat(folder.resolve("emulated")).hasSameBinaryContentAs(folder.resolve("cpu"));
  }

  @Test
  void aStoppedTrainingResumesToTheSameBytes(@TempDir Path folder) {
    train(device, STEPS, folder.resolve("whole"));
    Path checkpoint = folder.resolve("checkpoint");
    AtomicInteger asked = new AtomicInteger();
    try (UNet part = varied(device);
        UNet rest = varied(device);
        DeviceSegmentationData data = data(part)) {
      trainer(part, data).checkpoint(checkpoint).stopWhen(() -> asked.incrementAndGet() == 5).run();
      trainer(rest, data).resume(checkpoint).run();
      rest.save(folder.resolve("rest"));
    }
    assertThat(folder.resolve("rest")).hasSameBinaryContentAs(folder.resolve("whole"));
  }

  @Test
  void aLoadedModelIsTheSavedOne(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("unet.safetensors");
    train(device, STEPS, file);
    try (UNet loaded = UNet.load(file, device)) {
      Path again = folder.resolve("again.safetensors");
      loaded.save(again);
      assertThat(again).hasSameBinaryContentAs(file);
      try (UNet fresh = varied(device)) {
        assertThat(loaded.configuration()).isEqualTo(fresh.configuration());
        assertThat(Segmenter.of(loaded).probabilities(CELLS.images()))
            .isNotEqualTo(Segmenter.of(fresh).probabilities(CELLS.images()));
      }
    }
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
    assertThatThrownBy(() -> UNet.load(file, device))
        .isInstanceOf(ModelFileException.class)
        .hasMessageContaining(file.toString())
        .message()
        .doesNotContain("\n");
    Path other = folder.resolve("autoencoder.safetensors");
    try (Autoencoder autoencoder = Autoencoder.builder(4).encoder(2).build(device)) {
      autoencoder.save(other);
    }
    assertThatThrownBy(() -> UNet.load(other, device))
        .isInstanceOf(ModelFileException.class)
        .hasMessage(
            other
                + ": holds a model of kind autoencoder, expected a model of kind unet: give the"
                + " file of such a model");
  }

  @Test
  void mistakesAreNamed() {
    UNet.Builder builder = UNet.builder(1, 2);
    assertThatThrownBy(() -> UNet.builder(1, 1))
        .hasMessage("unet: classes must be at least 2, the background included, got 1");
    assertThatThrownBy(() -> builder.depth(0)).hasMessageContaining("[1, 12], got 0");
    assertThatThrownBy(() -> builder.dropout(Float.NaN)).hasMessageContaining("got NaN");
    assertThatThrownBy(() -> builder.classWeights(List.of(1f)))
        .hasMessage("unet: expected one weight for each of the 2 classes, got [1.0]");
    assertThatThrownBy(() -> UNet.Loss.parse("l2"))
        .hasMessage("loss 'l2' is unknown; expected cross-entropy, dice or cross-entropy-and-dice");
    try (UNet colour = UNet.builder(3, 2).build(device);
        UNet deep = UNet.builder(1, 2).depth(6).width(1).build(device)) {
      assertThatThrownBy(() -> DeviceSegmentationData.builder(CELLS).build(colour))
          .hasMessage("images of 1 channels and 2 classes do not fit the model: expected 3 and 2");
      assertThatThrownBy(() -> DeviceSegmentationData.builder(CELLS).build(deep))
          .hasMessage(
              "images of 32x48 are smaller than the network's stride of 64: give larger ones or a"
                  + " network of fewer levels");
    }
  }
}
