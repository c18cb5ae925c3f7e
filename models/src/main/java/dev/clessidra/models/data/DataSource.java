package dev.clessidra.models.data;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Data that is named by a line of text, as in the command line's {@code --data}.
 *
 * <table>
 *   <caption>What can be named</caption>
 *   <tr><td>{@code sample}</td><td>the sample of MNIST that travels with Clessidra</td></tr>
 *   <tr><td>{@code mnist:DIR}</td><td>the four MNIST files of a folder, gzip or not</td></tr>
 *   <tr><td>{@code idx:IMAGES[,LABELS[,TEST_IMAGES[,TEST_LABELS]]]}</td>
 *       <td>IDX files; a name may be left empty</td></tr>
 *   <tr><td>a file</td><td>an IDX file of images, or a picture</td></tr>
 *   <tr><td>a folder</td><td>pictures (see {@link ImageFolder}); pictures in sub-folders {@code
 *       train} and {@code test}; or the four MNIST files</td></tr>
 * </table>
 *
 * <p>Where there is no test part the last tenth of the images, at least one, is set aside; of
 * pictures in folders of classes the last tenth of each class. The description says so. Immutable;
 * {@link #toString} gives the line of text.
 */
public final class DataSource {
  private static final String FORMS =
      "sample, mnist:DIR, idx:IMAGES[,LABELS[,TEST_IMAGES[,TEST_LABELS]]], an IDX file, a picture"
          + " or a folder of pictures";

  private enum Form {
    SAMPLE("sample"),
    MNIST("mnist:"),
    IDX("idx:"),
    PATH("");

    private final String start;

    Form(String start) {
      this.start = start;
    }
  }

  private final Form form;

  /** What follows the start of the form: of IDX up to four names, of which some may be empty. */
  private final List<String> names;

  private DataSource(Form form, List<String> names) {
    this.form = form;
    this.names = names;
  }

  /**
   * Takes a line of text apart. What it names is not looked for yet.
   *
   * @throws DataException if it names nothing, or something that is no file name
   */
  public static DataSource of(String text) {
    if (text.isBlank()) {
      throw new DataException("no data named: expected " + FORMS);
    }
    if (text.equals(Form.SAMPLE.start)) {
      return new DataSource(Form.SAMPLE, List.of());
    }
    if (text.startsWith(Form.MNIST.start)) {
      return new DataSource(Form.MNIST, List.of(named(text, Form.MNIST)));
    }
    if (text.startsWith(Form.IDX.start)) {
      List<String> files = List.of(text.substring(Form.IDX.start.length()).split(",", -1));
      if (files.size() > 4 || files.getFirst().isBlank()) {
        throw new DataException(
            "'%s' does not name IDX files: expected idx:IMAGES[,LABELS[,TEST_IMAGES[,TEST_LABELS]]]"
                .formatted(text));
      }
      files.forEach(DataSource::path);
      return new DataSource(Form.IDX, files);
    }
    return new DataSource(Form.PATH, List.of(named(text, Form.PATH)));
  }

  private static String named(String text, Form form) {
    String name = text.substring(form.start.length());
    if (name.isBlank()) {
      throw new DataException("'%s' names no folder: expected %sDIR".formatted(text, form.start));
    }
    return path(name).toString();
  }

  /**
   * Reads the data, pictures as gray.
   *
   * @throws DataException if there is nothing that can be read, what there is is not sound or it
   *     has too few images to be divided
   */
  public Dataset read() {
    return undivided().map(this::split).orElseGet(this::parts);
  }

  /**
   * Reads the images to test on alone: those of {@link #read}, or all where they are too few to be
   * divided, such as a single picture.
   *
   * @throws DataException if there is nothing that can be read, or what there is is not sound
   */
  public ImageData readTest() {
    return undivided()
        .map(all -> {
          int[] test = lastTenth(all);
          return test.length == 0 ? all : all.subset(test);
        })
        .orElseGet(() -> parts().test());
  }

  /**
   * Returns the files that {@link #read} reads, and folders of which it reads all pictures; what is
   * not there is not checked.
   */
  public List<Path> paths() {
    List<Path> paths = names.stream().filter(name -> !name.isBlank()).map(Path::of).toList();
    boolean mnist = form == Form.MNIST || (form == Form.PATH && Mnist.isIn(paths.getFirst()));
    return mnist ? Mnist.filesIn(paths.getFirst()) : paths;
  }

  /** Returns the same data by absolute file names. */
  public DataSource absolute() {
    return new DataSource(
        form,
        names.stream()
            .map(name ->
                name.isBlank() ? name : Path.of(name).toAbsolutePath().normalize().toString())
            .toList());
  }

  @Override
  public String toString() {
    return form.start + String.join(",", names);
  }

  /** The images of data that has no test part. */
  private Optional<ImageData> undivided() {
    return switch (form) {
      case SAMPLE, MNIST -> Optional.empty();
      case IDX -> hasTestFiles() ? Optional.empty() : Optional.of(idxPart(0));
      case PATH -> {
        Path path = Path.of(names.getFirst());
        yield Mnist.isIn(path) || hasPartFolders(path)
            ? Optional.empty()
            : Optional.of(fileOrFolder(path));
      }
    };
  }

  /** The parts of data that has a test part. */
  private Dataset parts() {
    return switch (form) {
      case SAMPLE -> Mnist.sample();
      case MNIST -> Mnist.read(Path.of(names.getFirst()));
      case IDX -> idx();
      case PATH -> {
        Path folder = Path.of(names.getFirst());
        yield Mnist.isIn(folder) ? Mnist.read(folder) : partFolders(folder);
      }
    };
  }

  private static ImageData fileOrFolder(Path path) {
    if (Files.isDirectory(path)) {
      return ImageFolder.read(path);
    }
    if (!Problems.exists(path)) {
      throw new DataException(
          "%s is not a file or folder here: expected %s".formatted(path, FORMS));
    }
    return ImageFolder.isPicture(path)
        ? ImageFolder.read(List.of(path), 1)
        : IdxReader.readImages(path);
  }

  private boolean hasTestFiles() {
    boolean images = names.size() > 2 && !names.get(2).isBlank();
    if (!images && names.size() == 4 && !names.get(3).isBlank()) {
      throw new DataException(
          this + " names test labels without test images: expected both or neither");
    }
    return images;
  }

  private Dataset idx() {
    ImageData train = idxPart(0);
    ImageData test = idxPart(2);
    return new Dataset(
        "%s and %s: %s"
            .formatted(names.get(0), names.get(2), DataSplit.sizes(train.count(), test.count())),
        train,
        test);
  }

  private ImageData idxPart(int images) {
    Path file = Path.of(names.get(images));
    boolean labelled = names.size() > images + 1 && !names.get(images + 1).isBlank();
    return labelled
        ? IdxReader.read(file, Path.of(names.get(images + 1)))
        : IdxReader.readImages(file);
  }

  private static boolean hasPartFolders(Path folder) {
    return Files.isDirectory(folder.resolve("train")) && Files.isDirectory(folder.resolve("test"));
  }

  private static Dataset partFolders(Path folder) {
    Path trainFolder = folder.resolve("train");
    Path testFolder = folder.resolve("test");
    ImageData train = ImageFolder.read(trainFolder);
    ImageData test = ImageFolder.read(testFolder);
    if (!train.classNames().equals(test.classNames())) {
      throw new DataException(
          "%s has the classes %s but %s has %s: expected the same sub-folders in both; add or remove"
                  .formatted(trainFolder, train.classNames(), testFolder, test.classNames())
              + " what differs");
    }
    return new Dataset(
        "pictures of %s: %s".formatted(folder, DataSplit.sizes(train.count(), test.count())),
        train,
        test);
  }

  private Dataset split(ImageData all) {
    String name = names.getFirst();
    int[] test = lastTenth(all);
    if (test.length == 0) {
      throw new DataException(
          "%s has one %s: expected at least two%s, one to train and one to test on; add more"
              .formatted(
                  name,
                  all.count() == 1 ? "image" : "picture a class",
                  all.count() == 1 ? "" : " in some class"));
    }
    BitSet tested = new BitSet();
    Arrays.stream(test).forEach(tested::set);
    int[] train = IntStream.range(0, all.count()).filter(i -> !tested.get(i)).toArray();
    return new Dataset(
        "%s: the last tenth of %s set aside as test part, %s"
            .formatted(
                name,
                all.classNames().isEmpty() ? "the images" : "each class",
                DataSplit.sizes(train.length, test.length)),
        all.subset(train),
        all.subset(test));
  }

  /** The last tenth of the images, or of each class in folders of classes; in ascending order. */
  private static int[] lastTenth(ImageData all) {
    if (all.classNames().isEmpty()) {
      return lastTenth(IntStream.range(0, all.count()).toArray()).toArray();
    }
    int[] labels = all.labels();
    return IntStream.range(0, all.classCount())
        .flatMap(label ->
            lastTenth(IntStream.range(0, labels.length).filter(i -> labels[i] == label).toArray()))
        .sorted()
        .toArray();
  }

  /** The last tenth, at least one but not the only one. */
  private static IntStream lastTenth(int[] images) {
    int number = images.length == 1 ? 0 : Math.max(1, images.length / 10);
    return Arrays.stream(images).skip(images.length - number);
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
