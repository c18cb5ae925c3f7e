package dev.clessidra.models.cli;

import dev.clessidra.models.data.DataException;
import dev.clessidra.models.data.DataSource;
import dev.clessidra.models.data.Dataset;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import picocli.CommandLine.Option;

/** The option that names images. */
final class DataSelection implements DataOption<Dataset> {
  private static final String SAMPLE = "sample";
  private static final String MNIST = "mnist:";
  private static final String IDX = "idx:";

  @Option(
      names = "--data",
      paramLabel = "DATA",
      order = HelpSections.DATA,
      description = {
        "sample (10,000 + 2,000 MNIST digits that come with Clessidra), mnist:DIR (the four MNIST"
            + " files of a folder, gzip or not), idx:IMAGES[,LABELS[,TEST_IMAGES[,TEST_LABELS]]],"
            + " an IDX file, or a folder of pictures, with a sub-folder for each class or without.",
      })
  private String source;

  @Override
  public String source() {
    return source;
  }

  @Override
  public String standard() {
    return SAMPLE;
  }

  @Override
  public Dataset read(String source) {
    return DataSource.parse(source);
  }

  @Override
  public String absolute(String source) {
    if (source.isBlank() || source.equals(SAMPLE)) {
      return source;
    } else if (source.startsWith(MNIST)) {
      return MNIST + absolutePath(source.substring(MNIST.length()));
    } else if (source.startsWith(IDX)) {
      return IDX
          + Arrays.stream(source.substring(IDX.length()).split(",", -1))
              .map(name -> name.isBlank() ? name : absolutePath(name))
              .collect(Collectors.joining(","));
    }
    return absolutePath(source);
  }

  private static String absolutePath(String name) {
    try {
      return Path.of(name).toAbsolutePath().normalize().toString();
    } catch (InvalidPathException e) {
      throw new DataException(
          "%s is not a file name (%s): check --data".formatted(name, e.getReason()), e);
    }
  }
}
