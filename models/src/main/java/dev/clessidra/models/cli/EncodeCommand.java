package dev.clessidra.models.cli;

import dev.clessidra.kernels.Device;
import dev.clessidra.models.EncoderDecoder;
import dev.clessidra.models.data.DataSource;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.data.NpyWriter;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code encode}. */
@Command(
    name = "encode",
    abbreviateSynopsis = true,
    header = "Write the codes of images as a NumPy file.",
    description =
        "The file holds float32 values, one row an image in the order of the data. Labels, where"
            + " there are some, go to a file beside it: codes.labels.npy beside codes.npy, int32.",
    footer = {
      "%nExamples:",
      "  clessidra encode runs/deep-1 --out codes.npy",
      "  clessidra encode runs/deep-1 --part all --data mnist:FOLDER --out codes.npy",
      "  then in Python: codes = numpy.load('codes.npy')"
    })
final class EncodeCommand implements Callable<Integer> {
  private static final int ROWS = 1000;

  /** Which images. */
  enum Part {
    TRAIN,
    TEST,
    ALL;

    List<ImageData> of(ModelSelection model, DataSelection data) {
      if (this == TEST) {
        return List.of(model.test(data));
      }
      Dataset dataset = model.data(data);
      return this == TRAIN ? List.of(dataset.train()) : List.of(dataset.train(), dataset.test());
    }

    String describe(int count) {
      return switch (this) {
        case TRAIN -> "the %s (--part all for all)".formatted(Words.count(count, "training image"));
        case TEST -> "the %s (--part all for all)".formatted(Words.count(count, "test image"));
        case ALL -> "all %s".formatted(Words.count(count, "image"));
      };
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Spec private CommandSpec spec;
  @Mixin private ModelSelection model;
  @Mixin private DataSelection data;
  @Mixin private DeviceSelection device;

  @Option(
      names = "--part",
      paramLabel = "PART",
      defaultValue = "test",
      order = HelpSections.DATA + 1,
      description =
          "train, test, which of data without a test part is the last tenth, or all, first the"
              + " training images (default: ${DEFAULT-VALUE}).")
  private Part part;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      required = true,
      order = HelpSections.RUN,
      description = "The file to write, such as codes.npy.")
  private Path out;

  @Override
  public Integer call() {
    Path file = model.autoencoder();
    List<Path> read = DataSource.of(model.source(data)).paths();
    model.requireArray(out, read);
    model.requireArray(labels(out), read);
    List<ImageData> images = part.of(model, data);
    int count = images.stream().mapToInt(ImageData::count).sum();
    try (Device opened = device.open();
        EncoderDecoder autoencoder = EncoderDecoder.load(file, opened)) {
      Evaluation.requireSize(autoencoder, images.getFirst());
      int size = autoencoder.codeSize();
      float[] codes = new float[Math.multiplyExact(count, size)];
      int done = 0;
      for (ImageData some : images) {
        for (int first = 0; first < some.count(); first += ROWS) {
          int last = Math.min(first + ROWS, some.count());
          float[] block = autoencoder.encode(some.floats(first, last));
          System.arraycopy(block, 0, codes, done * size, block.length);
          done += last - first;
        }
      }
      NpyWriter.write(out, codes, count, size);
      PrintWriter writer = spec.commandLine().getOut();
      writer.println(
          "%s: codes of %s, float32 [%d, %d]".formatted(out, part.describe(count), count, size));
      if (images.stream().allMatch(ImageData::hasLabels)) {
        Path labels = labels(out);
        NpyWriter.write(
            labels,
            images.stream().map(ImageData::labels).flatMapToInt(Arrays::stream).toArray(),
            count);
        writer.println("%s: labels, int32 [%d]".formatted(labels, count));
      }
      writer.flush();
    }
    return ExitCode.OK;
  }

  private static Path labels(Path codes) {
    String name = codes.getFileName().toString();
    String stem = name.substring(0, name.length() - NpyWriter.ENDING.length());
    return codes.resolveSibling(stem + ".labels" + NpyWriter.ENDING);
  }
}
