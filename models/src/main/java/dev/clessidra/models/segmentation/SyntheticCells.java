package dev.clessidra.models.segmentation;

import dev.clessidra.models.data.ImageData;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Draws pictures of cells for which the truth is known: lumpy discs, many of them touching, of
 * different brightness on an uneven ground, blurred and noisy. The truth is of the shapes as they
 * were before the blur; between two cells that touch there is a line of background one pixel thin.
 *
 * <p>A seed gives the same bytes on every machine.
 *
 * @param height rows of a picture, at least 32
 * @param width columns of a picture, at least 32
 * @param blur standard deviation of the blur in pixels, above 0
 * @param noise standard deviation of the noise, where black is 0 and white 1; 0 or more
 */
public record SyntheticCells(int height, int width, double blur, double noise) {
  // Mean distance of an outline from the centre, in pixels.
  private static final double SMALLEST = 6;
  private static final double LARGEST = 12;
  private static final double TOUCHING = 0.6;
  private static final int TRAINING_IMAGES = 120;
  private static final int TEST_IMAGES = 24;

  /** Checks the sizes. */
  public SyntheticCells {
    if (height < 32 || width < 32 || !(blur > 0) || !(noise >= 0)) {
      throw new IllegalArgumentException(
          "synthetic cells: expected at least 32x32 pixels, a blur above 0 and a noise of at least 0, got %dx%d, %s and %s"
              .formatted(height, width, blur, noise));
    }
  }

  /** The data of the command line's {@code --data cells}: pictures of 128x128. */
  public static SegmentationDataset dataset(long seed) {
    SyntheticCells cells = new SyntheticCells(128, 128, 1.2, 0.06);
    SegmentationData all = cells.draw(TRAINING_IMAGES + TEST_IMAGES, seed);
    int[] order = new int[all.count()];
    Arrays.setAll(order, i -> i);
    return new SegmentationDataset(
        "synthetic cells of seed %d: %d training and %d test images"
            .formatted(seed, TRAINING_IMAGES, TEST_IMAGES),
        all.subset(Arrays.copyOf(order, TRAINING_IMAGES)),
        all.subset(Arrays.copyOfRange(order, TRAINING_IMAGES, order.length)));
  }

  /** Some pictures with their masks, of the classes 0, background, and 1, cell. */
  public SegmentationData draw(int count, long seed) {
    int size = height * width;
    byte[] pixels = new byte[Math.multiplyExact(count, size)];
    byte[] masks = new byte[pixels.length];
    Random random = new Random(seed);
    for (int i = 0; i < count; i++) {
      new Picture(random).draw(pixels, masks, i * size);
    }
    return new SegmentationData(
        ImageData.of(height, width, 1, pixels), Masks.wrap(height, width, 2, masks));
  }

  /** A cell: its outline at angle a is {@code radius (1 + sum of lumps_k cos(k a + phases_k))}. */
  private record Cell(
      double y,
      double x,
      double radius,
      List<Double> lumps,
      List<Double> phases,
      double brightness) {

    /** How far out a place is: 0 at the centre, 1 on the outline. */
    double position(double atY, double atX) {
      double angle = StrictMath.atan2(atY - y, atX - x);
      return StrictMath.hypot(atY - y, atX - x) / outline(angle);
    }

    double outline(double angle) {
      double factor = 1;
      for (int k = 0; k < lumps.size(); k++) {
        factor += lumps.get(k) * StrictMath.cos((k + 2) * angle + phases.get(k));
      }
      return radius * factor;
    }

    double reach() {
      return radius * (1 + lumps.stream().mapToDouble(lump -> lump).sum());
    }
  }

  private final class Picture {
    private final Random random;
    private final int[] owner = new int[height * width];
    private final double[] light = new double[height * width];
    private final List<Cell> cells = new ArrayList<>();

    Picture(Random random) {
      this.random = random;
    }

    void draw(byte[] pixels, byte[] masks, int offset) {
      int wanted = (int) (height * width * uniform(0.25, 0.55) / (Math.PI * 81));
      for (int attempt = 0; attempt < 4 * wanted && cells.size() < wanted; attempt++) {
        place(newCell());
      }
      lightGround();
      double[] seen = blurred();
      for (int i = 0; i < seen.length; i++) {
        double value = seen[i] + noise * normal();
        pixels[offset + i] = (byte) Math.clamp(Math.round(255 * value), 0, 255);
        masks[offset + i] = (byte) (owner[i] > 0 ? 1 : 0);
      }
    }

