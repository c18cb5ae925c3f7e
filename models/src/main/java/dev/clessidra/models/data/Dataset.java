package dev.clessidra.models.data;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.zip.CRC32C;

/**
 * Images to train on and images to test on, of the same size. Immutable.
 *
 * @param description where they come from and how they were divided, one line for a person
 * @param train the images to train on
 * @param test the images to test on, none of them among those to train on
 */
public record Dataset(String description, ImageData train, ImageData test) implements DataSplit {
  /**
   * Checks that the two parts fit each other.
   *
   * @throws DataException if the images of the two parts differ in size
   */
  public Dataset {
    Objects.requireNonNull(description, "description");
    if (train.height() != test.height()
        || train.width() != test.width()
        || train.channels() != test.channels()) {
      throw new DataException(
          "%s: training images are %dx%dx%d but test images %dx%dx%d; give parts of one image size"
              .formatted(
                  description,
                  train.height(),
                  train.width(),
                  train.channels(),
                  test.height(),
                  test.width(),
                  test.channels()));
    }
  }

  @Override
  public int trainingCount() {
    return train.count();
  }

  @Override
  public String checksum() {
    CRC32C sum = new CRC32C();
    for (ImageData part : new ImageData[] {train, test}) {
      sum.update((part + "\n").getBytes(StandardCharsets.UTF_8));
      sum.update(part.segment().asByteBuffer());
      if (part.hasLabels()) {
        int[] labels = part.labels();
        ByteBuffer bytes = ByteBuffer.allocate(labels.length * Integer.BYTES);
        bytes.asIntBuffer().put(labels);
        sum.update(bytes);
      }
    }
    return "crc32c:%08x".formatted(sum.getValue());
  }
}
