package dev.clessidra.models.segmentation;

import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.kernels.Scope;
import dev.clessidra.models.UNet;
import dev.clessidra.models.data.ImageData;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Gives each pixel of images of any size its class, by a trained {@link UNet} and overlapping tiles
 * whose surroundings are mirrored at the image's borders (Ronneberger et al. 2015, figure 2). Where
 * an image fits into a tile the network sees it as a whole.
 *
 * <pre>{@code
 * Masks masks = Segmenter.of(model).flips(true).segment(images);
 * }</pre>
 *
 * <p>Immutable; many threads may use one at once, without a lock, while nobody trains or closes the
 * model.
 */
public final class Segmenter {
  private final UNet model;
  private final int tile;
  private final int overlap;
  private final int batch;
  private final boolean flips;

  private Segmenter(UNet model, int tile, int overlap, int batch, boolean flips) {
    this.model = model;
    this.tile = tile;
    this.overlap = overlap;
    this.batch = batch;
    this.flips = flips;
  }

  /** With tiles of up to 512 x 512 pixels that overlap by 64, four in a batch, not flipped. */
  public static Segmenter of(UNet model) {
    return new Segmenter(Objects.requireNonNull(model, "model"), 512, 64, 4, false);
  }

  /**
   * With tiles of another size: larger ones need more memory, smaller ones more work.
   *
   * @param size height and width of what the network sees at most, in pixels; rounded down to what
   *     fits the network
   * @param context pixels at each side of a tile whose classes are not used as they lack
   *     surroundings; rounded up to a multiple of the network's stride. Not for unpadded
   *     convolutions, which have a margin of their own
   */
  public Segmenter tile(int size, int context) {
    if (size < 1 || context < 0) {
      throw new IllegalArgumentException(
          "segment: tiles of %d pixels that overlap by %d: expected at least 1 pixel, and an overlap of at least 0"
              .formatted(size, context));
    }
    Segmenter changed = new Segmenter(model, size, context, batch, flips);
    changed.window(Integer.MAX_VALUE);
    return changed;
  }

  /** With tiles of another size that overlap by 64 pixels, or less where they are small. */
  public Segmenter tile(int size) {
    int stride = model.stride();
    return tile(size, Math.clamp(size / 4 / stride * (long) stride, 0, 64));
  }

  /** With so many tiles at a time, at least 1. */
  public Segmenter batch(int tiles) {
    if (tiles < 1) {
      throw new IllegalArgumentException("segment: a batch has at least 1 tile, got " + tiles);
    }
    return new Segmenter(model, tile, overlap, tiles, flips);
  }

  /**
   * Whether each tile is seen flipped left and right, up and down, and about its diagonal, which is
   * in all eight ways of mirrors and quarter turns, and the probabilities are averaged.
   */
  public Segmenter flips(boolean value) {
    return new Segmenter(model, tile, overlap, batch, value);
  }

  /**
   * The most probable class of each pixel; of equal ones the first.
   *
   * @throws IllegalArgumentException when the images have another number of channels than the
   *     model, or are smaller than its stride
   */
  public Masks segment(ImageData images) {
    int classes = model.classes();
    int size = images.height() * images.width();
    byte[] result = new byte[Math.multiplyExact(images.count(), size)];
    for (int i = 0; i < images.count(); i++) {
      float[] p = probabilities(images.subset(i, i + 1));
      for (int j = 0; j < size; j++) {
        int best = 0;
        for (int c = 1; c < classes; c++) {
          if (p[j * classes + c] > p[j * classes + best]) {
            best = c;
          }
        }
        result[i * size + j] = (byte) best;
      }
    }
    return Masks.wrap(images.height(), images.width(), classes, result);
  }

