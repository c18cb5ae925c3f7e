package dev.clessidra.bench.cli;

import dev.clessidra.bench.work.Direction;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Convolution;
import dev.clessidra.kernels.ConvolutionAlgorithm;
import dev.clessidra.models.Activations;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.SequencedMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What the command line says about a work, most of it sizes; null where it says nothing.
 *
 * @param shape such as {@code 8x64x64x64,64x3x3}
 * @param transpose which operands of a product are stored transposed: {@code a}, {@code b} or
 *     {@code ab}
 * @param directions of a convolution, such as {@code forward,data}
 * @param algorithm of a convolution, {@code direct} or {@code winograd}
 * @param models that are wanted, such as {@code u-net,dense-vae}
 */
record WorkOptions(
    String shape,
    String transpose,
    Integer stride,
    Integer padding,
    String directions,
    String algorithm,
    String activation,
    String models) {
  private static final int LARGEST_SIZE = 1 << 24;

  /**
   * Reads numbers.
   *
   * @param pattern how they stand, with a letter or letters for each: {@code NxHxWxC,KxRxS}
   * @param standard the shape unless one is given
   * @throws IllegalArgumentException if the shape is not of this pattern
   */
  int[] sizes(String pattern, String standard) {
    String text = shape == null ? standard : shape;
    String expression = pattern.replaceAll("[A-Z]", "([0-9]{1,9})");
    if (text.matches(expression)) {
      int[] sizes = Arrays.stream(text.split("[x,]", -1)).mapToInt(Integer::parseInt).toArray();
      if (Arrays.stream(sizes).allMatch(size -> size >= 1 && size <= LARGEST_SIZE)) {
        return sizes;
      }
    }
    throw new IllegalArgumentException(
        "--shape is '%s': expected %s with numbers of 1 to %d, such as %s"
            .formatted(text, pattern, LARGEST_SIZE, standard));
  }

  List<Direction> parsedDirections() {
    if (directions == null) {
      return List.of(Direction.FORWARD);
    }
    return Arrays.stream(directions.split(",", -1)).map(WorkOptions::direction).toList();
  }

  private static Direction direction(String text) {
    for (Direction direction : Direction.values()) {
      if (direction.toString().equals(text)) {
        return direction;
      }
    }
    throw new IllegalArgumentException(
        "--direction is '%s': expected one or more of %s, with commas between"
            .formatted(
                text,
                Arrays.stream(Direction.values())
                    .map(Direction::toString)
                    .collect(Collectors.joining(", "))));
  }

  /** Returns the convolution by the algorithm that is asked for, by its usual one if none is. */
  Convolution withAlgorithm(Convolution convolution) {
    if (algorithm == null) {
      return convolution;
    }
    for (ConvolutionAlgorithm known : ConvolutionAlgorithm.values()) {
      if (known.toString().equals(algorithm)) {
        return convolution.withAlgorithm(known);
      }
    }
    throw new IllegalArgumentException(
        "--algorithm is '%s': expected direct or winograd".formatted(algorithm));
  }

  boolean isTransposed(String operand) {
    if (transpose == null) {
      return false;
    }
    if (!List.of("a", "b", "ab").contains(transpose)) {
      throw new IllegalArgumentException(
          "--transpose is '%s': expected a, b or ab".formatted(transpose));
    }
    return transpose.contains(operand);
  }

  Activation parsedActivation() {
    return activation == null
        ? Activation.SIGMOID
        : Activations.parse(activation.toLowerCase(Locale.ROOT));
  }

  /** Returns those of the models' works that are asked for, in the order asked; all if none is. */
  <W extends Work> List<W> ofModels(List<W> works, Function<W, String> model) {
    if (models == null) {
      return works;
    }
    SequencedMap<String, W> byName = new LinkedHashMap<>();
    works.forEach(work -> byName.put(modelName(model.apply(work)), work));
    List<W> wanted = new ArrayList<>();
    for (String name : models.split(",", -1)) {
      W work = byName.get(name);
      if (work == null) {
        throw new IllegalArgumentException(
            "--model is '%s': expected one or more of %s, with commas between"
                .formatted(name, String.join(", ", byName.keySet())));
      }
      wanted.add(work);
    }
    return wanted;
  }

  /** The name of a model as --model takes it. */
  static String modelName(String model) {
    return model.toLowerCase(Locale.ROOT).replace(' ', '-');
  }

  int strideOr(int standard) {
    return stride == null ? standard : stride;
  }

  int paddingOr(int standard) {
    return padding == null ? standard : padding;
  }

  /** Checks that nothing is given but the named options. */
  void requireOnly(String work, List<String> allowed) {
    refuse(work, "--shape", shape, allowed);
    refuse(work, "--transpose", transpose, allowed);
    refuse(work, "--stride", stride, allowed);
    refuse(work, "--padding", padding, allowed);
    refuse(work, "--direction", directions, allowed);
    refuse(work, "--algorithm", algorithm, allowed);
    refuse(work, "--activation", activation, allowed);
    refuse(work, "--model", models, allowed);
  }

  private static void refuse(String work, String option, Object value, List<String> allowed) {
    if (value != null && !allowed.contains(option)) {
      throw new IllegalArgumentException(
          "%s is not for %s: expected %s"
              .formatted(
                  option,
                  work,
                  allowed.isEmpty() ? "none of these options" : String.join(", ", allowed)));
    }
  }
}
