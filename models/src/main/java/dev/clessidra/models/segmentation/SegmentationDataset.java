package dev.clessidra.models.segmentation;

import dev.clessidra.models.data.DataException;
import dev.clessidra.models.data.DataSplit;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

/**
 * Images with masks to train on and to test on. Immutable.
 *
 * @param description where they come from and how they were divided, one line for a person
 * @param train to train on
 * @param test to test on, none of them among those to train on; may be of another size
 */
public record SegmentationDataset(String description, SegmentationData train, SegmentationData test)
    implements DataSplit {
  /**
   * Checks that the two parts fit each other.
   *
   * @throws DataException if they have other numbers of channels or classes
   */
  public SegmentationDataset {
    if (train.images().channels() != test.images().channels()
        || train.masks().classes() != test.masks().classes()) {
      throw new DataException(
          "%s: the training part has %d channels and %d classes, the test part %d and %d: expected the same"
              .formatted(
                  description,
                  train.images().channels(),
                  train.masks().classes(),
                  test.images().channels(),
                  test.masks().classes()));
    }
  }

  @Override
  public int trainingCount() {
    return train.count();
  }

  @Override
  public String checksum() {
    CRC32C sum = new CRC32C();
    for (SegmentationData part : new SegmentationData[] {train, test}) {
      sum.update((part.images() + "\n").getBytes(StandardCharsets.UTF_8));
      sum.update(part.images().segment().asByteBuffer());
      for (int i = 0; i < part.count(); i++) {
        sum.update(part.masks().bytes(i));
      }
    }
    return "crc32c:%08x".formatted(sum.getValue());
  }
}
