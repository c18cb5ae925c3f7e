package dev.clessidra.models.report;

import dev.clessidra.models.data.AtomicFile;
import java.nio.file.Path;
import java.util.Objects;

/**
 * The weights of units as images: red above 0, blue below, white at 0. Each filter is scaled by its
 * own largest magnitude, so its form shows and not its strength. Values that are not finite are
 * gray.
 */
public final class FilterGrid implements Figure {
  private static final int GAP = 4;
  private static final int SIDE = 56; // of a filter, about
  private static final int MOST_WIDTH = 900;
  private static final int NOT_FINITE = 0x808080;

  // The ends and middle of ColorBrewer's RdBu (C. A. Brewer), which colour-blind people can tell.
  private static final int[] POSITIVE = {0xf7f7f7, 0xf4a582, 0xb2182b, 0x67001f};
  private static final int[] NEGATIVE = {0xf7f7f7, 0x92c5de, 0x2166ac, 0x053061};

  private final String title;
  private final float[] weights;
  private final int units;
  private final int height;
  private final int width;
  private final int shown;

  private FilterGrid(String title, float[] weights, int units, int height, int width, int shown) {
    this.title = title;
    this.weights = weights;
    this.units = units;
    this.height = height;
    this.width = width;
    this.shown = shown;
  }

  /**
   * Filters from weights with one unit a row; the array is copied.
   *
   * @param title may be empty
   * @param weights {@code [units, height, width]}, signed
   * @param most the number of units to show at most, from the first
   * @throws IllegalArgumentException if a size is not positive or the length does not fit
   */
  public static FilterGrid ofRows(String title, float[] weights, int height, int width, int most) {
    int units = check(weights, height, width, most);
    return new FilterGrid(
        Objects.requireNonNull(title, "title"),
        weights.clone(),
        units,
        height,
        width,
        Math.min(units, most));
  }

  /**
   * Filters from weights with one unit a column, as in {@code y = x W}.
   *
   * @param title may be empty
   * @param weights {@code [height * width, units]}, signed
   * @param most the number of units to show at most, from the first
   * @throws IllegalArgumentException if a size is not positive or the length does not fit
   */
  public static FilterGrid ofColumns(
      String title, float[] weights, int height, int width, int most) {
    int units = check(weights, height, width, most);
    int inputs = height * width;
    float[] rows = new float[weights.length];
    for (int input = 0; input < inputs; input++) {
      for (int unit = 0; unit < units; unit++) {
        rows[unit * inputs + input] = weights[input * units + unit];
      }
    }
    return new FilterGrid(
        Objects.requireNonNull(title, "title"), rows, units, height, width, Math.min(units, most));
  }

  private static int check(float[] weights, int height, int width, int most) {
    if (height < 1 || width < 1 || most < 1) {
      throw new IllegalArgumentException(
          "at most %s filters of %sx%s: expected positive numbers".formatted(most, height, width));
    }
    if (weights.length == 0 || weights.length % (height * width) != 0) {
      throw new IllegalArgumentException(
          "%s weights in filters of %sx%s: expected a positive multiple of %s"
              .formatted(weights.length, height, width, height * width));
    }
    return weights.length / (height * width);
  }

  @Override
  public String html() {
    String which =
        shown == units ? "all %s".formatted(units) : "the first %s of %s".formatted(shown, units);
    return Html.figure(
        title,
        "Weights of %s units, each scaled by its own largest magnitude: red above 0, blue below."
            .formatted(which),
        "<div class=\"scroll\">%s</div>\n"
            .formatted(
                Html.image(draw(), "%s: weights of %s units as images".formatted(title, which))));
  }

  /**
   * Writes the filters as a PNG file.
   *
   * @throws dev.clessidra.models.data.DataException if it cannot be written
   */
  public void writePng(Path file) {
    byte[] png = draw().png();
    AtomicFile.write(file, out -> out.write(png));
  }

  private Raster draw() {
    int scale = Math.max(1, SIDE / Math.max(height, width));
    int stepX = width * scale + GAP;
    int stepY = height * scale + GAP;
    int columns = Math.clamp((MOST_WIDTH + GAP) / stepX, 1, shown);
    int rows = (shown + columns - 1) / columns;
    Raster raster = new Raster(rows * stepY - GAP, columns * stepX - GAP);
    for (int unit = 0; unit < shown; unit++) {
      int start = unit * height * width;
      float largest = largest(start);
      for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
          raster.square(
              unit / columns * stepY + y * scale,
              unit % columns * stepX + x * scale,
              scale,
              colour(weights[start + y * width + x], largest));
        }
      }
    }
    return raster;
  }

  private float largest(int start) {
    float largest = 0;
    for (int i = start; i < start + height * width; i++) {
      if (Float.isFinite(weights[i])) {
        largest = Math.max(largest, Math.abs(weights[i]));
      }
    }
    return largest;
  }

  private static int colour(float weight, float largest) {
    if (!Float.isFinite(weight)) {
      return NOT_FINITE;
    }
    int[] map = weight < 0 ? NEGATIVE : POSITIVE;
    double place = largest == 0 ? 0 : (double) Math.abs(weight) / largest * (map.length - 1);
    int below = Math.min((int) place, map.length - 2);
    return mix(map[below], map[below + 1], place - below);
  }

  private static int mix(int from, int to, double share) {
    int rgb = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
      int a = from >> shift & 0xff;
      int b = to >> shift & 0xff;
      rgb |= (int) Math.round(a + (b - a) * share) << shift;
    }
    return rgb;
  }
}
