package dev.clessidra.models.data;

import dev.clessidra.models.data.IdxReader.Input;
import java.io.FileNotFoundException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The MNIST database of handwritten digits: 28 x 28 gray pixels, ten classes.
 *
 * <p>Source: Y. LeCun, C. Cortes, C. J. C. Burges; licence CC BY-SA 3.0, see {@code
 * mnist-sample/ATTRIBUTION.txt} beside this class. Stateless and thread-safe.
 */
public final class Mnist {
  private static final List<String> NAMES =
      List.of(
          "train-images-idx3-ubyte",
          "train-labels-idx1-ubyte",
          "t10k-images-idx3-ubyte",
          "t10k-labels-idx1-ubyte");

  private Mnist() {}

  /**
   * The sample that travels with Clessidra: the first 10,000 training and 2,000 test digits. Read
   * from the class path, so neither a network nor a file is needed.
   */
  public static Dataset sample() {
    return new Dataset(
        "MNIST sample: the first 10000 training and 2000 test digits",
        IdxReader.read(resource(NAMES.get(0)), resource(NAMES.get(1))),
        IdxReader.read(resource(NAMES.get(2)), resource(NAMES.get(3))));
  }

  /**
   * Reads the four files under their usual names, with or without {@code .gz}. Data sets published
   * in the same form, such as Fashion-MNIST, are read as well.
   *
   * @throws DataException if one of the files is missing or not sound
   */
  public static Dataset read(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new DataException(
          folder
              + " is not a folder: expected the folder with the four MNIST files; check the name");
    }
    List<Path> files = new ArrayList<>();
    List<String> missing = new ArrayList<>();
    for (String name : NAMES) {
      Path file = find(folder, name);
      if (file == null) {
        missing.add(name);
      } else {
        files.add(file);
      }
    }
    if (!missing.isEmpty()) {
      throw new DataException(
          "%s lacks %s: expected the four MNIST files, each with or without .gz; add what is missing"
              .formatted(folder, String.join(", ", missing)));
    }
    ImageData train = IdxReader.read(files.get(0), files.get(1));
    ImageData test = IdxReader.read(files.get(2), files.get(3));
    return new Dataset(
        "MNIST files of %s: %s".formatted(folder, DataSplit.sizes(train.count(), test.count())),
        train,
        test);
  }

  /** Whether the folder has MNIST's training images under their usual name. */
  static boolean isIn(Path folder) {
    return find(folder, NAMES.get(0)) != null;
  }

  /** Those of the four files that the folder has. */
  static List<Path> filesIn(Path folder) {
    return NAMES.stream().map(name -> find(folder, name)).filter(Objects::nonNull).toList();
  }

  private static Path find(Path folder, String name) {
    for (String suffix : List.of("", ".gz")) {
      Path file = folder.resolve(name + suffix);
      if (Files.isRegularFile(file)) {
        return file;
      }
    }
    return null;
  }

  private static Input resource(String name) {
    String path = "mnist-sample/" + name + ".gz";
    return new Input(
        path,
        () -> {
          InputStream in = Mnist.class.getResourceAsStream(path);
          if (in == null) {
            throw new FileNotFoundException("not on the class path; the jar is incomplete");
          }
          return in;
        });
  }
}
