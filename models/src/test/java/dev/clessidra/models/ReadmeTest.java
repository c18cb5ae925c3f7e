package dev.clessidra.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.engine.initializers.Initializer;
import dev.clessidra.engine.optimizers.Adam;
import dev.clessidra.engine.optimizers.LearningRate;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Program;
import dev.clessidra.kernels.Scope;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.data.Mnist;
import dev.clessidra.models.segmentation.DeviceSegmentationData;
import dev.clessidra.models.segmentation.Masks;
import dev.clessidra.models.segmentation.SegmentationDataset;
import dev.clessidra.models.segmentation.SegmentationMetrics;
import dev.clessidra.models.segmentation.Segmenter;
import dev.clessidra.models.segmentation.SyntheticCells;
import dev.clessidra.models.training.DeviceData;
import dev.clessidra.models.training.Trainer;
import dev.clessidra.models.training.TrainingData;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's Java: each block stands here or in an example too, and is run. */
class ReadmeTest {
  @Test
  void theModelExampleRuns(@TempDir Path folder) {
    try (Device device = Device.open("auto");
        Autoencoder model = Autoencoder.builder(784).encoder(256, 32).seed(7).build(device)) {
      Dataset digits = Mnist.sample();
      Trainer.of(model).data(digits).epochs(2).run();
      float[] code = model.encode(digits.test().floats(0, 1));
      float[] restored = model.decode(code);
      model.save(folder.resolve("autoencoder.safetensors"));
      assertThat(code).hasSize(32);
      assertThat(restored).hasSize(784);
      assertThat(folder.resolve("autoencoder.safetensors")).isNotEmptyFile();
    }
  }

  @Test
  void theExampleOfSharingAModelRuns(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("vae.safetensors");
    try (Device device = Device.open("auto");
        Vae vae = Vae.builder().hidden(16).latent(4).build(device)) {
      vae.save(file);
    }
    try (Device device = Device.open("auto");
        Vae vae = Vae.load(file, device);
        ExecutorService threads = Executors.newFixedThreadPool(4)) {
      ImageData digits = Mnist.sample().test();
      List<Future<float[]>> walks = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        float[] from = digits.floats(i, i + 1);
        float[] to = digits.floats(i + 1, i + 2);
        walks.add(
            threads.submit(() ->
                vae.interpolate(
                    vae.encode(from), vae.encode(to), 10, CodeInterpolation.SPHERICAL)));
      }
      for (Future<float[]> walk : walks) {
        float[] images = walk.get(); // 10 images of 28 x 28, numbers from 0 to 1
        assertThat(images).hasSize(10 * 784);
      }
    }
  }

  @Test
  void theEngineExampleRuns() {
    try (Device device = Device.open("auto");
        Parameters parameters =
            Parameters.builder(device)
                .add("w1", Shape.of(784, 32), Initializer.heNormal())
                .add("b1", Shape.of(32), Initializer.zeros())
                .add("w2", Shape.of(32, 784), Initializer.glorotUniform())
                .add("b2", Shape.of(784), Initializer.zeros())
                .build(7);
        TrainingState state = new TrainingState(device, 7);
        Adam adam = Adam.builder(LearningRate.constant(1e-3)).build(parameters, state);
        DeviceData data = DeviceData.of(device, Mnist.sample().train())) {
      Runnable step =
          () -> {
            try (Scope scope = device.scope()) {
              Tape tape = new Tape(device, scope);
              Tensor x = data.batch(tape, 128, state).inputs();
              Tensor code =
                  tape.linear(x, parameters.get("w1"), parameters.get("b1"), Activation.RELU);
              Tensor y =
                  tape.linear(code, parameters.get("w2"), parameters.get("b2"), Activation.SIGMOID);
              tape.backward(tape.meanSquaredError(y, x));
              adam.step();
              state.advance();
            }
          };
      try (Program program = device.capture(step)) { // runs the step once
        program.run(99); // and 99 times more, without allocating anything
      }
      assertThat(state.step()).isEqualTo(100);
    }
  }

  @Test
  void theSegmentationExampleRuns(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("unet.safetensors");
    SegmentationDataset cells = SyntheticCells.dataset(1);
    try (Device device = Device.open("auto");
        UNet model = UNet.builder(1, 2).depth(3).width(8).seed(7).build(device);
        TrainingData data = DeviceSegmentationData.builder(cells.train()).build(model)) {
      Trainer.of(model).data(data).batch(4).learningRate(3e-3).epochs(3).run();
      model.save(file);
    }
    try (Device device = Device.open("auto");
        UNet model = UNet.load(file, device);
        ExecutorService threads = Executors.newFixedThreadPool(4)) {
      Segmenter segmenter = Segmenter.of(model); // any size from 2^depth on; needs no lock
      List<Future<Masks>> results = new ArrayList<>();
      for (int i = 0; i < cells.test().count(); i++) {
        ImageData image = cells.test().images().subset(i, i + 1);
        results.add(threads.submit(() -> segmenter.segment(image)));
      }
      for (Future<Masks> masks : results) {
        double share = masks.get().shares()[1]; // of the pixels that are of class 1
        assertThat(share).isBetween(0.05, 0.9);
      }
      Masks found = segmenter.segment(cells.test().images());
      SegmentationMetrics metrics = SegmentationMetrics.of(cells.test().masks(), found);
      assertThat(metrics.classes().get(1).meanIou()).isGreaterThan(0.7);
    }
  }

  @Test
  void theBlocksOfTheReadmeStandInTheTests() throws IOException {
    Path readme = Path.of("..", "README.md");
    Path tests = Path.of("src", "test", "java", "dev", "clessidra", "models");
    StringBuilder sources = new StringBuilder(Files.readString(tests.resolve("ReadmeTest.java")));
    try (DirectoryStream<Path> examples = Files.newDirectoryStream(tests.resolve("examples"))) {
      for (Path example : examples) {
        sources.append(Files.readString(example));
      }
    }
    String here = squeeze(sources.toString());
    var blocks =
        Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(readme))
            .results()
            .map(MatchResult::group)
            .toList();
    assertThat(blocks).hasSizeGreaterThanOrEqualTo(2);
    for (String block : blocks) {
      for (String line : block.lines().filter(line -> line.endsWith(";")).toList()) {
        if (!line.contains("model.save")
            && !line.contains("Vae.load")) { // into the test's own folder here
          assertThat(here).contains(squeeze(line));
        }
      }
    }
  }

  private static String squeeze(String text) {
    return text.replaceAll("\\s+", " ").strip();
  }
}
