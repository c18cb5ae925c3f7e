package dev.clessidra.kernels;

/**
 * Which random views of an image {@link Kernels#deformationField} takes: mirrored, turned, scaled
 * and deformed elastically. Immutable.
 *
 * <p>The elastic deformation is that of Ronneberger, Fischer and Brox 2015, section 3.1: the points
 * of a coarse grid over the view are displaced by normally distributed numbers; in between run
 * Catmull-Rom curves.
 *
 * @param mirrorLeftRight whether every second view, on average, is mirrored left to right
 * @param mirrorUpDown whether every second view, on average, is mirrored top to bottom
 * @param quarterTurns whether views are turned by 0 to 3 quarter turns
 * @param rotation in turns, uniform from minus to plus this, in [0, 0.5]
 * @param scale pixels of the image from one pixel of the view to the next, uniform in 1 plus or
 *     minus this, in [0, 1)
 * @param elastic standard deviation in pixels of the displacements, in [0, 1000]; 0 for none
 * @param grid points of a row and of a column of the grid, 2 to {@value #LARGEST_GRID}
 */
public record DeformationRange(
    boolean mirrorLeftRight,
    boolean mirrorUpDown,
    boolean quarterTurns,
    float rotation,
    float scale,
    float elastic,
    int grid) {

  /** Points that a row of the grid has at most. */
  public static final int LARGEST_GRID = 16;

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if one is outside what it may be
   */
  public DeformationRange {
    check("rotation", rotation, 0.5f);
    check("scale", scale, Math.nextDown(1f));
    check("elastic", elastic, 1000);
    if (grid < 2 || grid > LARGEST_GRID) {
      throw new IllegalArgumentException(
          "deformation_field: grid is %d: expected 2 to %d points.".formatted(grid, LARGEST_GRID));
    }
  }

  /** Returns the range of plain crops, with a grid of 3 points for an elastic deformation. */
  public static DeformationRange none() {
    return new DeformationRange(false, false, false, 0, 0, 0, 3);
  }

  /** Returns this range with or without mirrored views. */
  public DeformationRange withMirrors(boolean leftRight, boolean upDown) {
    return new DeformationRange(leftRight, upDown, quarterTurns, rotation, scale, elastic, grid);
  }

  /** Returns this range with or without views turned by quarter turns, which have to be square. */
  public DeformationRange withQuarterTurns(boolean turned) {
    return new DeformationRange(
        mirrorLeftRight, mirrorUpDown, turned, rotation, scale, elastic, grid);
  }

  /** Returns this range with another rotation, in turns. */
  public DeformationRange withRotation(float turns) {
    return new DeformationRange(
        mirrorLeftRight, mirrorUpDown, quarterTurns, turns, scale, elastic, grid);
  }

  /** Returns this range with another change of scale. */
  public DeformationRange withScale(float change) {
    return new DeformationRange(
        mirrorLeftRight, mirrorUpDown, quarterTurns, rotation, change, elastic, grid);
  }

  /** Returns this range with another elastic deformation: a standard deviation in pixels. */
  public DeformationRange withElastic(float pixels) {
    return new DeformationRange(
        mirrorLeftRight, mirrorUpDown, quarterTurns, rotation, scale, pixels, grid);
  }

  /** Returns this range with another grid for the elastic deformation. */
  public DeformationRange withGrid(int points) {
    return new DeformationRange(
        mirrorLeftRight, mirrorUpDown, quarterTurns, rotation, scale, elastic, points);
  }

  private static void check(String name, float value, float largest) {
    if (!(value >= 0 && value <= largest)) {
      throw new IllegalArgumentException(
          "deformation_field: %s is %s: expected 0 to %s.".formatted(name, value, largest));
    }
  }
}
