package dev.clessidra.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clessidra.kernels.Device;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.training.Trainer;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ClassifierTest {
  private static Device device;

  @BeforeAll
  static void open() {
    device = Device.open("cpu");
  }

  @AfterAll
  static void close() {
    device.close();
  }

  private static void assertNotTrained(Classifier model, ImageData data, String message) {
    float[] bias = model.parameters().get("softmax.bias").copyToArray();
    assertThatThrownBy(() -> Trainer.of(model).data(data).steps(3).batch(10).run())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
    assertThat(model.parameters().get("softmax.bias").copyToArray()).containsExactly(bias);
  }

  @Test
  void dataThatDoesNotFitIsRefusedBeforeTheFirstStep() {
    ImageData digits = Digits.train(100);
    try (Classifier few = Classifier.builder(784, 5).build(device);
        Classifier small = Classifier.builder(5, 10).build(device);
        Classifier model = Classifier.builder(784, 10).build(device)) {
      assertNotTrained(
          few, digits, "training: the data has 10 classes: the model has 5, give it as many");
      assertNotTrained(small, digits, "training: the samples have 784 numbers: the model takes 5");
      assertNotTrained(
          model,
          ImageData.of(28, 28, 1, digits.bytes()),
          "classifier: the training data has no labels: give images with labels");
    }
  }

  @Test
  void widthsAreGivenOneByOneOrAsAList() {
    try (Classifier model = Classifier.builder(4, 2).hidden(5, 3).build(device);
        Classifier other = Classifier.builder(4, 2).hidden(List.of(5, 3)).build(device)) {
      assertThat(model.configuration())
          .containsEntry("widths", "5,3")
          .isEqualTo(other.configuration());
    }
    assertThatThrownBy(() -> Classifier.builder(4, 2).hidden(5, 0))
        .hasMessage("classifier: each width must be at least 1, got [5, 0]");
  }

  @Test
  void anErrorRateNeedsSamplesOfTheModelsSizeAndALabelForEach() {
    ImageData digits = Digits.test(4);
    ImageData tall = ImageData.of(56, 28, 1, digits.bytes(), new int[2]);
    try (Classifier model = Classifier.builder(784, 10).build(device)) {
      assertThat(model.errorRate(digits)).isBetween(0.0, 1.0);
      assertThatThrownBy(() -> model.errorRate(tall))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "classifier: the images have 1568 numbers (56x28, 1 channels): the model takes 784");
      for (int labels : new int[] {3, 5}) {
        assertThatThrownBy(() -> model.errorRate(digits.floats(), new int[labels]))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage(
                "classifier: %d labels for 4 samples: expected at least 1 sample and one label for"
                        .formatted(labels)
                    + " each");
      }
      assertThatThrownBy(() -> model.errorRate(new float[0], new int[0]))
          .hasMessageContaining("0 labels for 0 samples");
    }
  }
}
