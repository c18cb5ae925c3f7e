package dev.clessidra.models.data;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * Reads a folder of pictures, PNG or JPEG, all of one size.
 *
 * <p>Pictures are sorted by name. Where the folder has no pictures itself but sub-folders, each
 * sub-folder is a class, numbered in the order of names. Pictures at both levels are refused.
 * Hidden files and files that do not end in {@code .png}, {@code .jpg} or {@code .jpeg} are passed
 * over. Stateless and thread-safe.
 */
public final class ImageFolder {
  private static final List<String> FORMATS = List.of("png", "jpeg");
  private static final long MOST_BYTES = Integer.MAX_VALUE - 8L;

  private ImageFolder() {}

  /** Reads the pictures as gray; {@link #read(Path, int)} with one channel. */
  public static ImageData read(Path folder) {
    return read(folder, 1);
  }

  /**
   * Reads the pictures.
   *
   * <p>Gray of a coloured picture is its luma, 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601).
   * Transparent pixels are blended over black; 16-bit samples are rounded to 8 bits.
   *
   * @param channels 1 for gray, 3 for red, green, blue
   * @throws DataException if there are no pictures, one cannot be read or their sizes differ
   * @throws IllegalArgumentException if {@code channels} is neither 1 nor 3
   */
  public static ImageData read(Path folder, int channels) {
    checkChannels(channels);
    List<Path> pictures = pictures(folder);
    if (!pictures.isEmpty()) {
      requireNoPicturesBelow(folder);
      return decode(pictures, channels, null, List.of());
    }
    List<Path> classes = list(folder, Files::isDirectory);
    if (classes.isEmpty()) {
      throw new DataException(
          folder
              + " has no pictures: expected .png or .jpg files, or sub-folders of them, one a"
              + " class; check the name");
    }
    List<String> names = new ArrayList<>();
    List<Integer> labels = new ArrayList<>();
    for (int label = 0; label < classes.size(); label++) {
      Path sub = classes.get(label);
      names.add(fileName(sub));
      List<Path> members = pictures(sub);
      if (members.isEmpty()) {
        throw new DataException(
            sub
                + " has no pictures: expected .png or .jpg files in each class's folder; fill or"
                + " remove it");
      }
      requireNoPicturesBelow(sub);
      for (Path member : members) {
        pictures.add(member);
        labels.add(label);
      }
    }
    return decode(pictures, channels, labels.stream().mapToInt(Integer::intValue).toArray(), names);
  }

  /**
   * Reads these pictures, in this order, as {@link #read(Path, int)} does.
   *
   * @param files one or more
   */
  public static ImageData read(List<Path> files, int channels) {
    checkChannels(channels);
    return decode(files, channels, null, List.of());
  }

  /**
   * The pictures in a folder, sorted by name.
   *
   * @throws DataException if the folder cannot be read
   */
  public static List<Path> pictures(Path folder) {
    return list(folder, ImageFolder::isPicture);
  }

  /** Checks of a folder of pictures that no others would be passed over. */
  private static void requireNoPicturesBelow(Path folder) {
    for (Path sub : list(folder, Files::isDirectory)) {
      if (!pictures(sub).isEmpty()) {
        throw new DataException(
            "%s has pictures and so has its sub-folder %s: expected pictures in one of them; move or remove the others"
                .formatted(folder, fileName(sub)));
      }
    }
  }

  private static void checkChannels(int channels) {
    if (channels != 1 && channels != 3) {
      throw new IllegalArgumentException(
          "%d channels: expected 1 (gray) or 3 (red, green, blue)".formatted(channels));
    }
  }

  private static ImageData decode(
      List<Path> pictures, int channels, int[] labels, List<String> classNames) {
    byte[] pixels = new byte[0];
    int height = 0;
    int width = 0;
    for (int i = 0; i < pictures.size(); i++) {
      Path file = pictures.get(i);
      try (InputStream in = Files.newInputStream(file);
          ImageInputStream data = new MemoryCacheImageInputStream(in)) {
        ImageReader reader = reader(file, data);
        try {
          reader.setInput(data, true, true);
          // The size is checked before the pixels are decoded: a header may claim anything.
          if (i == 0) {
            height = reader.getHeight(0);
            width = reader.getWidth(0);
            long bytes = (long) height * width * channels * pictures.size();
            if (bytes > MOST_BYTES) {
              throw new DataException(
                  "%s is %dx%d: %d such pictures are more than 2 GiB; take fewer or smaller ones"
                      .formatted(file, height, width, pictures.size()));
            }
            pixels = new byte[(int) bytes];
          } else if (reader.getHeight(0) != height || reader.getWidth(0) != width) {
            throw new DataException(
                "%s is %dx%d but %s is %dx%d (height x width): expected pictures of one size; scale"
                        .formatted(
                            file,
                            reader.getHeight(0),
                            reader.getWidth(0),
                            pictures.get(0),
                            height,
                            width)
                    + " or remove it");
          }
          copy(reader.read(0), channels, pixels, i * (height * width * channels));
        } finally {
          reader.dispose();
        }
      } catch (NoSuchFileException e) {
        throw new DataException(
            file + " does not exist: expected a PNG or JPEG file; check the name", e);
      } catch (IOException | RuntimeException e) {
        throw e instanceof DataException told
            ? told
            : new DataException(
                "%s cannot be read as a picture: %s; repair or remove it"
                    .formatted(file, describe(e)),
                e);
      }
    }
    return ImageData.wrap(height, width, channels, pixels, labels, classNames);
  }

