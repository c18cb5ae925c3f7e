package dev.clessidra.models.segmentation;

import java.util.Arrays;

/**
 * The pieces of a class in a mask: sets of its pixels that hang together by their sides (not by
 * corners alone, so that a line of the other class one pixel thin, also a slanting one, separates).
 * Immutable.
 */
public final class ConnectedComponents {
  private final int[] labels;
  private final int count;

  private ConnectedComponents(int[] labels, int count) {
    this.labels = labels;
    this.count = count;
  }

  /**
   * The components of a class.
   *
   * @param mask class numbers [height, width]
   * @param foreground the class; every other one is background
   */
  public static ConnectedComponents of(byte[] mask, int height, int width, int foreground) {
    int[] labels = new int[height * width];
    int[] queue = new int[labels.length];
    int count = 0;
    for (int start = 0; start < labels.length; start++) {
      if (labels[start] != 0 || (mask[start] & 0xff) != foreground) {
        continue;
      }
      count++;
      labels[start] = count;
      queue[0] = start;
      int end = 1;
      for (int next = 0; next < end; next++) {
        int pixel = queue[next];
        int column = pixel % width;
        for (int side = 0; side < 4; side++) {
          boolean inside =
              switch (side) {
                case 0 -> column > 0;
                case 1 -> column < width - 1;
                case 2 -> pixel >= width;
                default -> pixel < labels.length - width;
              };
          if (!inside) {
            continue;
          }
          int neighbour =
              pixel
                  + switch (side) {
                    case 0 -> -1;
                    case 1 -> 1;
                    case 2 -> -width;
                    default -> width;
                  };
          if (labels[neighbour] == 0 && (mask[neighbour] & 0xff) == foreground) {
            labels[neighbour] = count;
            queue[end++] = neighbour;
          }
        }
      }
    }
    return new ConnectedComponents(labels, count);
  }

  /** How many there are. */
  public int count() {
    return count;
  }

  /** The component of a pixel by its index in the mask, 1 to {@link #count}; 0 for background. */
  public int label(int pixel) {
    return labels[pixel];
  }

  /** The pixels of each component, [count + 1]; at 0 those of the background. */
  public int[] sizes() {
    int[] sizes = new int[count + 1];
    Arrays.stream(labels).forEach(label -> sizes[label]++);
    return sizes;
  }
}