  /**
   * The probabilities of the classes of each pixel; the model's {@link UNet#inputExposure} is
   * applied.
   *
   * @return [count, height, width, classes]
   * @throws IllegalArgumentException as {@link #segment}, or when there are more probabilities than
   *     an array holds
   */
  public float[] probabilities(ImageData images) {
    if (images.channels() != model.channels()) {
      throw new IllegalArgumentException(
          "segment: the images have %d channels, the model was trained on %d: give such images"
              .formatted(images.channels(), model.channels()));
    }
    ImageData scaled = model.inputExposure().apply(images);
    float[] result =
        new float[length(images.count(), images.height(), images.width(), model.classes())];
    int size = images.height() * images.width() * model.classes();
    for (int i = 0; i < images.count(); i++) {
      float[] one = probabilities(scaled.floats(i, i + 1), images.height(), images.width());
      System.arraycopy(one, 0, result, i * size, size);
    }
    return result;
  }

  /**
   * The probabilities of the classes of each pixel of one image.
   *
   * @param image [height, width, channels], from 0, black, to 1, white; taken as it is
   * @return [height, width, classes]
   * @throws IllegalArgumentException when the length does not fit, a value is not finite, or the
   *     image is smaller than the network's stride
   */
  public float[] probabilities(float[] image, int height, int width) {
    check(image, height, width);
    Window rows = window(height);
    Window columns = window(width);
    List<Tile> tiles = new ArrayList<>();
    for (int top = 0; top < height; top += rows.core()) {
      for (int left = 0; left < width; left += columns.core()) {
        for (int flip = 0; flip < (flips ? 4 : 1); flip++) {
          tiles.add(new Tile(top, left, flip % 2 == 1, flip / 2 == 1));
        }
      }
    }
    float[] result = new float[length(1, height, width, model.classes())];
    for (int first = 0; first < tiles.size(); first += batch) {
      List<Tile> some = tiles.subList(first, Math.min(first + batch, tiles.size()));
      predict(image, height, width, some, rows, columns, false, result);
      if (flips) {
        predict(image, height, width, some, rows, columns, true, result);
      }
    }
    return result;
  }

  /** The numbers of images or tiles as an array has them. */
  private static int length(int count, int height, int width, int depth) {
    long pixels = (long) height * width;
    if (pixels > Integer.MAX_VALUE || pixels * depth > Integer.MAX_VALUE / Math.max(1, count)) {
      throw new IllegalArgumentException(
          "segment: %d times %dx%dx%d numbers are too many: expected at most %d at once; give fewer or smaller images or tiles"
              .formatted(count, height, width, depth, Integer.MAX_VALUE));
    }
    return Math.toIntExact(count * pixels * depth);
  }

  private void check(float[] image, int height, int width) {
    if (height < model.stride() || width < model.stride()) {
      throw new IllegalArgumentException(
          "segment: an image of %dx%d is smaller than the network's stride: expected at least %dx%d; enlarge it or train with fewer levels"
              .formatted(height, width, model.stride(), model.stride()));
    }
    if (image.length != (long) height * width * model.channels()) {
      throw new IllegalArgumentException(
          "segment: expected the %dx%dx%d values of an image, got %d"
              .formatted(height, width, model.channels(), image.length));
    }
    for (int i = 0; i < image.length; i++) {
      if (!Float.isFinite(image[i])) {
        int pixel = i / model.channels();
        throw new IllegalArgumentException(
            "segment: the image has the value %s at row %d, column %d: expected finite numbers"
                .formatted(image[i], pixel / width, pixel % width));
      }
    }
  }

  /** Where the used part of a tile begins in the image, and how the network sees the tile. */
  private record Tile(int top, int left, boolean leftRight, boolean upDown) {}

  /**
   * The extent of tiles along one dimension.
   *
   * @param input what the network sees
   * @param output what it gives
   * @param lead pixels of the input before the used part
   * @param core pixels of the used part
   */
  private record Window(int input, int output, int lead, int core) {
    /** Pixels of the output before the used part. */
    int skipped() {
      return lead - (input - output) / 2;
    }
  }

