package dev.clessidra.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ShapeTest {
  @Test
  void countsElementsRowsAndColumns() {
    Shape images = Shape.of(2, 28, 27, 3);
    assertThat(images.rank()).isEqualTo(4);
    assertThat(images.elements()).isEqualTo(2L * 28 * 27 * 3);
    assertThat(images.rows()).isEqualTo(2 * 28 * 27);
    assertThat(images.columns()).isEqualTo(3);
    assertThat(images.dim(1)).isEqualTo(28);
    assertThat(images.dim(-2)).isEqualTo(27);
    assertThat(images).hasToString("[2, 28, 27, 3]");
  }

  @Test
  void aScalarHasOneElementAndRankZero() {
    assertThat(Shape.of()).isSameAs(Shape.scalar());
    assertThat(Shape.scalar().elements()).isOne();
    assertThat(Shape.scalar().rows()).isOne();
    assertThat(Shape.scalar().columns()).isOne();
    assertThat(Shape.scalar()).hasToString("[]");
  }

  @Test
  void anEmptyShapeHasNoElements() {
    assertThat(Shape.of(0, 5).elements()).isZero();
  }

  @Test
  void isEqualByDimensionsAndDoesNotFollowTheArray() {
    int[] dimensions = {3, 4};
    Shape shape = Shape.of(dimensions);
    dimensions[0] = 9;
    shape.dimensions()[1] = 9;
    assertThat(shape).isEqualTo(Shape.of(3, 4)).hasSameHashCodeAs(Shape.of(3, 4));
    assertThat(shape).isNotEqualTo(Shape.of(4, 3)).isNotEqualTo(Shape.of(12));
  }

  @Test
  void refusesWhatIsNoShape() {
    assertThatThrownBy(() -> Shape.of(3, -1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("shape [3, -1] has a negative dimension");
    assertThatThrownBy(() -> Shape.of(1, 2, 3, 4, 5))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("has 5 dimensions; at most 4");
    assertThatThrownBy(() -> Shape.of(1 << 30, 1 << 30, 1 << 30))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("more elements than a long can count");
    assertThatThrownBy(() -> Shape.of(3, 4).dim(2))
        .isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessage("shape [3, 4] has no dimension 2");
  }
}
