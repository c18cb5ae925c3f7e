package dev.clessidra.models;

import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.data.Mnist;

/** Real digits for the tests, few enough to train on in a second. */
public final class Digits {
  private static final Dataset SAMPLE = Mnist.sample();

  private Digits() {}

  /** The first {@code count} training digits. */
  public static ImageData train(int count) {
    return SAMPLE.train().subset(0, count);
  }

  /** The first {@code count} test digits. */
  public static ImageData test(int count) {
    return SAMPLE.test().subset(0, count);
  }
}
