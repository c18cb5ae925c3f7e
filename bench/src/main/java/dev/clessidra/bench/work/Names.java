package dev.clessidra.bench.work;

import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Window;

/** How sizes stand in names. */
final class Names {
  private Names() {}

  /** For example {@code conv2d 8x64x64x64,64x3x3 stride 1 padding 1 forward}. */
  static String convolution(
      String family, Images images, int filters, Window window, String direction) {
    return "%s %s,%dx%dx%d stride %d padding %d %s"
        .formatted(
            family,
            images(images),
            filters,
            window.height(),
            window.width(),
            window.strideHeight(),
            window.paddingHeight(),
            direction);
  }

  static String images(Images images) {
    return "%dx%dx%dx%d"
        .formatted(images.count(), images.height(), images.width(), images.channels());
  }
}
