package dev.clessidra.models.cli;

import dev.clessidra.models.UNet;
import dev.clessidra.models.segmentation.SegmentationDataset;
import dev.clessidra.models.segmentation.SegmentationSource;
import picocli.CommandLine.Option;

/** The option that names images with masks. */
final class SegmentationSelection implements DataOption<SegmentationDataset> {
  @Option(
      names = "--data",
      paramLabel = "DATA",
      order = HelpSections.DATA,
      description = {
        "cells (synthetic, drawn anew by cells:SEED), or a folder with pictures in images/ and,"
            + " under the same names, in masks/ or labels/; or with these in train/ and test/."
            + " Without those the last tenth is the test part, or FOLDER,test=18-23."
            + " FOLDER,values=0/128/255 names the gray values of the classes in their order;"
            + " FOLDER,colour reads colours (default: ${DEFAULT-VALUE}).",
      })
  private String source;

  private final int channels;

  /** For the command line. */
  SegmentationSelection() {
    this.channels = 1;
  }

  /** Of a source that was named otherwise, or null; its images as a network takes them. */
  SegmentationSelection(String source, UNet network) {
    this.source = source;
    this.channels = network.channels();
  }

  @Override
  public String source() {
    return source;
  }

  @Override
  public String standard() {
    return SegmentationSource.CELLS;
  }

  @Override
  public SegmentationDataset read(String source) {
    return SegmentationSource.parse(source, channels);
  }

  @Override
  public String absolute(String source) {
    return SegmentationSource.absolute(source);
  }
}