  /** Tiles for an image of some height or width. */
  private Window window(int size) {
    int stride = model.stride();
    if (model.padding() == UNet.Padding.SAME) {
      int largest = tile / stride * stride;
      int context = Math.ceilDiv(overlap, stride) * stride;
      if (largest - 2L * context < stride) {
        throw new IllegalArgumentException(
            "segment: tiles of %d pixels that overlap by %d: expected tiles of at least %d for this overlap"
                .formatted(tile, overlap, 2 * (long) context + stride));
      }
      if (size <= largest) {
        int whole = Math.ceilDiv(size, stride) * stride;
        return new Window(whole, whole, 0, size);
      }
      return new Window(largest, largest, context, largest - 2 * context);
    }
    int input = model.inputSize(Math.min(size, Math.max(1, tile - 2 * model.margin())));
    int output = model.outputSize(input);
    int margin = (input - output) / 2;
    return new Window(input, output, margin, output);
  }

  /** Adds what the network gives tiles, seen with rows and columns exchanged or not. */
  private void predict(
      float[] image,
      int height,
      int width,
      List<Tile> tiles,
      Window rows,
      Window columns,
      boolean transposed,
      float[] result) {
    float[] inputs =
        new float[length(tiles.size(), rows.input(), columns.input(), model.channels())];
    int size = inputs.length / tiles.size();
    for (int i = 0; i < tiles.size(); i++) {
      read(image, height, width, tiles.get(i), rows, columns, transposed, inputs, i * size);
    }
    float[] outputs;
    try (Scope scope = model.device().scope()) {
      Shape shape =
          transposed
              ? Shape.of(tiles.size(), columns.input(), rows.input(), model.channels())
              : Shape.of(tiles.size(), rows.input(), columns.input(), model.channels());
      Tensor x = Tensor.of(model.device(), scope, "tiles", shape, inputs);
      outputs = model.probabilities(Tape.inference(model.device(), scope), x).copyToArray();
    }
    int outputSize = outputs.length / tiles.size();
    for (int i = 0; i < tiles.size(); i++) {
      write(
          outputs, i * outputSize, tiles.get(i), rows, columns, transposed, height, width, result);
    }
  }

  private void read(
      float[] image,
      int height,
      int width,
      Tile tile,
      Window rows,
      Window columns,
      boolean transposed,
      float[] inputs,
      int offset) {
    int channels = model.channels();
    for (int y = 0; y < rows.input(); y++) {
      int row = tile.upDown() ? rows.input() - 1 - y : y;
      int fromRow = mirrored(tile.top() - rows.lead() + row, height);
      for (int x = 0; x < columns.input(); x++) {
        int column = tile.leftRight() ? columns.input() - 1 - x : x;
        int fromColumn = mirrored(tile.left() - columns.lead() + column, width);
        int from = (fromRow * width + fromColumn) * channels;
        int place = transposed ? x * rows.input() + y : y * columns.input() + x;
        System.arraycopy(image, from, inputs, offset + place * channels, channels);
      }
    }
  }

  private void write(
      float[] outputs,
      int offset,
      Tile tile,
      Window rows,
      Window columns,
      boolean transposed,
      int height,
      int width,
      float[] result) {
    int classes = model.classes();
    float share = flips ? 0.125f : 1;
    int bottom = Math.min(rows.core(), height - tile.top());
    int right = Math.min(columns.core(), width - tile.left());
    for (int y = 0; y < bottom; y++) {
      int row = rows.skipped() + y;
      int fromRow = tile.upDown() ? rows.output() - 1 - row : row;
      for (int x = 0; x < right; x++) {
        int column = columns.skipped() + x;
        int fromColumn = tile.leftRight() ? columns.output() - 1 - column : column;
        int place =
            transposed
                ? fromColumn * rows.output() + fromRow
                : fromRow * columns.output() + fromColumn;
        int from = offset + place * classes;
        int to = ((tile.top() + y) * width + tile.left() + x) * classes;
        for (int c = 0; c < classes; c++) {
          result[to + c] += share * outputs[from + c];
        }
      }
    }
  }

  /** A place beyond the edges mirrored at the centre of the outermost pixel. */
  private static int mirrored(int place, int size) {
    if (size == 1) {
      return 0;
    }
    int period = 2 * (size - 1);
    int within = Math.floorMod(place, period);
    return Math.min(within, period - within);
  }
}
