package dev.clessidra.models.cli;

import dev.clessidra.models.data.DataException;
import dev.clessidra.models.data.DataSource;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.data.ImageData;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The option that names images. */
final class DataSelection implements DataOption<Dataset> {
  private static final String SAMPLE = "sample";

  @Option(
      names = "--data",
      paramLabel = "DATA",
      converter = Checked.class,
      order = HelpSections.DATA,
      description = {
        "sample (10,000 + 2,000 MNIST digits that come with Clessidra), mnist:DIR (the four MNIST"
            + " files of a folder, gzip or not), idx:IMAGES[,LABELS[,TEST_IMAGES[,TEST_LABELS]]],"
            + " an IDX file, or a folder of pictures, with a sub-folder for each class or without."
            + " reconstruct, encode and interpolate take a single picture as well, and evaluate of"
            + " a U-Net what train unet takes: cells[:SEED], or"
            + " FOLDER[,test=FIRST-LAST][,values=V/V][,colour] with images/ and masks/.",
      })
  private String source;

  /** Refuses what names no data, whatever there is. */
  private static final class Checked implements ITypeConverter<String> {
    @Override
    public String convert(String text) {
      try {
        if (!text.isEmpty()) { // which is refused of all options alike
          DataSource _ = DataSource.of(text);
        }
        return text;
      } catch (DataException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

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
    return DataSource.of(source).read();
  }

  /** Reads the images to test on alone, which may be a single picture. */
  ImageData readTest(String source) {
    return DataSource.of(source).readTest();
  }

  @Override
  public String absolute(String source) {
    return DataSource.of(source).absolute().toString();
  }
}
