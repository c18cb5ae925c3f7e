package dev.clessidra.models.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FilterGridTest {
  private static final int SCALE = 28; // 56 / 2, for filters of 1x2
  private static final int WHITE = 0xf7f7f7;
  private static final int RED = 0x67001f;
  private static final int BLUE = 0x053061;

  private static BufferedImage draw(FilterGrid grid) {
    return Pages.images(grid.html()).getFirst();
  }

  private static int rgb(BufferedImage image, int x, int y) {
    return image.getRGB(x, y) & 0xffffff;
  }

  @Test
  void eachFilterIsScaledByItsOwnLargestMagnitude() {
    float[] weights = {1, -1, 100, 0, -0.5f, 0};
    BufferedImage drawn = draw(FilterGrid.ofRows("", weights, 1, 2, 10));
    int step = 2 * SCALE + 4;
    assertThat(rgb(drawn, 0, 0)).isEqualTo(RED);
    assertThat(rgb(drawn, SCALE, 0)).isEqualTo(BLUE);
    assertThat(rgb(drawn, step, 0)).isEqualTo(RED);
    assertThat(rgb(drawn, step + SCALE, 0)).isEqualTo(WHITE);
    assertThat(rgb(drawn, 2 * step, 0)).isEqualTo(BLUE);
    assertThat(rgb(drawn, 2 * step + SCALE, 0)).isEqualTo(WHITE);
    assertThat(drawn.getWidth()).isEqualTo(3 * step - 4);
  }

  @Test
  void weightsByColumnGiveTheSamePicture() {
    FilterGrid rows = FilterGrid.ofRows("", new float[] {1, -1, 3, 2, 0, 5}, 1, 2, 10);
    FilterGrid columns = FilterGrid.ofColumns("", new float[] {1, 3, 0, -1, 2, 5}, 1, 2, 10);
    FilterGrid other = FilterGrid.ofColumns("", new float[] {1, 3, 0, -1, 2, -5}, 1, 2, 10);
    assertThat(columns.html()).isEqualTo(rows.html()).isNotEqualTo(other.html());
  }

  @Test
  void filtersOfZerosAndOddValuesAreDrawn() {
    float[] weights = {0, 0, Float.NaN, 2, Float.NEGATIVE_INFINITY, 0};
    BufferedImage drawn = draw(FilterGrid.ofRows("", weights, 1, 2, 10));
    int step = 2 * SCALE + 4;
    assertThat(rgb(drawn, 0, 0)).isEqualTo(WHITE);
    assertThat(rgb(drawn, step, 0)).isEqualTo(0x808080);
    assertThat(rgb(drawn, step + SCALE, 0)).isEqualTo(RED);
    assertThat(rgb(drawn, 2 * step, 0)).isEqualTo(0x808080);
  }

  @Test
  void showsTheFirstAndSaysOfHowMany(@TempDir Path folder) throws IOException {
    FilterGrid grid = FilterGrid.ofRows("First layer", new float[1000 * 784], 28, 28, 100);
    assertThat(grid.html()).contains("Weights of the first 100 of 1000 units", "alt=\"First layer");
    Path file = folder.resolve("filters.png");
    grid.writePng(file);
    BufferedImage drawn = ImageIO.read(file.toFile());
    assertThat(drawn.getWidth()).isEqualTo(15 * 60 - 4);
    assertThat(drawn.getHeight()).isEqualTo(7 * 60 - 4);
  }

  @Test
  void refusesWhatDoesNotFit() {
    assertThatThrownBy(() -> FilterGrid.ofRows("", new float[5], 1, 2, 10))
        .hasMessage("5 weights in filters of 1x2: expected a positive multiple of 2");
    assertThatThrownBy(() -> FilterGrid.ofColumns("", new float[4], 1, 2, 0))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