    private Cell newCell() {
      double radius = uniform(SMALLEST, LARGEST);
      List<Double> lumps = new ArrayList<>();
      List<Double> phases = new ArrayList<>();
      for (int k = 0; k < 3; k++) {
        lumps.add(uniform(0, 0.2 / (k + 1)));
        phases.add(uniform(0, 2 * Math.PI));
      }
      double y = uniform(0, height);
      double x = uniform(0, width);
      if (!cells.isEmpty() && random.nextDouble() < TOUCHING) {
        Cell neighbour = cells.get(random.nextInt(cells.size()));
        double angle = uniform(0, 2 * Math.PI);
        double distance = neighbour.outline(angle) + 0.95 * radius;
        y = neighbour.y() + distance * StrictMath.sin(angle);
        x = neighbour.x() + distance * StrictMath.cos(angle);
      }
      return new Cell(y, x, radius, lumps, phases, uniform(0.35, 0.8));
    }

    /** Adds a cell unless others leave too little room. */
    private void place(Cell cell) {
      int top = Math.max(0, (int) (cell.y() - cell.reach()));
      int bottom = Math.min(height, (int) (cell.y() + cell.reach()) + 2);
      int left = Math.max(0, (int) (cell.x() - cell.reach()));
      int right = Math.min(width, (int) (cell.x() + cell.reach()) + 2);
      List<Integer> inside = new ArrayList<>();
      List<Integer> free = new ArrayList<>();
      for (int y = top; y < bottom; y++) {
        for (int x = left; x < right; x++) {
          if (cell.position(y, x) < 1) {
            inside.add(y * width + x);
            if (!touchesAnother(y, x)) {
              free.add(y * width + x);
            }
          }
        }
      }
      if (free.size() < 40 || free.size() < 0.75 * inside.size()) {
        return;
      }
      cells.add(cell);
      for (int pixel : free) {
        owner[pixel] = cells.size();
      }
      for (int pixel : inside) {
        int y = pixel / width;
        int x = pixel % width;
        double rim = cell.position(y, x);
        light[pixel] = Math.max(light[pixel], cell.brightness() * (1 - 0.35 * rim * rim));
      }
    }

    /** Whether a pixel or one of its eight neighbours belongs to a cell. */
    private boolean touchesAnother(int y, int x) {
      for (int v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (int u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          if (owner[v * width + u] > 0) {
            return true;
          }
        }
      }
      return false;
    }

    private void lightGround() {
      double ground = uniform(0.05, 0.2);
      double down = uniform(-0.1, 0.1);
      double across = uniform(-0.1, 0.1);
      for (int i = 0; i < light.length; i++) {
        int y = i / width;
        int x = i % width;
        light[i] += ground + down * y / height + across * x / width;
        // Cells meet in a slightly darker line.
        if (owner[i] == 0) {
          light[i] *= 0.85;
        }
      }
    }

    private double[] blurred() {
      int reach = (int) Math.ceil(3 * blur);
      double[] weights = new double[2 * reach + 1];
      double sum = 0;
      for (int k = -reach; k <= reach; k++) {
        weights[k + reach] = StrictMath.exp(-k * k / (2 * blur * blur));
        sum += weights[k + reach];
      }
      double[] across = new double[light.length];
      double[] result = new double[light.length];
      for (int i = 0; i < light.length; i++) {
        for (int k = -reach; k <= reach; k++) {
          int x = Math.clamp(i % width + k, 0, width - 1);
          across[i] += weights[k + reach] / sum * light[i / width * width + x];
        }
      }
      for (int i = 0; i < light.length; i++) {
        for (int k = -reach; k <= reach; k++) {
          int y = Math.clamp(i / width + k, 0, height - 1);
          result[i] += weights[k + reach] / sum * across[y * width + i % width];
        }
      }
      return result;
    }

    private double uniform(double low, double high) {
      return low + (high - low) * random.nextDouble();
    }

    /** By Box and Muller, as Java's own normal numbers are not the same in all versions. */
    private double normal() {
      double radius = StrictMath.sqrt(-2 * StrictMath.log(1 - random.nextDouble()));
      return radius * StrictMath.cos(2 * Math.PI * random.nextDouble());
    }
  }
}
