package dev.clessidra.models.cli;

import dev.clessidra.models.Vae;
import dev.clessidra.models.report.ImageGrid;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the commands that draw a model's images share. */
final class Pictures {
  private Pictures() {}

  /**
   * Checks the name of a picture to write.
   *
   * @throws CommandFailure if it is a folder's
   */
  static void requireFile(Path out) {
    if (Files.isDirectory(out)) {
      throw new CommandFailure(
          "%s is a folder, expected the name of a PNG file: give --out a file".formatted(out));
    }
  }

  /**
   * Starts a grid of the images of a model.
   *
   * @throws CommandFailure if they cannot be drawn
   */
  static ImageGrid.Builder grid(Vae model) {
    if (model.channels() != 1 && model.channels() != 3) {
      throw new CommandFailure(
          "the model's images have %d channels, only 1 (gray) or 3 (colour) can be drawn: use a model of such images"
              .formatted(model.channels()));
    }
    return ImageGrid.builder("", model.height(), model.width(), model.channels());
  }
}
