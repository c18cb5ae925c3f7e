package dev.clessidra.models.segmentation;

import dev.clessidra.models.data.DataException;
import dev.clessidra.models.data.ImageData;

/**
 * Images and the class of each of their pixels. Immutable.
 *
 * @param images of one size
 * @param masks one for each image, of its size
 */
public record SegmentationData(ImageData images, Masks masks) {
  /**
   * Checks that they belong together.
   *
   * @throws DataException if their numbers or sizes differ
   */
  public SegmentationData {
    if (images.count() != masks.count()
        || images.height() != masks.height()
        || images.width() != masks.width()) {
      throw new DataException(
          "%d images of %dx%d but %d masks of %dx%d: expected a mask of its size for each image"
              .formatted(
                  images.count(),
                  images.height(),
                  images.width(),
                  masks.count(),
                  masks.height(),
                  masks.width()));
    }
  }

  /** The number of images. */
  public int count() {
    return images.count();
  }

  /**
   * The given images with their masks, in the given order, copied.
   *
   * @throws IndexOutOfBoundsException if there is no such image
   */
  public SegmentationData subset(int[] chosen) {
    return new SegmentationData(images.subset(chosen), masks.subset(chosen));
  }
}
