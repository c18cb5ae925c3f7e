package dev.clessidra.models.cli;

import dev.clessidra.models.data.DataSplit;

/** The option {@code --data} of a kind of data. */
interface DataOption<D extends DataSplit> {
  /** What was named; null where nothing was. */
  String source();

  /** What is read where nothing was named and no run tells. */
  String standard();

  /**
   * Reads the data.
   *
   * @throws dev.clessidra.models.data.DataException if it cannot be read
   */
  D read(String source);

  /** The same data named from any folder. */
  String absolute(String source);
}
