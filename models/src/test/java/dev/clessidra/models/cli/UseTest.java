package dev.clessidra.models.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.data.Mnist;
import dev.clessidra.models.data.PngWriter;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UseTest {
  @TempDir private static Path folder;
  private static Path autoencoder;
  private static Path stacked;
  private static Path vae;

  @BeforeAll
  static void train() {
    String data = Invocation.data(folder);
    autoencoder = folder.resolve("autoencoder");
    stacked = folder.resolve("stacked");
    assertThat(
            run("train autoencoder --widths 16,3 --epochs 10 --batch 32 --no-report --data %s --out %s"
                    .formatted(data, autoencoder))
                .code())
        .isZero();
    assertThat(
            run("train stacked --widths 8,4 --pretrain-epochs 1 --epochs 5 --batch 32 --no-report --data %s --out %s"
                    .formatted(data, stacked))
                .code())
        .isZero();
    vae = folder.resolve("vae");
    assertThat(
            run("train vae --hidden 16 --latent 3 --epochs 20 --batch 32 --no-report --data %s --out %s"
                    .formatted(data, vae))
                .code())
        .isZero();
  }

  private static Invocation run(String arguments) {
    return Invocation.of(folder.resolve("runs"), arguments.split(" "));
  }

  private static JsonObject json(Invocation printed) {
    assertThat(printed.err()).isEmpty();
    return JsonParser.parseString(printed.out()).getAsJsonObject();
  }

  @Test
  void evaluatingARunGivesTheNumbersOfItsTraining() throws IOException {
    JsonObject evaluated = json(run("evaluate " + autoencoder + " --json --pca"));
    JsonObject result =
        JsonParser.parseString(Files.readString(autoencoder.resolve("result.json")))
            .getAsJsonObject();

    assertThat(evaluated.get("test_squared_error")).isEqualTo(result.get("test_squared_error"));
    assertThat(evaluated.get("pca_test_squared_error").getAsDouble()).isPositive();
    assertThat(evaluated.get("code_size").getAsInt()).isEqualTo(3);
    assertThat(evaluated.getAsJsonObject("sparsity").get("mean_active_units").getAsDouble())
        .isEqualTo(3);
  }

  @Test
  void evaluatingSaysWhatTheErrorIs() {
    assertThat(run("evaluate " + autoencoder).out())
        .contains("summed over 64 values in [0,1], mean of 40 images")
        .contains("Active units (L0)");
  }

  @Test
  void evaluatingSaysThatTheDataOfARunHasChanged() {
    Path data = folder.resolve("changing");
    Path run = folder.resolve("changed");
    Invocation.writeImages(data, 50, Invocation.SIDE, 1);
    run(
        "train autoencoder --widths 4 --steps 1 --no-report --data %s --out %s"
            .formatted(data, run));
    assertThat(run("evaluate " + run).err()).isEmpty();

    Invocation.writeImages(data, 50, Invocation.SIDE, 2);
    Invocation evaluated = run("evaluate " + run + " --json");

    assertThat(evaluated.code()).isZero();
    assertThat(evaluated.err())
        .hasLineCount(1)
        .contains("changing is no longer the data that %s was trained with".formatted(run));
    assertThat(run("evaluate %s --data %s".formatted(run, data)).err()).isEmpty();
  }

  @Test
  void aProbeTellsHowWellCodesSeparateTheClasses() {
    JsonObject evaluated = json(run("evaluate " + autoencoder + " --probe --json"));

    assertThat(evaluated.get("probe_test_error_rate").getAsDouble()).isBetween(0.0, 1.0);
  }

  @Test
  void aClassifierIsEvaluatedByItself() {
    double ofRun =
        json(run("evaluate " + stacked + " --json")).get("test_error_rate").getAsDouble();
    double ofFile =
        json(run("evaluate " + stacked.resolve("classifier.safetensors") + " --json"))
            .get("test_error_rate")
            .getAsDouble();

    assertThat(ofFile).isEqualTo(ofRun, within(0.0));
  }

  @Test
  void reconstructionsAreDrawnAsOnePicture() throws IOException {
    Path picture = folder.resolve("pictures/grid.png");

    Invocation drawn = run("reconstruct %s --count 6 --out %s".formatted(autoencoder, picture));

    assertThat(drawn.err()).isEmpty();
    BufferedImage image = ImageIO.read(picture.toFile());
    assertThat(image.getWidth()).isGreaterThan(image.getHeight() * 2);
  }

  @Test
  void manyReconstructionsAreDrawnInRows() throws IOException {
    Path picture = folder.resolve("rows.png");

    Invocation drawn = run("reconstruct %s --count 40 --out %s".formatted(autoencoder, picture));

    assertThat(drawn.out()).contains("40 test images, and below each its reconstruction");
    BufferedImage image = ImageIO.read(picture.toFile());
    assertThat(image.getWidth()).isEqualTo(16 * 52 - 4);
    assertThat(image.getHeight()).isEqualTo(3 * 2 * 52 - 4);
  }

  @Test
  void asManyAreShownAsAskedForUpToFive() {
    String reconstruct = "reconstruct %s --show --count ".formatted(autoencoder);

    int one = longestLine(run(reconstruct + 1));
    int two = longestLine(run(reconstruct + 2));

    assertThat(two).isEqualTo(2 * one);
    assertThat(longestLine(run(reconstruct + 9))).isEqualTo(5 * one);
  }

  /** The width of the images, without the caption. */
  private static int longestLine(Invocation drawn) {
    return drawn
        .out()
        .lines()
        .filter(line -> !line.startsWith("above"))
        .mapToInt(String::length)
        .max()
        .orElseThrow();
  }

  @Test
  void withoutUnicodeImagesAreDrawnInAscii() {
    Environment ascii =
        new Environment(
            () -> false,
            () -> 80,
            StandardCharsets.US_ASCII,
            folder.resolve("runs"),
            new Interruption());

    Invocation drawn = Invocation.of(ascii, "reconstruct", autoencoder.toString(), "--show");

    assertThat(drawn.out()).matches("(?s)\\p{ASCII}+").contains("@");
  }

  @Test
  void codesAndLabelsAreWrittenForNumPy() throws IOException {
    Path codes = folder.resolve("codes.npy");

    Invocation written = run("encode %s --part all --out %s".formatted(autoencoder, codes));

    assertThat(written.err()).isEmpty();
    assertThat(header(codes)).contains("'<f4'", "(200, 3)");
    Path labels = folder.resolve("codes.labels.npy");
    assertThat(header(labels)).contains("'<i4'", "(200,)");
    byte[] bytes = Files.readAllBytes(labels);
    ByteBuffer values =
        ByteBuffer.wrap(bytes, bytes.length - 200 * 4, 200 * 4).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 200; i++) {
      assertThat(values.getInt()).isEqualTo(i % Invocation.CLASSES);
    }
  }

  private static String header(Path file) throws IOException {
    return new String(Files.readAllBytes(file), 10, 100, StandardCharsets.ISO_8859_1);
  }

  @Test
  void theLogLikelihoodOfAVariationalAutoencoderIsEstimatedIfAskedFor() throws IOException {
    JsonObject evaluated = json(run("evaluate " + vae + " --json --likelihood-samples 100"));
    JsonObject result =
        JsonParser.parseString(Files.readString(vae.resolve("result.json"))).getAsJsonObject();

    assertThat(evaluated.get("test_elbo")).isEqualTo(result.get("test_elbo"));
    assertThat(evaluated.get("likelihood_samples").getAsInt()).isEqualTo(100);
    assertThat(evaluated.get("test_log_likelihood").getAsDouble())
        .isCloseTo(evaluated.get("test_elbo").getAsDouble(), within(1.0))
        .isNotEqualTo(evaluated.get("test_elbo").getAsDouble());
    assertThat(run("evaluate " + vae).out()).contains("Test ELBO").doesNotContain("Test log p(x)");
  }

  @Test
  void aVariationalAutoencoderReconstructsAndEncodes() throws IOException {
    Path picture = folder.resolve("vae.png");
    Path codes = folder.resolve("vae.npy");

    assertThat(run("reconstruct %s --count 4 --out %s".formatted(vae, picture)).err()).isEmpty();
    assertThat(run("encode %s --out %s".formatted(vae, codes)).err()).isEmpty();

    assertThat(ImageIO.read(picture.toFile())).isNotNull();
    assertThat(header(codes)).contains("(40, 3)");
  }

  @Test
  void samplesOfOneSeedAreOnePicture() throws IOException {
    Path first = folder.resolve("first.png");
    Path again = folder.resolve("again.png");
    Path other = folder.resolve("other.png");

    assertThat(run("sample %s --count 9 --out %s".formatted(vae, first)).err()).isEmpty();
    run("sample %s --count 9 --seed 1 --out %s".formatted(vae, again));
    run("sample %s --count 9 --seed 2 --out %s".formatted(vae, other));

    BufferedImage image = ImageIO.read(first.toFile());
    assertThat(image.getWidth()).isEqualTo(image.getHeight());
    assertThat(again).hasSameBinaryContentAs(first);
    assertThat(Files.readAllBytes(other)).isNotEqualTo(Files.readAllBytes(first));
  }

  @Test
  void walksLeadFromImageToImageOrAlongAnAxis() throws IOException {
    Path line = folder.resolve("line.png");
    Path circle = folder.resolve("circle.png");
    Path axis = folder.resolve("axis.png");
    Path file = folder.resolve("image.png");
    BufferedImage gray = new BufferedImage(8, 8, BufferedImage.TYPE_BYTE_GRAY);
    gray.getRaster().setSample(3, 3, 0, 255);
    ImageIO.write(gray, "png", file.toFile());

    String walk = "interpolate %s --from 0 --steps 6 --out ".formatted(vae);
    assertThat(run(walk + line + " --to 1").err()).isEmpty();
    assertThat(run(walk + circle + " --to 1 --spherical").err()).isEmpty();
    assertThat(run(walk + axis + " --axis 1 --range 2").err()).isEmpty();
    assertThat(run(walk + folder.resolve("to-file.png") + " --to " + file).err()).isEmpty();

    BufferedImage image = ImageIO.read(line.toFile());
    assertThat(image.getWidth()).isGreaterThan(5 * image.getHeight());
    assertThat(Files.readAllBytes(circle)).isNotEqualTo(Files.readAllBytes(line));
    assertThat(Files.readAllBytes(axis)).isNotEqualTo(Files.readAllBytes(line));
  }

  @Test
  void partsAreEncodedAlone() throws IOException {
    Path codes = folder.resolve("part.npy");
    String encode = "encode %s --out %s".formatted(autoencoder, codes);

    assertThat(run(encode + " --part train").out()).contains("codes of the 160 training images");
    assertThat(header(codes)).contains("(160, 3)");
    assertThat(run(encode).out()).contains("codes of the 40 test images (--part all for all)");
    assertThat(run(encode + " --part all").out()).contains("codes of all 200 images");
  }

  @Test
  void aSinglePictureIsTakenByWhatDoesNotTrain() throws IOException {
    Path picture = folder.resolve("single/1.png");
    PngWriter.write(picture, ImageData.of(8, 8, 1, new byte[64]), 0);

    for (Path data : new Path[] {picture, picture.getParent()}) {
      Path codes = folder.resolve("single.npy");
      assertThat(run("encode %s --data %s --out %s".formatted(autoencoder, data, codes)).err())
          .isEmpty();
      assertThat(header(codes)).contains("(1, 3)");
      Path drawn = folder.resolve("single.png");
      assertThat(run("reconstruct %s --data %s --out %s".formatted(autoencoder, data, drawn)).err())
          .isEmpty();
      assertThat(ImageIO.read(drawn.toFile())).isNotNull();
    }
  }

  @Test
  void doctorNamesEveryDevice() {
    Invocation examined = run("doctor");

    assertThat(examined.err()).isEmpty();
    assertThat(examined.code()).isZero();
    assertThat(examined.out())
        .containsPattern("(?m)^ok +cpu")
        .containsPattern("(?m)^(ok|no) +cuda +.*CUDA")
        .containsPattern("(?m)^ok +emulated +runs the CUDA kernels on the CPU")
        .contains("native library")
        .contains("CLESSIDRA_THREADS");
  }

  @Test
  void doctorNamesTheDeviceThatWasAskedFor() {
    System.setProperty("clessidra.device", "tpu");
    try {
      assertThat(run("doctor").out())
          .containsPattern("(?m)^no +tpu +Device 'tpu' is unknown")
          .doesNotContain("auto  ");
    } finally {
      System.clearProperty("clessidra.device");
    }
  }

  @Test
  void theSampleOfMnistIsTheDefault() {
    Path run = folder.resolve("sample");

    Invocation trained = run("train autoencoder --widths 32 --steps 20 --out " + run);

    assertThat(trained.err()).isEmpty();
    assertThat(trained.out()).contains(Mnist.sample().description());
    assertThat(run.resolve("report.html")).content().contains("MNIST sample", "PCA");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "train",
        "train autoencoder",
        "train sparse",
        "train stacked",
        "train deep",
        "train vae",
        "evaluate",
        "reconstruct",
        "encode",
        "sample",
        "interpolate",
        "doctor"
      })
  void everyCommandTeachesByExamples(String command) {
    Invocation help = run((command + " --help").strip());

    assertThat(help.code()).isZero();
    assertThat(help.out())
        .startsWith(command.isEmpty() ? "Autoencoders" : help.out().substring(0, 1))
        .contains("Usage: clessidra " + command)
        .contains("Examples:")
        .doesNotContain("${", "--stop-after-steps");
    assertThat(help.out().lines()).allMatch(line -> line.length() <= 100);
  }

  @Test
  void theVersionIsPrinted() {
    assertThat(run("--version").out()).startsWith("clessidra ");
  }

  @Test
  void withoutACommandTheHelpGoesToTheErrors() {
    Invocation nothing = Invocation.of(folder.resolve("runs"));

    assertThat(nothing.code()).isEqualTo(ExitCode.USAGE);
    assertThat(nothing.out()).isEmpty();
    assertThat(nothing.err()).contains("Usage: clessidra");
  }
}
