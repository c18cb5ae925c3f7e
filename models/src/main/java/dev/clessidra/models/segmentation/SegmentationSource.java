package dev.clessidra.models.segmentation;

import dev.clessidra.models.data.DataException;
import dev.clessidra.models.data.Problems;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Reads images with masks that are named by a line of text, as in the command line's {@code
 * --data}.
 *
 * <table>
 *   <caption>What can be named</caption>
 *   <tr><td>{@code cells}, {@code cells:SEED}</td><td>{@link SyntheticCells}</td></tr>
 *   <tr><td>{@code FOLDER}</td><td>a folder, see {@link SegmentationFolder}</td></tr>
 *   <tr><td>{@code FOLDER,test=18-23}</td><td>with these images, counted from 0, as test part</td>
 *   </tr>
 *   <tr><td>{@code FOLDER,values=0/128/255}</td><td>with masks of these gray values</td></tr>
 *   <tr><td>{@code FOLDER,colour}</td><td>with images in red, green and blue</td></tr>
 * </table>
 *
 * <p>Stateless and thread-safe.
 */
public final class SegmentationSource {
  /** What names the synthetic cells. */
  public static final String CELLS = "cells";

  private static final String FORMS =
      "cells, or a folder with pictures in images/ and masks/ and, after it,"
          + " ,test=FIRST-LAST ,values=V/V or ,colour";

  private SegmentationSource() {}

  /**
   * Reads what {@code source} names.
   *
   * @throws DataException if it names nothing that can be read, or what it names is not sound
   */
  public static SegmentationDataset parse(String source) {
    return parse(source, 1);
  }

  /**
   * As {@link #parse(String)}, the images of a folder with so many channels as {@link
   * SegmentationFolder#channels} takes, unless {@code source} asks for colour.
   */
  public static SegmentationDataset parse(String source, int channels) {
    if (source.equals(CELLS)) {
      return SyntheticCells.dataset(1);
    }
    try {
      if (source.startsWith(CELLS + ":")) {
        return SyntheticCells.dataset(Long.parseLong(source.substring(CELLS.length() + 1)));
      }
      List<String> parts = List.of(source.split(",", -1));
      if (parts.getFirst().isBlank()) {
        throw new DataException("no data named: expected " + FORMS);
      }
      Path path = Path.of(parts.getFirst());
      if (!Problems.exists(path) || !Files.isDirectory(path)) {
        throw new DataException("%s is not a folder here: expected %s".formatted(path, FORMS));
      }
      SegmentationFolder folder = SegmentationFolder.of(path).channels(channels);
      for (String option : parts.subList(1, parts.size())) {
        folder = with(folder, option);
      }
      return folder.read();
    } catch (NumberFormatException e) {
      throw new DataException(
          "%s has a number that cannot be read: expected %s".formatted(source, FORMS), e);
    } catch (IllegalArgumentException e) {
      throw new DataException("%s: %s".formatted(source, e.getMessage()), e);
    }
  }

  /** The same data named from any folder. */
  public static String absolute(String source) {
    if (source.isBlank() || source.equals(CELLS) || source.startsWith(CELLS + ":")) {
      return source;
    }
    int end = source.indexOf(',');
    String folder = end < 0 ? source : source.substring(0, end);
    try {
      return Path.of(folder).toAbsolutePath().normalize() + source.substring(folder.length());
    } catch (InvalidPathException e) {
      throw new DataException(
          "%s is not a folder's name (%s): expected %s".formatted(folder, e.getReason(), FORMS), e);
    }
  }

  private static SegmentationFolder with(SegmentationFolder folder, String option) {
    if (option.equals("colour")) {
      return folder.channels(3);
    } else if (option.startsWith("test=")) {
      String[] range = option.substring("test=".length()).split("-", -1);
      if (range.length == 2) {
        return folder.test(Integer.parseInt(range[0].trim()), Integer.parseInt(range[1].trim()));
      }
    } else if (option.startsWith("values=")) {
      return folder.values(
          Arrays.stream(option.substring("values=".length()).split("/", -1))
              .map(value -> Integer.valueOf(value.trim()))
              .toList());
    }
    throw new IllegalArgumentException("'%s' is unknown: expected %s".formatted(option, FORMS));
  }
}
