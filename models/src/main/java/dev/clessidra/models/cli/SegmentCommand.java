package dev.clessidra.models.cli;

import dev.clessidra.kernels.Device;
import dev.clessidra.models.UNet;
import dev.clessidra.models.data.DataException;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.data.ImageFolder;
import dev.clessidra.models.data.PngWriter;
import dev.clessidra.models.data.Problems;
import dev.clessidra.models.segmentation.Masks;
import dev.clessidra.models.segmentation.Overlay;
import dev.clessidra.models.segmentation.Segmenter;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code segment}. */
@Command(
    name = "segment",
    abbreviateSynopsis = true,
    header = "Give each pixel of pictures its class by a trained U-Net.",
    description = {
      "Writes NAME-mask.png, class 0 black and the last class white, and NAME-overlay.png, the"
          + " picture with the classes in colours. Pictures may be larger than those of the"
          + " training: they are seen in overlapping tiles."
    },
    footer = {
      "%nExamples:",
      "  clessidra segment runs/unet-1 picture.png --out masks",
      "  clessidra segment runs/unet-1 FOLDER --out masks --no-flips"
    })
final class SegmentCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ModelSelection model;
  @Mixin private DeviceSelection device;

  @Parameters(
      index = "1",
      paramLabel = "IMAGES",
      description = "A PNG or JPEG file, or a folder of such.")
  private Path images;

  @Option(
      names = "--out",
      paramLabel = "FOLDER",
      required = true,
      order = HelpSections.RUN,
      description = "Where masks and overlays go; files of the same names are replaced.")
  private Path out;

  @Option(
      names = "--no-flips",
      order = HelpSections.MODEL,
      description =
          "See each picture once, not also mirrored and turned: eight times as fast and a little"
              + " worse.")
  private boolean noFlips;

  @Option(
      names = "--tile",
      paramLabel = "N",
      defaultValue = "512",
      order = HelpSections.MODEL + 1,
      description = "Pixels along a tile's side (default: ${DEFAULT-VALUE}).")
  private int tile;

  @Option(
      names = "--overlap",
      paramLabel = "N",
      order = HelpSections.MODEL + 2,
      description =
          "Pixels by which tiles see their surroundings (default: 64, less for small tiles).")
  private Integer overlap;

  @Override
  public Integer call() {
    Path file = model.file();
    if (!Problems.exists(images)) {
      throw new CommandFailure(
          "%s does not exist: expected a picture or a folder of pictures; check the name"
              .formatted(images));
    }
    if (Files.exists(out) && !Files.isDirectory(out)) {
      throw new CommandFailure(
          "%s is a file, expected a folder: give --out another name".formatted(out));
    }
    List<Path> pictures =
        Files.isDirectory(images) ? ImageFolder.pictures(images) : List.of(images);
    if (pictures.isEmpty()) {
      throw new CommandFailure(
          "%s has no pictures: expected .png or .jpg files; check the name".formatted(images));
    }
    requireOwnResults(pictures);
    PrintWriter writer = spec.commandLine().getOut();
    try (Device opened = device.open();
        UNet network = UNet.load(file, opened)) {
      Segmenter segmenter = tiled(Segmenter.of(network)).flips(!noFlips);
      int bad = 0;
      for (Path picture : pictures) {
        ImageData image;
        Masks masks;
        try {
          image = ImageFolder.read(List.of(picture), network.channels());
          masks = masks(segmenter, picture, image);
        } catch (CommandFailure | DataException e) {
          if (pictures.size() == 1) {
            throw e;
          }
          bad++;
          spec.commandLine().getErr().println("clessidra: " + e.getMessage());
          spec.commandLine().getErr().flush();
          continue;
        }
        write(picture, image, masks, writer);
      }
      if (bad > 0) {
        throw new CommandFailure(
            "%d of %d pictures were segmented, %d could not be: see the lines above"
                .formatted(pictures.size() - bad, pictures.size(), bad));
      }
    }
    return ExitCode.OK;
  }

  private Segmenter tiled(Segmenter segmenter) {
    try {
      return overlap == null ? segmenter.tile(tile) : segmenter.tile(tile, overlap);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(
          spec.commandLine(), e.getMessage() + "; give another --tile or --overlap", e);
    }
  }

  /** Checks that no result replaces another, and that none is a picture of the next call. */
  private void requireOwnResults(List<Path> pictures) {
    if (Files.isDirectory(images) && isSameFolder(images, out)) {
      throw new CommandFailure(
          "%s is the folder of the pictures, where masks would be taken for pictures the next time: give --out another folder"
              .formatted(out));
    }
    Map<String, Path> named = new HashMap<>();
    for (Path picture : pictures) {
      Path other = named.put(name(picture), picture);
      if (other != null) {
        throw new CommandFailure(
            "%s and %s would both give %s-mask.png: rename one of them"
                .formatted(other, picture, name(picture)));
      }
    }
  }

  private static boolean isSameFolder(Path one, Path other) {
    try {
      return Files.exists(other) && Files.isSameFile(one, other);
    } catch (IOException e) {
      return false; // writing there tells what is wrong
    }
  }

  /** The picture's name without its ending. */
  private static String name(Path picture) {
    String name = picture.getFileName().toString();
    int ending = name.lastIndexOf('.');
    return ending > 0 ? name.substring(0, ending) : name;
  }

  private static Masks masks(Segmenter segmenter, Path picture, ImageData image) {
    try {
      return segmenter.segment(image);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure("%s: %s".formatted(picture, e.getMessage()), e);
    }
  }

  private void write(Path picture, ImageData image, Masks masks, PrintWriter writer) {
    String name = name(picture);
    Path mask = out.resolve(name + "-mask.png");
    PngWriter.write(mask, Overlay.gray(masks), 0);
    PngWriter.write(out.resolve(name + "-overlay.png"), Overlay.classes(image, masks), 0);
    StringBuilder shares = new StringBuilder();
    for (int c = 1; c < masks.classes(); c++) {
      shares.append(Words.format(", class %d %s", c, Words.percent(masks.shares()[c])));
    }
    writer.println(
        "%s: %dx%d (height x width)%s".formatted(mask, masks.height(), masks.width(), shares));
    writer.flush();
  }
}
