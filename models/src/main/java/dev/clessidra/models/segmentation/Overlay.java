package dev.clessidra.models.segmentation;

import dev.clessidra.models.data.ImageData;

/** Pictures of masks. */
public final class Overlay {
  // Of the classes from 1 on; class 0 stays as the image is.
  private static final int[] CLASS_COLOURS = {
    0x2f9bff, 0xff9f1c, 0x3ddc84, 0xe05cff, 0xffe14d, 0x00d5d5, 0xff6b81, 0x9a8cff
  };
  private static final int MISSED = 0xff3b30;
  private static final int INVENTED = 0x2f9bff;
  private static final int CONFUSED = 0xffd60a;
  private static final double TINT = 0.45;
  private static final double SHADE = 0.5;

  private Overlay() {}

  /**
   * Masks as gray images: class 0 black, the last class white, the others between.
   *
   * @return of 1 channel
   */
  public static ImageData gray(Masks masks) {
    int[] numbers = masks.numbers();
    byte[] pixels = new byte[numbers.length];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) (numbers[i] * 255 / Math.max(1, masks.classes() - 1));
    }
    return ImageData.of(masks.height(), masks.width(), 1, pixels);
  }

  /**
   * Images with each class but the first in a colour of its own, its edges brighter.
   *
   * @return of 3 channels
   */
  public static ImageData classes(ImageData images, Masks masks) {
    requireSame(images, masks);
    int[] numbers = masks.numbers();
    return tinted(
        images,
        (pixel, row, column) -> {
          int number = numbers[pixel];
          if (number == 0) {
            return new Tint(0, 0);
          }
          boolean edge =
              (row > 0 && numbers[pixel - masks.width()] != number)
                  || (row < masks.height() - 1 && numbers[pixel + masks.width()] != number)
                  || (column > 0 && numbers[pixel - 1] != number)
                  || (column < masks.width() - 1 && numbers[pixel + 1] != number);
          return new Tint(CLASS_COLOURS[(number - 1) % CLASS_COLOURS.length], edge ? 1 : TINT);
        });
  }

  /**
   * Images, darkened, with the wrong pixels coloured: red where a class other than the first was
   * missed, blue where one was found that is not there, yellow where two were taken for each other.
   *
   * @return of 3 channels
   */
  public static ImageData errors(ImageData images, Masks truth, Masks predicted) {
    requireSame(images, truth);
    requireSame(images, predicted);
    int[] expected = truth.numbers();
    int[] found = predicted.numbers();
    return tinted(
        images,
        (pixel, row, column) -> {
          if (expected[pixel] == found[pixel]) {
            return new Tint(0, SHADE);
          }
          return new Tint(
              found[pixel] == 0 ? MISSED : expected[pixel] == 0 ? INVENTED : CONFUSED, 1);
        });
  }

  /**
   * The same images in red, green and blue.
   *
   * @return of 3 channels
   */
  public static ImageData coloured(ImageData images) {
    return tinted(images, (pixel, row, column) -> new Tint(0, 0));
  }

  /**
   * A colour over a pixel.
   *
   * @param rgb 0xRRGGBB
   * @param share of the colour, in [0, 1]; the rest is the image's
   */
  private record Tint(int rgb, double share) {}

  @FunctionalInterface
  private interface Tinting {
    /** The tint of a pixel, numbered through all images. */
    Tint of(int pixel, int row, int column);
  }

  private static ImageData tinted(ImageData images, Tinting tinting) {
    int channels = images.channels();
    byte[] from = images.bytes();
    byte[] pixels = new byte[Math.multiplyExact(from.length / channels, 3)];
    for (int i = 0; i < from.length / channels; i++) {
      Tint tint = tinting.of(i, i / images.width() % images.height(), i % images.width());
      for (int c = 0; c < 3; c++) {
        int own = from[i * channels + (channels == 3 ? c : 0)] & 0xff;
        int colour = tint.rgb() >> (16 - 8 * c) & 0xff;
        pixels[3 * i + c] = (byte) Math.round(own + tint.share() * (colour - own));
      }
    }
    return ImageData.of(images.height(), images.width(), 3, pixels);
  }

  private static void requireSame(ImageData images, Masks masks) {
    if (images.count() != masks.count()
        || images.height() != masks.height()
        || images.width() != masks.width()) {
      throw new IllegalArgumentException(
          "overlay: %d masks of %dx%d do not fit %s"
              .formatted(masks.count(), masks.height(), masks.width(), images));
    }
  }
}
