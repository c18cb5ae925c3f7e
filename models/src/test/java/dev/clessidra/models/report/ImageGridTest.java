package dev.clessidra.models.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.data.Mnist;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageGridTest {
  /** The side of a pixel's square, for images of 2x2: the largest that stays within 96. */
  private static final int SCALE = 48;

  private static int rgb(BufferedImage image, int x, int y) {
    return image.getRGB(x, y) & 0xffffff;
  }

  @Test
  void enlargesEveryPixelToACrispSquare() {
    float[] image = {0, 1, 0.5f, 0.25f};
    List<BufferedImage> rows =
        Pages.images(ImageGrid.builder("", 2, 2, 1).row("original", image).build().html());
    assertThat(rows).hasSize(1);
    BufferedImage row = rows.getFirst();
    assertThat(row.getWidth()).isEqualTo(2 * SCALE);
    assertThat(row.getHeight()).isEqualTo(2 * SCALE);
    int[] expected = {0x000000, 0xffffff, 0x808080, 0x404040};
    for (int y = 0; y < 2 * SCALE; y++) {
      for (int x = 0; x < 2 * SCALE; x++) {
        assertThat(rgb(row, x, y)).isEqualTo(expected[y / SCALE * 2 + x / SCALE]);
      }
    }
  }

  @Test
  void oddValuesAreLimitedAndWhatIsNoNumberStandsOut() {
    float[] image = {-1, Float.POSITIVE_INFINITY, Float.NaN, Float.NEGATIVE_INFINITY};
    BufferedImage row =
        Pages.images(ImageGrid.builder("", 2, 2, 1).row("a", image).build().html()).getFirst();
    assertThat(rgb(row, 0, 0)).isEqualTo(0x000000);
    assertThat(rgb(row, SCALE, 0)).isEqualTo(0xffffff);
    assertThat(rgb(row, 0, SCALE)).isEqualTo(0xff00c8);
    assertThat(rgb(row, SCALE, SCALE)).isEqualTo(0x000000);
  }

  @Test
  void drawsColour() {
    ImageData images = ImageData.of(1, 1, 3, new byte[] {10, 20, 30, -1, 0, 0});
    BufferedImage row =
        Pages.images(ImageGrid.builder("", 1, 1, 3).row("a", images).build().html()).getFirst();
    assertThat(rgb(row, 0, 0)).isEqualTo(0x0a141e);
    assertThat(rgb(row, row.getWidth() - 1, 0)).isEqualTo(0xff0000);
    assertThat(row.getRGB(row.getWidth() / 2, 0)).as("the gap").isZero();
  }

  @Test
  void rowsAreLabelledForEyesAndEars() {
    ImageData digits = Mnist.sample().test().subset(0, 10);
    String html =
        ImageGrid.builder("Digits", 28, 28, 1)
            .row("original", digits)
            .row("<b>", digits.floats())
            .build()
            .html();
    List<BufferedImage> rows = Pages.images(html);
    assertThat(rows).hasSize(2);
    assertThat(rows.getFirst().getHeight()).isEqualTo(84);
    assertThat(rows.getFirst().getWidth()).isEqualTo(10 * 88 - 4);
    assertThat(html)
        .contains(">original</th>", "alt=\"original: a row of 10 images\"", "&lt;b&gt;")
        .doesNotContain("<b>");
  }

  @Test
  void rowsWithoutALabelAreNamedByTheTitleAndColumnsHaveLabelsOfTheirOwn() {
    float[] image = new float[4];
    String html =
        ImageGrid.builder("Samples", 2, 2, 1).row("", image).columns("-1", "x < y").build().html();
    assertThat(html)
        .contains("alt=\"Samples: a row of 1 image\"")
        .contains("<span>-1</span><span>x &lt; y</span>");
    assertThat(ImageGrid.builder("", 2, 2, 1).row("", image).build().html())
        .contains("alt=\"A row of 1 image\"")
        .doesNotContain("<span>");
  }

  @Test
  void savesAPictureOfItsOwn(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("grid.png");
    ImageGrid.builder("", 1, 2, 1)
        .row("a", new float[] {0, 1})
        .row("b", new float[] {1, 0, 0.5f, 0.5f})
        .build()
        .writePng(file);
    BufferedImage all = ImageIO.read(file.toFile());
    int scale = 48;
    assertThat(all.getHeight()).isEqualTo(2 * scale + 4);
    assertThat(all.getWidth()).isEqualTo(4 * scale + 4);
    assertThat(rgb(all, scale, 0)).isEqualTo(0xffffff);
    assertThat(rgb(all, 0, scale + 4)).isEqualTo(0xffffff);
    assertThat(all.getRGB(0, scale + 1)).as("the gap").isZero();
    assertThat(rgb(all, 4 * scale, scale + 4)).isEqualTo(0x808080);
  }

  @Test
  void manyImagesAndLargeOnesKeepASensibleSize() {
    BufferedImage many =
        Pages.images(ImageGrid.builder("", 28, 28, 1).row("a", new float[100 * 784]).build().html())
            .getFirst();
    assertThat(many.getHeight()).isEqualTo(56);
    BufferedImage large =
        Pages.images(
                ImageGrid.builder("", 512, 512, 1).row("a", new float[512 * 512]).build().html())
            .getFirst();
    assertThat(large.getHeight()).isEqualTo(512);
  }

  @Test
  void refusesImagesOfAnotherSize() {
    ImageGrid.Builder grid = ImageGrid.builder("", 28, 28, 1);
    assertThatThrownBy(() -> grid.row("a", new float[783]))
        .hasMessage("row a has 783 values: expected a positive multiple of the 784 of one image");
    assertThatThrownBy(() -> grid.row("a", new float[0]))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> grid.row("a", ImageData.of(28, 28, 3, new byte[3 * 784])))
        .hasMessage("row a has images of 28x28x3: expected 28x28x1");
    assertThatThrownBy(() -> ImageGrid.builder("", 28, 28, 2))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
