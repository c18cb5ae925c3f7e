package dev.clessidra.models.segmentation;

import java.util.Arrays;
import java.util.List;

/**
 * The weights that make a network learn the thin borders between touching cells: equation 2 of
 * Ronneberger, Fischer and Brox, "U-Net" (MICCAI 2015),
 *
 * <pre>{@code
 * w(x) = w_c(x) + w0 exp(-(d1(x) + d2(x))^2 / (2 sigma^2))
 * }</pre>
 *
 * with the weight w_c of the pixel's class and the distances d1 and d2, in pixels between centres,
 * to the nearest and to the second nearest cell. A cell is one of the {@link ConnectedComponents}
 * of the foreground. The second term is added to pixels outside cells, where there are at least two
 * cells.
 *
 * @param w0 the largest weight of a border, 10 in the paper
 * @param sigma how soon it falls with the distance, in pixels, 5 in the paper
 * @param foreground the class of the cells
 */
public record BorderWeights(double w0, double sigma, int foreground) {
  // Terms below this are taken as 0, so that each cell is looked for in its surroundings alone.
  private static final double NEGLIGIBLE = 1e-6;
  private static final long FAR = Long.MAX_VALUE;

  /** Checks the numbers. */
  public BorderWeights {
    if (!(w0 >= 0 && Double.isFinite(w0)) || !(sigma > 0 && Double.isFinite(sigma))) {
      throw new IllegalArgumentException(
          "border weights: expected w0 of at least 0 and sigma above 0, got %s and %s"
              .formatted(w0, sigma));
    }
  }

  /** The paper's numbers, for cells of class 1. */
  public static BorderWeights standard() {
    return new BorderWeights(10, 5, 1);
  }

  /**
   * The weights of each pixel of all masks.
   *
   * @param classWeights w_c, one a class; empty for 1 each
   * @return [count, height, width]
   */
  public float[] of(Masks masks, List<Float> classWeights) {
    if (!classWeights.isEmpty() && classWeights.size() != masks.classes()) {
      throw new IllegalArgumentException(
          "border weights: expected one weight for each of the %d classes, got %s"
              .formatted(masks.classes(), classWeights));
    }
    int size = masks.height() * masks.width();
    float[] weights = new float[Math.multiplyExact(masks.count(), size)];
    for (int i = 0; i < masks.count(); i++) {
      byte[] mask = masks.bytes(i);
      double[] borders = borders(mask, masks.height(), masks.width());
      for (int j = 0; j < size; j++) {
        double own = classWeights.isEmpty() ? 1 : classWeights.get(mask[j] & 0xff);
        weights[i * size + j] = (float) (own + borders[j]);
      }
    }
    return weights;
  }

  /** The second term. */
  private double[] borders(byte[] mask, int height, int width) {
    double[] result = new double[mask.length];
    ConnectedComponents cells = ConnectedComponents.of(mask, height, width, foreground);
    if (w0 <= NEGLIGIBLE) {
      return result;
    }
    int reach = (int) Math.ceil(sigma * Math.sqrt(2 * Math.log(w0 / NEGLIGIBLE)));
    long[] nearest = new long[mask.length];
    long[] second = new long[mask.length];
    Arrays.fill(nearest, FAR);
    Arrays.fill(second, FAR);
    for (Box box : boxes(cells, height, width)) {
      Box around = box.grown(reach, height, width);
      long[] distances = squaredDistances(cells, box.label, around, width);
      for (int y = 0; y < around.height(); y++) {
        for (int x = 0; x < around.width(); x++) {
          int pixel = (around.top + y) * width + around.left + x;
          long distance = distances[y * around.width() + x];
          if (distance < nearest[pixel]) {
            second[pixel] = nearest[pixel];
            nearest[pixel] = distance;
          } else {
            second[pixel] = Math.min(second[pixel], distance);
          }
        }
      }
    }
    for (int i = 0; i < result.length; i++) {
      if (second[i] < FAR && cells.label(i) == 0) {
        double distance = Math.sqrt((double) nearest[i]) + Math.sqrt((double) second[i]);
        result[i] = w0 * StrictMath.exp(-distance * distance / (2 * sigma * sigma));
      }
    }
    return result;
  }

  /** A rectangle of pixels, bottom and right exclusive, of a component. */
  private record Box(int label, int top, int left, int bottom, int right) {
    int height() {
      return bottom - top;
    }

    int width() {
      return right - left;
    }

    Box with(int y, int x) {
      return new Box(
          label,
          Math.min(top, y),
          Math.min(left, x),
          Math.max(bottom, y + 1),
          Math.max(right, x + 1));
    }

    Box grown(int by, int imageHeight, int imageWidth) {
      return new Box(
          label,
          Math.max(0, top - by),
          Math.max(0, left - by),
          Math.min(imageHeight, bottom + by),
          Math.min(imageWidth, right + by));
    }
  }

  private static List<Box> boxes(ConnectedComponents cells, int height, int width) {
    Box[] boxes = new Box[cells.count()];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int label = cells.label(y * width + x);
        if (label > 0) {
          Box box = boxes[label - 1];
          boxes[label - 1] = box == null ? new Box(label, y, x, y + 1, x + 1) : box.with(y, x);
        }
      }
    }
    return List.of(boxes);
  }

  /**
   * The squared distance of each pixel of a box to a component: along columns by two sweeps, then
   * along rows as the lower envelope of parabolas (Felzenszwalb and Huttenlocher, "Distance
   * transforms of sampled functions", 2012).
   */
  private static long[] squaredDistances(
      ConnectedComponents cells, int label, Box box, int imageWidth) {
    int height = box.height();
    int width = box.width();
    long none = (long) height + width; // more than any distance along a column
    long[] columns = new long[height * width];
    for (int x = 0; x < width; x++) {
      long distance = none;
      for (int y = 0; y < height; y++) {
        boolean inside = cells.label((box.top + y) * imageWidth + box.left + x) == label;
        distance = inside ? 0 : Math.min(none, distance + 1);
        columns[y * width + x] = distance;
      }
      for (int y = height - 2; y >= 0; y--) {
        int i = y * width + x;
        columns[i] = Math.min(columns[i], columns[i + width] + 1);
      }
    }
    long[] result = new long[columns.length];
    int[] vertex = new int[width];
    double[] from = new double[width + 1];
    for (int y = 0; y < height; y++) {
      int row = y * width;
      int last = 0;
      vertex[0] = 0;
      from[0] = Double.NEGATIVE_INFINITY;
      from[1] = Double.POSITIVE_INFINITY;
      for (int x = 1; x < width; x++) {
        double crossing = crossing(columns, row, vertex[last], x);
        while (crossing <= from[last]) {
          last--;
          crossing = crossing(columns, row, vertex[last], x);
        }
        last++;
        vertex[last] = x;
        from[last] = crossing;
        from[last + 1] = Double.POSITIVE_INFINITY;
      }
      int current = 0;
      for (int x = 0; x < width; x++) {
        while (from[current + 1] < x) {
          current++;
        }
        long across = x - (long) vertex[current];
        long along = columns[row + vertex[current]];
        result[row + x] = across * across + along * along;
      }
    }
    return result;
  }

  /** Where the parabola of a column x falls below that of an earlier one. */
  private static double crossing(long[] columns, int row, int earlier, int x) {
    double a = (double) columns[row + earlier] * columns[row + earlier];
    double b = (double) columns[row + x] * columns[row + x];
    return (b + (double) x * x - a - (double) earlier * earlier) / (2.0 * (x - earlier));
  }
}
