package dev.clessidra.models.data;

/** Data divided into a part to train on and a part to test on. Immutable. */
public interface DataSplit {
  /** Where the data comes from and how it was divided, one line for a person. */
  String description();

  /** How many images there are to train on. */
  int trainingCount();

  /** A checksum of all that training and evaluation see, such as {@code crc32c:89abcdef}. */
  String checksum();

  /** The sizes of the two parts in words. */
  static String sizes(int training, int test) {
    return "%d training and %d test image%s".formatted(training, test, test == 1 ? "" : "s");
  }
}
