package dev.clessidra.models.cli;

import dev.clessidra.models.Vae;
import dev.clessidra.models.report.ImageGrid;

/** What the commands that draw a model's images share. */
final class Pictures {
  private Pictures() {}

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
