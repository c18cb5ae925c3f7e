package dev.clessidra.bench;

/** A class of the highest layer, for a lower one to import. */
public final class LayersTestTarget {
  private LayersTestTarget() {}

  public static void touch() {}
}
