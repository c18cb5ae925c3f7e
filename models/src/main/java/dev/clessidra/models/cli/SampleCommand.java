package dev.clessidra.models.cli;

import dev.clessidra.kernels.Device;
import dev.clessidra.models.Vae;
import dev.clessidra.models.report.ImageGrid;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code sample}. */
@Command(
    name = "sample",
    abbreviateSynopsis = true,
    header = "Draw new images from a variational autoencoder, as a PNG file.",
    description =
        "Codes are drawn from the prior, the standard normal distribution. The same seed gives the"
            + " same picture.",
    footer = {
      "%nExamples:",
      "  clessidra sample runs/vae-1 --out samples.png",
      "  clessidra sample runs/vae-1 --count 400 --seed 2 --out many.png"
    })
final class SampleCommand implements Callable<Integer> {
  private static final int MOST = 4096;

  @Spec private CommandSpec spec;
  @Mixin private ModelSelection model;
  @Mixin private DeviceSelection device;

  @Option(
      names = "--count",
      paramLabel = "N",
      defaultValue = "64",
      order = HelpSections.MODEL,
      description = "How many images, at most " + MOST + " (default: ${DEFAULT-VALUE}).")
  private int count;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      order = HelpSections.MODEL + 1,
      description = "Of the codes (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      required = true,
      order = HelpSections.RUN,
      description = "The PNG file to write: the images in rows, as many down as across.")
  private Path out;

  @Override
  public Integer call() {
    if (count < 1 || count > MOST) {
      throw new ParameterException(
          spec.commandLine(), "--count is %d, expected 1 to %d".formatted(count, MOST));
    }
    Path file = model.file();
    model.requirePicture(out, List.of());
    try (Device opened = device.open();
        Vae vae = Vae.load(file, opened)) {
      if (vae.isPlain()) {
        throw new CommandFailure(
            "%s is a plain autoencoder, whose codes have no prior to draw from: give a variational one, or see the report of its run, which draws by the spread of its codes"
                .formatted(model.path()));
      }
      float[] images = vae.sample(count, seed);
      int across = (int) Math.ceil(Math.sqrt(count));
      ImageGrid.Builder grid = Pictures.grid(vae);
      for (int first = 0; first < count; first += across) {
        int last = Math.min(first + across, count);
        grid.row("", Arrays.copyOfRange(images, first * vae.inputs(), last * vae.inputs()));
      }
      grid.build().writePng(out);
    }
    spec.commandLine()
        .getOut()
        .println("%s: %s of the model".formatted(out, Words.count(count, "image")));
    spec.commandLine().getOut().flush();
    return ExitCode.OK;
  }
}
