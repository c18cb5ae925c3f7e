package dev.clessidra.models.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class ImageDataTest {
  /** Three images of 1x2 pixels in two channels, all values distinct. */
  private static ImageData three() {
    byte[] pixels = {0, 1, 2, 3, 100, 101, 102, 103, (byte) 200, (byte) 201, (byte) 202, -1};
    return ImageData.of(1, 2, 2, pixels, new int[] {4, 0, 7});
  }

  @Test
  void tellsItsSizesAndPixels() {
    ImageData data = three();
    assertThat(data.count()).isEqualTo(3);
    assertThat(data.imageSize()).isEqualTo(4);
    assertThat(data.pixel(1, 0, 1, 0)).isEqualTo(102);
    assertThat(data.pixel(2, 0, 1, 1)).isEqualTo(255);
    assertThat(data.labels()).containsExactly(4, 0, 7);
    assertThat(data.label(2)).isEqualTo(7);
    assertThat(data.classCount()).isEqualTo(8);
    assertThat(data).hasToString("3 images of 1x2, 2 channels, 8 classes");
  }

  @Test
  void floatsRunFromZeroToOne() {
    assertThat(three().floats(2, 3)).containsExactly(200 / 255f, 201 / 255f, 202 / 255f, 1f);
    assertThat(three().floats()).hasSize(12).startsWith(0f, 1 / 255f);
  }

  @Test
  void changingTheArraysGivenOrTakenChangesNothing() {
    byte[] pixels = {1, 2};
    int[] labels = {3};
    ImageData data = ImageData.of(1, 2, 1, pixels, labels);
    pixels[0] = 9;
    labels[0] = 9;
    data.bytes()[1] = 9;
    data.labels()[0] = 9;
    assertThat(data.bytes()).containsExactly(1, 2);
    assertThat(data.labels()).containsExactly(3);
    assertThat(data.segment().isReadOnly()).isTrue();
  }

  @Test
  void aRangeIsAViewOfTheSameImages() {
    ImageData last = three().subset(1, 3).subset(1, 2);
    assertThat(last.count()).isEqualTo(1);
    assertThat(last.label(0)).isEqualTo(7);
    assertThat(last.pixel(0, 0, 0, 0)).isEqualTo(200);
    assertThat(last.floats()).containsExactly(200 / 255f, 201 / 255f, 202 / 255f, 1f);
    assertThat(last.bytes()).containsExactly((byte) 200, (byte) 201, (byte) 202, (byte) -1);
    assertThat(last.segment().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(last.bytes());
    assertThat(last.classCount()).isEqualTo(8);
  }

  @Test
  void chosenImagesComeInTheOrderAskedFor() {
    ImageData chosen = three().subset(1, 3).subset(new int[] {1, 0, 1});
    assertThat(chosen.labels()).containsExactly(7, 0, 7);
    assertThat(chosen.pixel(1, 0, 0, 0)).isEqualTo(100);
    assertThat(chosen.pixel(2, 0, 0, 0)).isEqualTo(200);
  }

  @Test
  void aBatchIsCopiedToNativeMemoryAndNoFurther() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment batch = arena.allocate(9 * Float.BYTES);
      batch.setAtIndex(ValueLayout.JAVA_FLOAT, 8, 42f);
      three().copyFloats(new int[] {0, 2, 1}, 1, 3, batch.asSlice(0, 8 * Float.BYTES));
      assertThat(batch.toArray(ValueLayout.JAVA_FLOAT))
          .containsExactly(
              200 / 255f,
              201 / 255f,
              202 / 255f,
              1f,
              100 / 255f,
              101 / 255f,
              102 / 255f,
              103 / 255f,
              42f);
      assertThatThrownBy(
              () -> three().copyFloats(new int[] {0}, 0, 1, batch.asSlice(0, 3 * Float.BYTES)))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void refusesWhatDoesNotFit() {
    assertThatThrownBy(() -> ImageData.of(2, 2, 1, new byte[7]))
        .hasMessage(
            "7 bytes of pixels: expected a positive multiple of the 4 bytes of one 2x2x1 image");
    assertThatThrownBy(() -> ImageData.of(2, 2, 1, new byte[0]))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> ImageData.of(0, 2, 1, new byte[2]))
        .hasMessageContaining("must be positive");
    assertThatThrownBy(() -> ImageData.of(70000, 70000, 1, new byte[100]))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> ImageData.of(1, 1, 1, new byte[2], new int[] {1}))
        .hasMessage("1 labels for 2 images: expected one each");
    assertThatThrownBy(() -> ImageData.of(1, 1, 1, new byte[1], new int[] {-1}))
        .hasMessage("label -1: expected class numbers from 0");
    assertThatThrownBy(() -> three().subset(1, 1)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> three().subset(1, 4)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> three().subset(1, 2).label(1))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> three().subset(0, 1).subset(new int[] {1}))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void saysThatThereAreNoLabels() {
    ImageData unlabelled = ImageData.of(1, 1, 1, new byte[2]);
    assertThat(unlabelled.hasLabels()).isFalse();
    assertThatThrownBy(unlabelled::labels)
        .isInstanceOf(DataException.class)
        .hasMessage(
            "the images have no labels: give labels, a label file or a folder with one sub-folder a"
                + " class");
  }
}
