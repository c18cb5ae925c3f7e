package dev.clessidra.models.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.clessidra.engine.GradientCheck;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.io.Checkpoint;
import dev.clessidra.engine.io.ModelFileException;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceOptions;
import dev.clessidra.models.Vae;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.SequencedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs the examples and looks at what they print. */
class ExamplesTest {
  private static final Pattern NUMBER = Pattern.compile("[0-9]+(\\.[0-9]+)?");

  @Test
  void theSparseExampleHasFewActiveUnits() {
    double[] printed = numbersOf(() -> SparseExample.main(new String[0]));
    assertThat(printed[0]).isBetween(10.0, 15.0);
    assertThat(printed[1]).isEqualTo(200);
    assertThat(printed[2]).isLessThan(50);
    assertThat(printed[3]).isLessThan(40);
  }

  @Test
  void theStackedExampleClassifies() {
    assertThat(numbersOf(() -> StackedExample.main(new String[0]))[0]).isBetween(1.0, 12.0);
  }

  @Test
  void theDeepExampleRestores() {
    double[] printed = numbersOf(() -> DeepExample.main(new String[0]));
    assertThat(printed[0]).isLessThan(30);
    assertThat(printed[1]).isBetween(13.0, 15.0);
  }

  @Test
  void theVariationalExampleDrawsDigits(@TempDir Path folder) throws IOException {
    double[] printed = numbersOf(() -> VaeExample.main(new String[] {folder.toString()}));
    assertThat(printed[0]).isBetween(100.0, 160.0);
    assertThat(printed[0]).isCloseTo(printed[1] + printed[2], within(0.2));
    assertThat(printed[2]).isBetween(8.0, 40.0);
    try (Device device = Device.open("cpu");
        Vae vae = Vae.load(folder.resolve("vae.safetensors"), device)) {
      assertThat(vae.codeSize()).isEqualTo(20);
    }
    assertThat(ImageIO.read(folder.resolve("digits.png").toFile())).isNotNull();
  }

  @Test
  void theExampleOfOnesOwnModelTakesNoiseAway(@TempDir Path folder) {
    String file = folder.resolve("denoiser.safetensors").toString();
    double[] printed = numbersOf(() -> OwnModelExample.main(new String[] {file}));
    assertThat(printed[0]).isBetween(0.28, 0.32);
    assertThat(printed[1]).isBetween(0.01, 0.15);
  }

  @Test
  void swishsGradientIsRight() {
    try (Device device = Device.open(DeviceOptions.defaults().withDevice("cpu").withDebug(true))) {
      GradientCheck.of((tape, x) -> tape.apply(new Swish(), x.getFirst()))
          .input(Shape.of(3, 5))
          .run(device);
    }
  }

  @Test
  void aDamagedFileOfOnesOwnModelIsRefusedInOneLine(@TempDir Path folder) {
    Path file = folder.resolve("damaged.safetensors");
    try (Device device = Device.open("cpu");
        Denoiser model = Denoiser.of(device, 6, 4, 0.3f, 1)) {
      SequencedMap<String, String> metadata = model.metadata();
      metadata.put("inputs", "six");
      Checkpoint.of(model.parameters()).save(file, metadata);
      assertThatThrownBy(() -> Denoiser.load(file, device))
          .isInstanceOf(ModelFileException.class)
          .hasMessage(
              file
                  + ": the entry 'inputs' = 'six' of its metadata cannot be read: For input string:"
                  + " \"six\"");
    }
  }

  private static double[] numbersOf(Runnable example) {
    PrintStream before = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      example.run();
    } finally {
      System.setOut(before);
    }
    Matcher matcher = NUMBER.matcher(printed.toString(StandardCharsets.UTF_8));
    return matcher.results().mapToDouble(found -> Double.parseDouble(found.group())).toArray();
  }
}
