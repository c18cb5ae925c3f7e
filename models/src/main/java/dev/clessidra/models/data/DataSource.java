package dev.clessidra.models.data;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Reads data that is named by a line of text, as in the command line's {@code --data}.
 *
 * <table>
 *   <caption>What can be named</caption>
 *   <tr><td>{@code sample}</td><td>the sample of MNIST that travels with Clessidra</td></tr>
 *   <tr><td>{@code mnist:DIR}</td><td>the four MNIST files of a folder, gzip or not</td></tr>
 *   <tr><td>{@code idx:IMAGES[,LABELS[,TEST_IMAGES[,TEST_LABELS]]]}</td>
 *       <td>IDX files; a name may be left empty</td></tr>
 *   <tr><td>a file</td><td>an IDX file of images</td></tr>
 *   <tr><td>a folder</td><td>pictures (see {@link ImageFolder}); pictures in sub-folders {@code
 *       train} and {@code test}; or the four MNIST files</td></tr>
 * </table>
 *
 * <p>Where there is no test part the last tenth of the images, at least one, is set aside; of
 * pictures in folders of classes the last tenth of each class. The description says so. Stateless
 * and thread-safe.
 */
public final class DataSource {
  private static final String FORMS =
      "sample, mnist:DIR, idx:IMAGES[,LABELS[,TEST_IMAGES[,TEST_LABELS]]], an IDX file or a folder"
          + " of pictures";

  private DataSource() {}

  /**
   * Reads what {@code source} names, pictures as gray.
   *
   * @throws DataException if it names nothing that can be read, or what it names is not sound
   */
  public static Dataset parse(String source) {
    if (source.isBlank()) {
      throw new DataException("no data named: expected " + FORMS);
    }
    if (source.equals("sample")) {
      return Mnist.sample();
    }
    if (source.startsWith("mnist:")) {
      return Mnist.read(path(source.substring("mnist:".length())));
    }
    if (source.startsWith("idx:")) {
      return idx(source.substring("idx:".length()));
    }
    Path path = path(source);
    if (Files.isDirectory(path)) {
      return folder(path);
    }
    if (!Files.exists(path)) {
      throw new DataException(
          "%s is not a file or folder here: expected %s".formatted(source, FORMS));
    }
    return split(path.toString(), IdxReader.readImages(path));
  }

  /**
   * Returns the files that {@link #parse} reads, and folders of which it reads all pictures; what
   * is not there is not checked.
   *
   * @throws DataException if something is named that is no file name
   */
  public static List<Path> paths(String source) {
    if (source.isBlank() || source.equals("sample")) {
      return List.of();
    }
    if (source.startsWith("mnist:")) {
      return Mnist.filesIn(path(source.substring("mnist:".length())));
    }
    if (source.startsWith("idx:")) {
      return Arrays.stream(source.substring("idx:".length()).split(",", -1))
          .filter(name -> !name.isBlank())
          .map(DataSource::path)
          .toList();
    }
    Path path = path(source);
    return Mnist.isIn(path) ? Mnist.filesIn(path) : List.of(path);
  }

  private static Dataset idx(String names) {
    List<String> files = List.of(names.split(",", -1));
    if (files.size() > 4 || files.get(0).isBlank()) {
      throw new DataException(
          "idx:%s: expected idx:IMAGES[,LABELS[,TEST_IMAGES[,TEST_LABELS]]]".formatted(names));
    }
    ImageData train = idxPart(files, 0);
    if (files.size() < 3 || files.get(2).isBlank()) {
      if (files.size() == 4 && !files.get(3).isBlank()) {
        throw new DataException(
            "idx:%s names test labels without test images: expected both or neither"
                .formatted(names));
      }
      return split(files.get(0), train);
    }
    ImageData test = idxPart(files, 2);
    return new Dataset(
        "%s and %s: %d training and %d test images"
            .formatted(files.get(0), files.get(2), train.count(), test.count()),
        train,
        test);
  }

  private static ImageData idxPart(List<String> files, int images) {
    Path file = path(files.get(images));
    boolean labelled = files.size() > images + 1 && !files.get(images + 1).isBlank();
    return labelled
        ? IdxReader.read(file, path(files.get(images + 1)))
        : IdxReader.readImages(file);
  }

  private static Dataset folder(Path folder) {
    if (Mnist.isIn(folder)) {
      return Mnist.read(folder);
    }
    Path trainFolder = folder.resolve("train");
    Path testFolder = folder.resolve("test");
    if (!Files.isDirectory(trainFolder) || !Files.isDirectory(testFolder)) {
      return split(folder.toString(), ImageFolder.read(folder));
    }
    ImageData train = ImageFolder.read(trainFolder);
    ImageData test = ImageFolder.read(testFolder);
    if (!train.classNames().equals(test.classNames())) {
      throw new DataException(
          "%s has the classes %s but %s has %s: expected the same sub-folders in both; add or remove"
                  .formatted(trainFolder, train.classNames(), testFolder, test.classNames())
              + " what differs");
    }
    return new Dataset(
        "pictures of %s: %d training and %d test images"
            .formatted(folder, train.count(), test.count()),
        train,
        test);
  }

  private static Dataset split(String name, ImageData all) {
    if (all.count() < 2) {
      throw new DataException(
          name
              + " has one image: expected at least two, one to train and one to test on; add more");
    }
    boolean byClass = !all.classNames().isEmpty();
    boolean[] tested = new boolean[all.count()];
    if (byClass) {
      int[] labels = all.labels();
      for (int label = 0; label < all.classCount(); label++) {
        int wanted = label;
        markLastTenth(
            IntStream.range(0, labels.length).filter(i -> labels[i] == wanted).toArray(), tested);
      }
    } else {
      markLastTenth(IntStream.range(0, all.count()).toArray(), tested);
    }
    int[] train = IntStream.range(0, all.count()).filter(i -> !tested[i]).toArray();
    int[] test = IntStream.range(0, all.count()).filter(i -> tested[i]).toArray();
    if (test.length == 0) {
      throw new DataException(
          name
              + " has one picture a class: expected at least two in some class, one to train and"
              + " one to test on; add more");
    }
    return new Dataset(
        "%s: the last tenth of %s set aside as test part, %d training and %d test images"
            .formatted(name, byClass ? "each class" : "the images", train.length, test.length),
        all.subset(train),
        all.subset(test));
  }

  /** Marks the last tenth, at least one but not the only one. */
  private static void markLastTenth(int[] images, boolean[] tested) {
    int number = images.length == 1 ? 0 : Math.max(1, images.length / 10);
    Arrays.stream(images).skip(images.length - number).forEach(i -> tested[i] = true);
  }

  private static Path path(String name) {
    try {
      return Path.of(name);
    } catch (InvalidPathException e) {
      throw new DataException(
          "%s is not a file name (%s): expected %s".formatted(name, e.getReason(), FORMS), e);
    }
  }
}
