package dev.clessidra.models.segmentation;

import dev.clessidra.models.data.DataException;

/**
 * Images with masks to train on and to test on. Immutable.
 *
 * @param description where they come from and how they were divided, one line for a person
 * @param train to train on
 * @param test to test on, none of them among those to train on; may be of another size
 */
public record SegmentationDataset(
    String description, SegmentationData train, SegmentationData test) {
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
}
