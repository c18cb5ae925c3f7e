package dev.clessidra.models.report;

import dev.clessidra.models.data.AtomicFile;
import dev.clessidra.models.data.ImageData;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Rows of small images under each other, such as originals and their reconstructions, enlarged so
 * that each pixel is a crisp square. Values below 0 are drawn black and above 1 white (or full
 * colour); values that are not a number stand out in magenta.
 */
public final class ImageGrid implements Figure {
  private static final int GAP = 4;
  private static final int MOST_WIDTH = 900; // of a row, unless its images would get too small
  private static final int LEAST_SIDE = 40;
  private static final int LARGEST_SIDE = 96;
  private static final int NOT_A_NUMBER = 0xff00c8;

  private final String title;
  private final int height;
  private final int width;
  private final int channels;
  private final List<Row> rows;
  private final List<String> columns;

  private static final class Row {
    private final String label;
    private final int count;
    private final float[] values;

    Row(String label, int count, float[] values) {
      this.label = label;
      this.count = count;
      this.values = values;
    }
  }

  private ImageGrid(Builder builder) {
    title = builder.title;
    height = builder.height;
    width = builder.width;
    channels = builder.channels;
    rows = List.copyOf(builder.rows);
    columns = List.copyOf(builder.columns);
  }

  /**
   * Starts a grid of images of one size.
   *
   * @param title may be empty
   * @param channels 1 for gray, 3 for red, green, blue
   * @throws IllegalArgumentException if a size is not positive or {@code channels} is neither 1 nor
   *     3
   */
  public static Builder builder(String title, int height, int width, int channels) {
    return new Builder(title, height, width, channels);
  }

  @Override
  public String html() {
    StringBuilder html = new StringBuilder("<div class=\"scroll\"><table class=\"grid\">\n");
    for (Row row : rows) {
      html.append(
          "<tr><th scope=\"row\">%s</th><td>%s</td></tr>\n"
              .formatted(Html.escape(row.label), Html.image(draw(row), describe(row))));
    }
    if (!columns.isEmpty()) {
      html.append("<tr><td></td><td><div class=\"columns\">");
      columns.forEach(label -> html.append("<span>%s</span>".formatted(Html.escape(label))));
      html.append("</div></td></tr>\n");
    }
    return Html.figure(title, "", html.append("</table></div>\n").toString());
  }

  private String describe(Row row) {
    String name = row.label.isEmpty() ? title : row.label;
    String plural = row.count == 1 ? "" : "s";
    return name.isEmpty()
        ? "A row of %s image%s".formatted(row.count, plural)
        : "%s: a row of %s image%s".formatted(name, row.count, plural);
  }

  /**
   * Writes the rows as one PNG file, top to bottom, without their labels.
   *
   * @throws dev.clessidra.models.data.DataException if it cannot be written
   */
  public void writePng(Path file) {
    List<Raster> drawn = rows.stream().map(this::draw).toList();
    int side = drawn.stream().mapToInt(Raster::width).max().orElse(1);
    int total = drawn.stream().mapToInt(row -> row.height() + GAP).sum() - GAP;
    Raster all = new Raster(Math.max(1, total), side);
    int top = 0;
    for (Raster row : drawn) {
      all.draw(top, 0, row);
      top += row.height() + GAP;
    }
    byte[] png = all.png();
    AtomicFile.write(file, out -> out.write(png));
  }

  private Raster draw(Row row) {
    int scale = scale();
    Raster raster = new Raster(height * scale, row.count * (width * scale + GAP) - GAP);
    int next = 0;
    for (int image = 0; image < row.count; image++) {
      int left = image * (width * scale + GAP);
      for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
          raster.square(y * scale, left + x * scale, scale, colour(row.values, next));
          next += channels;
        }
      }
    }
    return raster;
  }

  private int scale() {
    int longest = rows.stream().mapToInt(row -> row.count).max().orElse(1);
    int larger = Math.max(height, width);
    int fitting = Math.min(MOST_WIDTH / (longest * (width + 1)), LARGEST_SIDE / larger);
    return Math.max(1, Math.max((LEAST_SIDE + larger - 1) / larger, fitting));
  }

  private int colour(float[] values, int at) {
    int rgb = 0;
    for (int i = 0; i < 3; i++) {
      float value = values[at + (channels == 3 ? i : 0)];
      if (Float.isNaN(value)) {
        return NOT_A_NUMBER;
      }
      rgb = rgb << 8 | Math.round(Math.clamp(value, 0f, 1f) * 255);
    }
    return rgb;
  }

  /** Gathers the rows of a grid. Not thread-safe. */
  public static final class Builder {
    private final String title;
    private final int height;
    private final int width;
    private final int channels;
    private final List<Row> rows = new ArrayList<>();
    private List<String> columns = List.of();

    private Builder(String title, int height, int width, int channels) {
      if (height < 1 || width < 1 || (channels != 1 && channels != 3)) {
        throw new IllegalArgumentException(
            "images of %sx%s in %s channels: expected positive sizes and 1 or 3 channels"
                .formatted(height, width, channels));
      }
      this.title = Objects.requireNonNull(title, "title");
      this.height = height;
      this.width = width;
      this.channels = channels;
    }

    /**
     * Adds a row of images.
     *
     * @throws IllegalArgumentException if they are not of the grid's size
     */
    public Builder row(String label, ImageData images) {
      if (images.height() != height || images.width() != width || images.channels() != channels) {
        throw new IllegalArgumentException(
            "row %s has images of %sx%sx%s: expected %sx%sx%s"
                .formatted(
                    label,
                    images.height(),
                    images.width(),
                    images.channels(),
                    height,
                    width,
                    channels));
      }
      return row(label, images.floats());
    }

    /**
     * Adds a row of images with values from 0 to 1; the array is copied.
     *
     * @param images {@code [count, height, width, channels]}
     * @throws IllegalArgumentException if the length is not a positive multiple of an image's
     */
    public Builder row(String label, float[] images) {
      int size = height * width * channels;
      if (images.length == 0 || images.length % size != 0) {
        throw new IllegalArgumentException(
            "row %s has %s values: expected a positive multiple of the %s of one image"
                .formatted(label, images.length, size));
      }
      rows.add(
          new Row(Objects.requireNonNull(label, "label"), images.length / size, images.clone()));
      return this;
    }

    /** Labels of the columns, in the page spread evenly below the rows. */
    public Builder columns(String... labels) {
      columns = List.of(labels);
      return this;
    }

    /** The grid. */
    public ImageGrid build() {
      return new ImageGrid(this);
    }
  }
}
