package dev.clessidra.models.segmentation;

import dev.clessidra.models.data.DataException;
import dev.clessidra.models.data.DataSplit;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.data.ImageFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * Reads images with masks from a folder: pictures in {@code images} and, under the same names but
 * for the ending, in {@code masks} or {@code labels}. These lie in sub-folders {@code train} and
 * {@code test}; or in the folder itself, of which then the last tenth is set aside as test part, or
 * the {@linkplain #test range} that is asked for.
 *
 * <p>The gray values of the training masks, in ascending order, are the classes 0, 1, ...: masks of
 * 0 and 255 have two, and class numbers stay as they are; {@link #values} names them instead.
 *
 * <pre>{@code
 * SegmentationDataset slices = SegmentationFolder.of(folder).test(18, 23).read();
 * }</pre>
 *
 * <p>Immutable and thread-safe.
 */
public final class SegmentationFolder {
  // More gray values than that are no classes but a picture, or what JPEG made of them.
  private static final int MOST_CLASSES = 64;

  private final Path folder;
  private final int channels;
  private final List<Integer> values;
  private final int firstTest;
  private final int lastTest;

  private SegmentationFolder(
      Path folder, int channels, List<Integer> values, int firstTest, int lastTest) {
    this.folder = folder;
    this.channels = channels;
    this.values = values;
    this.firstTest = firstTest;
    this.lastTest = lastTest;
  }

  /** A folder of gray images. */
  public static SegmentationFolder of(Path folder) {
    return new SegmentationFolder(folder, 1, List.of(), -1, -1);
  }

  /** With images of 1 channel, gray, or 3 channels, red, green and blue. */
  public SegmentationFolder channels(int count) {
    return new SegmentationFolder(folder, count, values, firstTest, lastTest);
  }

  /**
   * With masks of these gray values, the first of which is class 0.
   *
   * @param grayValues two or more different ones in [0, 255]; none to take what the masks have
   */
  public SegmentationFolder values(List<Integer> grayValues) {
    boolean fit =
        grayValues.stream().allMatch(value -> value >= 0 && value <= 255)
            && grayValues.stream().distinct().count() == grayValues.size()
            && grayValues.size() != 1;
    if (!fit) {
      throw new IllegalArgumentException(
          "mask values %s: expected two or more different ones from 0 to 255"
              .formatted(grayValues));
    }
    return new SegmentationFolder(folder, channels, List.copyOf(grayValues), firstTest, lastTest);
  }

  /**
   * With these images, in the order of their names, as test part and all others to train on; for a
   * folder without sub-folders {@code train} and {@code test}.
   *
   * @param first counted from 0
   * @param last inclusive
   */
  public SegmentationFolder test(int first, int last) {
    if (first < 0 || last < first) {
      throw new IllegalArgumentException(
          "test images %d-%d: expected a range of numbers from 0".formatted(first, last));
    }
    return new SegmentationFolder(folder, channels, values, first, last);
  }

  /**
   * Reads it.
   *
   * @throws DataException if there are no pictures, a mask is missing, is of another size than its
   *     image or has an unknown value, or a picture cannot be read
   */
  public SegmentationDataset read() {
    if (!Files.isDirectory(folder)) {
      throw new DataException(folder + " is not a folder here: check the name");
    }
    Path train = folder.resolve("train");
    Path test = folder.resolve("test");
    if (Files.isDirectory(train) && Files.isDirectory(test)) {
      if (firstTest >= 0) {
        throw new DataException(
            folder
                + " has the sub-folders train and test: the test images are those; ask for no"
                + " range");
      }
      Part trainPart = Part.read(train, channels);
      List<Integer> classes = values.isEmpty() ? trainPart.grayValues() : values;
      SegmentationData trainData = trainPart.withClasses(classes);
      SegmentationData testData = Part.read(test, channels).withClasses(classes);
      return new SegmentationDataset(
          "%s: %s, mask values %s"
              .formatted(folder, DataSplit.sizes(trainData.count(), testData.count()), classes),
          trainData,
          testData);
    }
    Part all = Part.read(folder, channels);
    List<Integer> classes = values.isEmpty() ? all.grayValues() : values;
    return split(all.withClasses(classes), classes);
  }

  private SegmentationDataset split(SegmentationData all, List<Integer> classes) {
    int count = all.count();
    if (count < 2) {
      throw new DataException(
          folder + " has one image: expected at least two, one to train and one to test on");
    }
    int first = firstTest >= 0 ? firstTest : count - Math.max(1, count / 10);
    int last = firstTest >= 0 ? lastTest : count - 1;
    if (last >= count || last - first + 1 == count) {
      throw new DataException(
          "%s has the images 0 to %d: a test part of %d-%d leaves none to train on or is not there"
              .formatted(folder, count - 1, first, last));
    }
    return new SegmentationDataset(
        "%s: images %d-%d as test part, %d to train on, mask values %s"
            .formatted(folder, first, last, count - (last - first + 1), classes),
        all.subset(IntStream.range(0, count).filter(i -> i < first || i > last).toArray()),
        all.subset(IntStream.rangeClosed(first, last).toArray()));
  }

  /** Images and the gray values of their masks. */
  private static final class Part {
    private final ImageData images;
    private final List<Path> maskFiles;
    private final byte[] masks;

    private Part(ImageData images, List<Path> maskFiles, byte[] masks) {
      this.images = images;
      this.maskFiles = maskFiles;
      this.masks = masks;
    }

    static Part read(Path folder, int channels) {
      Path imageFolder = folder.resolve("images");
      Path maskFolder =
          Files.isDirectory(folder.resolve("masks"))
              ? folder.resolve("masks")
              : folder.resolve("labels");
      if (!Files.isDirectory(imageFolder) || !Files.isDirectory(maskFolder)) {
        throw new DataException(
            folder
                + " has no images with masks: expected pictures in sub-folders images and masks, in"
                + " it or in its sub-folders train and test");
      }
      List<Path> imageFiles = ImageFolder.pictures(imageFolder);
      if (imageFiles.isEmpty()) {
        throw new DataException(
            imageFolder + " has no pictures: expected .png or .jpg files; check the name");
      }
      Map<String, Path> maskByName = new HashMap<>();
      ImageFolder.pictures(maskFolder).forEach(mask -> maskByName.put(name(mask), mask));
      ImageData images = ImageFolder.read(imageFiles, channels);
      int size = images.height() * images.width();
      List<Path> maskFiles = new ArrayList<>();
      byte[] masks = new byte[Math.multiplyExact(images.count(), size)];
      for (int i = 0; i < imageFiles.size(); i++) {
        Path file = imageFiles.get(i);
        Path maskFile = maskByName.get(name(file));
        if (maskFile == null) {
          throw new DataException(
              "%s has no mask: expected %s.png in %s; add it or remove the image"
                  .formatted(file, name(file), maskFolder));
        }
        ImageData mask = ImageFolder.read(List.of(maskFile), 1);
        if (mask.height() != images.height() || mask.width() != images.width()) {
          throw new DataException(
              "%s is %dx%d but its image %s is %dx%d (height x width): expected the same size"
                  .formatted(
                      maskFile,
                      mask.height(),
                      mask.width(),
                      file,
                      images.height(),
                      images.width()));
        }
        System.arraycopy(mask.bytes(), 0, masks, i * size, size);
        maskFiles.add(maskFile);
      }
      return new Part(images, maskFiles, masks);
    }

    private static String name(Path file) {
      String name = file.getFileName().toString();
      return name.substring(0, name.lastIndexOf('.'));
    }

    List<Integer> grayValues() {
      TreeSet<Integer> found = new TreeSet<>();
      for (byte value : masks) {
        found.add(value & 0xff);
      }
      if (found.size() > MOST_CLASSES) {
        throw new DataException(
            "%s and the other masks have %d gray values: expected one a class; name those of the classes, or save masks as PNG and not smoothed"
                .formatted(maskFiles.getFirst(), found.size()));
      }
      if (found.size() < 2) {
        throw new DataException(
            "%s and the other masks have the value %s alone: expected two classes or more"
                .formatted(maskFiles.getFirst(), found.first()));
      }
      return List.copyOf(found);
    }

    SegmentationData withClasses(List<Integer> values) {
      byte[] classes = new byte[masks.length];
      for (int i = 0; i < masks.length; i++) {
        int number = values.indexOf(masks[i] & 0xff);
        if (number < 0) {
          int size = images.height() * images.width();
          throw new DataException(
              "%s has the value %d at row %d, column %d: expected those of the classes, %s"
                  .formatted(
                      maskFiles.get(i / size),
                      masks[i] & 0xff,
                      i % size / images.width(),
                      i % images.width(),
                      values));
        }
        classes[i] = (byte) number;
      }
      return new SegmentationData(
          images, Masks.wrap(images.height(), images.width(), values.size(), classes));
    }
  }
}
