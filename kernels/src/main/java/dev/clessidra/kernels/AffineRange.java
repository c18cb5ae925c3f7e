package dev.clessidra.kernels;

/**
 * How far {@link Kernels#affineWarp} distorts an image; each is drawn uniformly from minus to plus
 * the value given.
 *
 * @param probability that an image is distorted at all, in [0, 1]
 * @param rotation in turns, in [0, 0.5]
 * @param scale change of width and height as a fraction, in [0, 1)
 * @param shear change of the column per row, in [0, 1]
 * @param shift in pixels, in [0, 1000]
 */
public record AffineRange(
    float probability, float rotation, float scale, float shear, float shift) {
  /** Checks the ranges. */
  public AffineRange {
    check("probability", probability, 1);
    check("rotation", rotation, 0.5f);
    check("scale", scale, Math.nextDown(1f));
    check("shear", shear, 1);
    check("shift", shift, 1000);
  }

  private static void check(String name, float value, float largest) {
    if (!(value >= 0 && value <= largest)) {
      throw new IllegalArgumentException(
          "affine_warp: %s is %s: expected 0 to %s.".formatted(name, value, largest));
    }
  }
}
