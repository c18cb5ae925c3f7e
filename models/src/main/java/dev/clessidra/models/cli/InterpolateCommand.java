package dev.clessidra.models.cli;

import dev.clessidra.kernels.Device;
import dev.clessidra.models.CodeInterpolation;
import dev.clessidra.models.Vae;
import dev.clessidra.models.data.DataSource;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.data.ImageFolder;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code interpolate}. */
@Command(
    name = "interpolate",
    abbreviateSynopsis = true,
    header = "Draw the way from one image to another through a variational autoencoder's codes.",
    description =
        "Or what one number of an image's code does. An image is a number, counted from 0 among the"
            + " test images, or a picture file.",
    footer = {
      "%nExamples:",
      "  clessidra interpolate runs/vae-1 --from 30 --to 15 --out walk.png",
      "  clessidra interpolate runs/vae-1 --from a.png --to b.png --spherical --steps 20 --out"
          + " walk.png",
      "  clessidra interpolate runs/vae-1 --from 30 --axis 0 --out axis.png"
    })
final class InterpolateCommand implements Callable<Integer> {
  private static final int MOST = 256;

  @Spec private CommandSpec spec;
  @Mixin private ModelSelection model;
  @Mixin private DataSelection data;
  @Mixin private DeviceSelection device;

  @Option(
      names = "--from",
      paramLabel = "IMAGE",
      required = true,
      order = HelpSections.MODEL,
      description = "The image at the start.")
  private String from;

  @Option(
      names = "--to",
      paramLabel = "IMAGE",
      order = HelpSections.MODEL + 1,
      description = "The image at the end.")
  private String to;

  @Option(
      names = "--axis",
      paramLabel = "K",
      order = HelpSections.MODEL + 2,
      description =
          "Instead of going to another image, change the number K of the code, counted from 0.")
  private Integer axis;

  @Option(
      names = "--range",
      paramLabel = "X",
      defaultValue = "3",
      order = HelpSections.MODEL + 3,
      description = "From -X to X (default: ${DEFAULT-VALUE}).")
  private float range;

  @Option(
      names = "--spherical",
      order = HelpSections.MODEL + 4,
      description = "Along a great circle, not along a line.")
  private boolean spherical;

  @Option(
      names = "--linear",
      order = HelpSections.MODEL + 5,
      description = "Along a line, as it is unless set.")
  private boolean linear;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "10",
      order = HelpSections.MODEL + 6,
      description =
          "How many images, the ends among them, 2 to " + MOST + " (default: ${DEFAULT-VALUE}).")
  private int steps;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      required = true,
      order = HelpSections.RUN,
      description = "The PNG file to write: the images side by side.")
  private Path out;

  @Override
  public Integer call() {
    if ((to == null) == (axis == null)) {
      throw usage("expected either --to IMAGE or --axis K");
    }
    if (spherical && (linear || axis != null)) {
      throw usage("--spherical cannot be given with --linear or --axis: leave one out");
    }
    if (axis == null && spec.commandLine().getParseResult().hasMatchedOption("--range")) {
      throw usage("--range does nothing without --axis: add that or leave it out");
    }
    if (steps < 2 || steps > MOST) {
      throw usage("--steps is %d, expected 2 to %d".formatted(steps, MOST));
    }
    if (!(range > 0) || Float.isInfinite(range)) {
      throw usage("--range is %s, expected more than 0".formatted(range));
    }
    Path file = model.file();
    model.requirePicture(out, read());
    try (Device opened = device.open();
        Vae vae = Vae.load(file, opened)) {
      if (axis != null && (axis < 0 || axis >= vae.codeSize())) {
        throw usage(
            "--axis is %d, expected 0 to %d, the model's codes having %s"
                .formatted(axis, vae.codeSize() - 1, Words.count(vae.codeSize(), "number")));
      }
      float[] start = vae.encode(image(from, vae));
      float[] walk =
          axis == null
              ? vae.interpolate(
                  start,
                  vae.encode(image(to, vae)),
                  steps,
                  spherical ? CodeInterpolation.SPHERICAL : CodeInterpolation.LINEAR)
              : vae.decode(alongAxis(start));
      Pictures.grid(vae).row("", walk).build().writePng(out);
    }
    spec.commandLine().getOut().println("%s: %d images".formatted(out, steps));
    spec.commandLine().getOut().flush();
    return ExitCode.OK;
  }

  /** The files that the images come from. */
  private List<Path> read() {
    return Stream.of(from, to)
        .filter(Objects::nonNull)
        .flatMap(name ->
            isNumber(name)
                ? DataSource.of(model.source(data)).paths().stream()
                : Stream.of(Path.of(name)))
        .toList();
  }

  private float[] alongAxis(float[] code) {
    float[] codes = new float[steps * code.length];
    for (int step = 0; step < steps; step++) {
      System.arraycopy(code, 0, codes, step * code.length, code.length);
      codes[step * code.length + axis] = range * (2f * step / (steps - 1) - 1);
    }
    return codes;
  }

  /** The image of a number or a file, as the model takes it. */
  private ImageData image(String name, Vae vae) {
    ImageData image;
    if (isNumber(name)) {
      ImageData test = model.test(data);
      int number = Integer.parseInt(name);
      int count = test.count();
      if (number >= count) {
        throw new CommandFailure(
            "there is no test image %d, expected 0 to %d: give another number, or other --data"
                .formatted(number, count - 1));
      }
      image = test.subset(number, number + 1);
    } else {
      image = ImageFolder.read(List.of(Path.of(name)), vae.channels());
    }
    if (image.height() != vae.height() || image.width() != vae.width()) {
      throw new CommandFailure(
          "%s is %dx%d, the model takes images of %dx%d: scale it or give another"
              .formatted(name, image.height(), image.width(), vae.height(), vae.width()));
    }
    return image;
  }

  private static boolean isNumber(String name) {
    return name.matches("[0-9]{1,9}");
  }

  private ParameterException usage(String problem) {
    return new ParameterException(spec.commandLine(), problem);
  }
}
