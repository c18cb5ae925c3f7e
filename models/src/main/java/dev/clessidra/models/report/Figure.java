package dev.clessidra.models.report;

/** Something a {@link Report} shows. Figures are immutable and thread-safe. */
public sealed interface Figure permits FilterGrid, Histogram, ImageGrid, LineChart, ScatterPlot {
  /** The figure as an element of HTML that needs no other resource. */
  String html();
}
