package dev.clessidra.models.cli;

import dev.clessidra.models.EncoderDecoder;
import dev.clessidra.models.data.ImageData;
import java.io.PrintWriter;
import java.nio.charset.Charset;

/** Draws images with characters: two pixels, one above the other, in each. */
final class Drawing {
  /** How many fit side by side. */
  static final int IMAGES = 5;

  private static final int COLUMNS = 14; // of an image: five fit side by side on 80 columns
  private static final float INK = 0.35f;
  private static final int FIRST_GRAY = 232; // of the 24 grays among the 256 colours of a terminal
  private static final int GRAYS = 24;
  private static final String HALVES = " ▄▀█";
  private static final String SHADES = " .:-=+*#%@";

  private final boolean terminal;
  private final boolean blocks;

  private Drawing(boolean terminal, Charset charset) {
    this.terminal = terminal;
    this.blocks = charset.newEncoder().canEncode(HALVES);
  }

  /** Draws some test images with what the model makes of them below. */
  static void show(
      PrintWriter out, Environment environment, EncoderDecoder model, ImageData images) {
    ImageData shown = images.subset(Stages.spread(images, IMAGES));
    Drawing drawing = new Drawing(environment.terminal().getAsBoolean(), environment.charset());
    rows(
        out,
        "above: test images, below: their reconstructions",
        drawing.row(shown.floats(), shown),
        drawing.row(model.reconstruct(shown), shown));
  }

  /** Draws images with others of their size, in gray, below. */
  static void show(
      PrintWriter out, Environment environment, String caption, ImageData above, ImageData below) {
    Drawing drawing = new Drawing(environment.terminal().getAsBoolean(), environment.charset());
    rows(out, caption, drawing.row(above.floats(), above), drawing.row(below.floats(), below));
  }

  private static void rows(PrintWriter out, String caption, String above, String below) {
    out.println();
    out.print(above);
    out.println(caption);
    out.print(below);
    out.flush();
  }

  private String row(float[] values, ImageData images) {
    // The same step both ways, as half a character is about as high as it is wide.
    int step = Math.max(1, (images.width() + COLUMNS - 1) / COLUMNS);
    int columns = images.width() / step;
    int rows = images.height() / step;
    StringBuilder text = new StringBuilder();
    for (int y = 0; y < rows; y += 2) {
      for (int image = 0; image < images.count(); image++) {
        for (int x = 0; x < columns; x++) {
          float top = mean(values, images, image, y, x, step);
          float bottom = y + 1 < rows ? mean(values, images, image, y + 1, x, step) : 0;
          append(text, top, bottom);
        }
        text.append(terminal && blocks ? "\u001b[0m " : " ");
      }
      text.append(System.lineSeparator());
    }
    return text.toString();
  }

  private void append(StringBuilder text, float top, float bottom) {
    if (!blocks) {
      int shade = Math.round(Math.clamp((top + bottom) / 2, 0, 1) * (SHADES.length() - 1));
      text.append(SHADES.charAt(shade));
    } else if (terminal) {
      text.append("\u001b[38;5;%d;48;5;%dm▀".formatted(gray(top), gray(bottom)));
    } else {
      text.append(HALVES.charAt((top > INK ? 2 : 0) + (bottom > INK ? 1 : 0)));
    }
  }

  private static int gray(float value) {
    return FIRST_GRAY + Math.round(Math.clamp(value, 0, 1) * (GRAYS - 1));
  }

  /** The mean of a square of pixels, all channels. */
  private static float mean(float[] values, ImageData images, int image, int y, int x, int step) {
    float sum = 0;
    int channels = images.channels();
    for (int dy = 0; dy < step; dy++) {
      int start =
          image * images.imageSize() + ((y * step + dy) * images.width() + x * step) * channels;
      for (int i = 0; i < step * channels; i++) {
        sum += values[start + i];
      }
    }
    return sum / (step * step * channels);
  }
}