  private static ImageReader reader(Path file, ImageInputStream data) throws IOException {
    // Others are not looked for: Java takes almost anything that starts with zeros for a WBMP file.
    for (Iterator<ImageReader> found = ImageIO.getImageReaders(data); found.hasNext(); ) {
      ImageReader reader = found.next();
      if (FORMATS.contains(reader.getFormatName().toLowerCase(Locale.ROOT))) {
        return reader;
      }
      reader.dispose();
    }
    throw new DataException(
        file + " is not a picture: expected PNG or JPEG data; repair or remove it");
  }

  /** Writes the picture's values from {@code offset} on, {@code [height, width, channels]}. */
  private static void copy(BufferedImage picture, int channels, byte[] into, int offset) {
    int height = picture.getHeight();
    int width = picture.getWidth();
    ColorModel colours = picture.getColorModel();
    boolean gray =
        colours.getColorSpace().getType() == ColorSpace.TYPE_GRAY
            && !(colours instanceof IndexColorModel);
    int next = offset;
    int[] row = new int[width];
    for (int y = 0; y < height; y++) {
      if (gray) {
        grayRow(picture.getRaster(), colours, y, row);
      } else {
        picture.getRGB(0, y, width, 1, row, 0, width);
      }
      for (int argb : row) {
        int alpha = argb >>> 24;
        int red = blend(argb >> 16 & 0xff, alpha);
        int green = blend(argb >> 8 & 0xff, alpha);
        int blue = blend(argb & 0xff, alpha);
        if (channels == 1) {
          into[next++] = (byte) ((299 * red + 587 * green + 114 * blue + 500) / 1000);
        } else {
          into[next++] = (byte) red;
          into[next++] = (byte) green;
          into[next++] = (byte) blue;
        }
      }
    }
  }

  /** A row as ARGB. Not by getRGB, which takes gray samples as linear light and brightens them. */
  private static void grayRow(Raster raster, ColorModel colours, int y, int[] row) {
    int most = (1 << colours.getComponentSize(0)) - 1;
    int mostAlpha = colours.hasAlpha() ? (1 << colours.getComponentSize(1)) - 1 : 0;
    for (int x = 0; x < row.length; x++) {
      int value = (raster.getSample(x, y, 0) * 255 + most / 2) / most;
      int alpha =
          mostAlpha == 0 ? 255 : (raster.getSample(x, y, 1) * 255 + mostAlpha / 2) / mostAlpha;
      row[x] = alpha << 24 | value << 16 | value << 8 | value;
    }
  }

  private static int blend(int value, int alpha) {
    return (value * alpha + 127) / 255;
  }

  private static List<Path> list(Path folder, DirectoryStream.Filter<Path> wanted) {
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      List<Path> found = new ArrayList<>();
      for (Path entry : entries) {
        if (!fileName(entry).startsWith(".") && wanted.accept(entry)) {
          found.add(entry);
        }
      }
      found.sort(Comparator.comparing(ImageFolder::fileName));
      return found;
    } catch (IOException | DirectoryIteratorException e) {
      throw new DataException(
          "%s cannot be read: %s; check the name and the permissions"
              .formatted(folder, describe(e)),
          e);
    }
  }

  /** Whether there is a file of that name, which ends like a picture's. */
  static boolean isPicture(Path file) {
    String name = fileName(file).toLowerCase(Locale.ROOT);
    return Files.isRegularFile(file)
        && Arrays.stream(new String[] {".png", ".jpg", ".jpeg"}).anyMatch(name::endsWith);
  }

  private static String fileName(Path path) {
    return path.getFileName().toString();
  }

  private static String describe(Exception e) {
    return switch (e) {
      case DirectoryIteratorException wrapper -> Problems.describe(wrapper.getCause());
      case IOException io -> Problems.describe(io);
      default -> Problems.describe(new IOException(e.toString()));
    };
  }
}
