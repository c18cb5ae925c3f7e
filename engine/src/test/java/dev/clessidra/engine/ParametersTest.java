package dev.clessidra.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clessidra.engine.initializers.Initializer;
import dev.clessidra.kernels.Device;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ParametersTest {
  private Device device;

  @BeforeEach
  void open() {
    device = Device.open("cpu");
  }

  @AfterEach
  void close() {
    device.close();
  }

  private Parameters two() {
    return Parameters.builder(device)
        .add("a", Shape.of(3, 7), Initializer.constant(1))
        .add("b", Shape.of(16), Initializer.constant(2))
        .build(1);
  }

  @Test
  void eachParameterStartsAtAMultipleOfSixteenFloats() {
    try (Parameters parameters = two()) {
      assertThat(parameters.values().shape()).isEqualTo(Shape.of(48));
      assertThat(parameters.gradients().shape()).isEqualTo(Shape.of(48));
      assertThat(parameters.count()).isEqualTo(37);
      float[] values = parameters.values().copyToArray();
      assertThat(values[20]).isEqualTo(1);
      assertThat(values[21]).isZero();
      assertThat(values[32]).isEqualTo(2);
      assertThat(parameters.get("b").buffer().address())
          .isEqualTo(parameters.values().buffer().address() + 32 * Float.BYTES);
      assertThat(parameters).extracting(Parameter::name).containsExactly("a", "b");
      assertThat(parameters.sameIn(parameters.values(), parameters.get("b")).copyToArray())
          .isEqualTo(parameters.get("b").copyToArray());
    }
  }

  @Test
  void whatIsNotTrainableFollowsTheRestAndHasNoGradient() {
    try (Parameters parameters =
        Parameters.builder(device)
            .add("a", Shape.of(3), Initializer.constant(1))
            .addNonTrainable("mean", Shape.of(5), Initializer.constant(3))
            .add("b", Shape.of(16), Initializer.constant(2))
            .build(1)) {
      assertThat(parameters).extracting(Parameter::name).containsExactly("a", "b", "mean");
      assertThat(parameters.values().shape()).isEqualTo(Shape.of(48));
      assertThat(parameters.gradients().shape()).isEqualTo(Shape.of(32));
      assertThat(parameters.count()).isEqualTo(19);
      Parameter mean = parameters.get("mean");
      assertThat(mean.copyToArray()).containsOnly(3);
      assertThat(mean.isTrainable()).isFalse();
      parameters.trainable(true);
      parameters.completeGradients();
      assertThat(mean.isTrainable()).isFalse();
      assertThatThrownBy(() -> mean.trainable(true)).hasMessageContaining("non-trainable");
      assertThatThrownBy(mean::gradient).hasMessageContaining("\"mean\" [5] is not trainable");
    }
  }

  @Test
  void aParametersStartDoesNotDependOnTheOthers() {
    try (Parameters alone =
            Parameters.builder(device).add("b", Shape.of(9), Initializer.heNormal()).build(3);
        Parameters together =
            Parameters.builder(device)
                .add("a", Shape.of(5), Initializer.heNormal())
                .add("b", Shape.of(9), Initializer.heNormal())
                .build(3)) {
      assertThat(together.get("b").copyToArray()).isEqualTo(alone.get("b").copyToArray());
    }
  }

  @Test
  void copiesByNameAndUnderOtherNames() {
    try (Parameters source = two();
        Parameters target =
            Parameters.builder(device)
                .add("stack.a", Shape.of(3, 7), Initializer.zeros())
                .add("b", Shape.of(16), Initializer.zeros())
                .build(1)) {
      assertThat(target.copyFrom(source)).isOne();
      assertThat(target.get("b").copyToArray()).containsOnly(2);
      assertThat(target.get("stack.a").copyToArray()).containsOnly(0);
      assertThat(target.copyFrom(source, name -> name.replace("stack.", ""))).isEqualTo(2);
      assertThat(target.get("stack.a").copyToArray()).containsOnly(1);
      assertThatThrownBy(() -> target.copyFrom(source, name -> "a"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("copyFrom: \"a\" [3, 7] does not fit into \"b\" [16]");
    }
  }

  @Test
  void closingGivesTheMemoryBack() {
    long before = device.memory().liveBuffers();
    Parameters parameters = two();
    assertThat(device.memory().liveBuffers()).isGreaterThan((int) before);
    parameters.close();
    assertThat(device.memory().liveBuffers()).isEqualTo((int) before);
    assertThatThrownBy(() -> parameters.get("a").copyToArray())
        .hasMessage("tensor \"a\" [3, 7] is used after it was closed");
  }

  @Test
  void aFailedBuildLeavesNoMemoryBehind() {
    int before = device.memory().liveBuffers();
    Parameters.Builder builder =
        Parameters.builder(device).add("a", Shape.of(3), Initializer.values(1));
    assertThatThrownBy(() -> builder.build(1)).isInstanceOf(IllegalArgumentException.class);
    assertThat(device.memory().liveBuffers()).isEqualTo(before);
  }

  @Test
  void namesAreUniqueAndUnknownOnesAreListed() {
    Parameters.Builder builder =
        Parameters.builder(device).add("a", Shape.of(3), Initializer.zeros());
    assertThatThrownBy(() -> builder.add("a", Shape.of(3), Initializer.zeros()))
        .hasMessage("parameters: there are two named \"a\"");
    try (Parameters parameters = two()) {
      assertThatThrownBy(() -> parameters.get("c"))
          .hasMessage("there is no parameter \"c\"; there are [a, b]");
    }
  }

  @Test
  void refusesMoreNumbersThanTheArenasCanHold() {
    Parameters.Builder builder =
        Parameters.builder(device)
            .add("a", Shape.of(1 << 30), Initializer.zeros())
            .add("b", Shape.of(1 << 30), Initializer.zeros());
    assertThatThrownBy(() -> builder.build(1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "parameters: with \"b\" [1073741824] there are too many numbers: expected at most"
                + " 2147483632; make the layers smaller");
    assertThatThrownBy(() -> builder.add(null, Shape.of(1), Initializer.zeros()))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("name");
  }

  @Test
  void streamsAreNumberedByTheKnownHash() {
    // FNV-1a of 32 bits: the published values of "", "a" and "foobar".
    assertThat(RandomStream.idOf("")).isEqualTo(0x811c9dc5);
    assertThat(RandomStream.idOf("a")).isEqualTo(0xe40c292c);
    assertThat(RandomStream.idOf("foobar")).isEqualTo(0xbf9cf968);
  }

  @Test
  void namesThatWouldDrawTheSameRandomNumbersAreRefused() {
    Map<Integer, String> names = new HashMap<>();
    String name = "p0";
    for (int i = 1; !names.containsKey(RandomStream.idOf("parameters/" + name)); i++) {
      names.put(RandomStream.idOf("parameters/" + name), name);
      name = "p" + i;
    }
    String first = names.get(RandomStream.idOf("parameters/" + name));
    String second = name;
    Parameters.Builder builder =
        Parameters.builder(device).add(first, Shape.of(1), Initializer.zeros());
    assertThatThrownBy(() -> builder.add(second, Shape.of(1), Initializer.zeros()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("would draw the same random numbers");
  }
}
