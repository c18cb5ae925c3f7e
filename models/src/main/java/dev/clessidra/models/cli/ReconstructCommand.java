package dev.clessidra.models.cli;

import dev.clessidra.kernels.Device;
import dev.clessidra.models.EncoderDecoder;
import dev.clessidra.models.data.DataSource;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.report.ImageGrid;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code reconstruct}. */
@Command(
    name = "reconstruct",
    abbreviateSynopsis = true,
    header = "Draw images and what an autoencoder makes of them, as a PNG file.",
    description = "Takes test images, of all classes in turn where there are classes.",
    footer = {
      "%nExamples:",
      "  clessidra reconstruct runs/deep-1 --out grid.png",
      "  clessidra reconstruct runs/deep-1 --data FOLDER --count 8 --out mine.png",
      "  clessidra reconstruct runs/deep-1 --show                  (draws with characters)"
    })
final class ReconstructCommand implements Callable<Integer> {
  private static final int MOST = 64;
  private static final int WIDTH = 450; // of a row in pixels of the images, which are enlarged
  private static final int ACROSS = 16;

  private final Environment environment;

  @Spec private CommandSpec spec;
  @Mixin private ModelSelection model;
  @Mixin private DataSelection data;
  @Mixin private DeviceSelection device;

  @Option(
      names = "--count",
      paramLabel = "N",
      defaultValue = "16",
      order = HelpSections.DATA + 1,
      description = "How many images, at most " + MOST + " (default: ${DEFAULT-VALUE}).")
  private int count;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      order = HelpSections.RUN,
      description = "The PNG file to write: images, and below each its reconstruction.")
  private Path out;

  @Option(names = "--show", order = HelpSections.RUN + 1, description = "Draw some of them here.")
  private boolean show;

  ReconstructCommand(Environment environment) {
    this.environment = environment;
  }

  @Override
  public Integer call() {
    if (out == null && !show) {
      throw new ParameterException(
          spec.commandLine(), "nowhere to draw, expected --out FILE or --show");
    }
    if (count < 1 || count > MOST) {
      throw new ParameterException(
          spec.commandLine(), "--count is %d, expected 1 to %d".formatted(count, MOST));
    }
    Path file = model.autoencoder();
    if (out != null) {
      model.requirePicture(out, DataSource.of(model.source(data)).paths());
    }
    ImageData test = model.test(data);
    try (Device opened = device.open();
        EncoderDecoder autoencoder = EncoderDecoder.load(file, opened)) {
      Evaluation.requireSize(autoencoder, test);
      PrintWriter writer = spec.commandLine().getOut();
      ImageData shown = test.subset(Stages.spread(test, count));
      if (show) {
        Drawing.show(writer, environment, autoencoder, shown);
      }
      if (out != null) {
        grid(shown, autoencoder).writePng(out);
        writer.println(
            "%s: %s, and below each its reconstruction"
                .formatted(out, Words.count(shown.count(), "test image")));
      }
      writer.flush();
    }
    return ExitCode.OK;
  }

  private static ImageGrid grid(ImageData images, EncoderDecoder autoencoder) {
    ImageGrid.Builder grid =
        ImageGrid.builder("", images.height(), images.width(), images.channels());
    int across = Math.clamp(WIDTH / images.width(), 1, ACROSS);
    for (int first = 0; first < images.count(); first += across) {
      ImageData some = images.subset(first, Math.min(first + across, images.count()));
      grid.row("images", some).row("reconstructions", autoencoder.reconstruct(some));
    }
    return grid.build();
  }
}
