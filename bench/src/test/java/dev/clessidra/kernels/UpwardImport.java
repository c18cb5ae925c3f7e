package dev.clessidra.kernels;

import dev.clessidra.bench.LayersTestTarget;

/** What the layering forbids, so that its test can see its rules fail. */
public final class UpwardImport {
  private UpwardImport() {}

  static void callUpward() {
    LayersTestTarget.touch();
    System.exit(1);
  }
}
