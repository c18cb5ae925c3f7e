package dev.clessidra.bench.work;

import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Images;
import dev.clessidra.kernels.Kernel;

/**
 * The channels of two images one after the other, pixel by pixel. Inputs {@code first} and {@code
 * second}.
 *
 * @param images the sizes of the first operand
 * @param secondChannels the channels of the second
 */
public record Concatenation(Images images, int secondChannels) implements KernelWork {
  /** The family's name. */
  public static final String FAMILY = "concat";

  /** Checks the channels. */
  public Concatenation {
    images.withChannels(secondChannels);
  }

  /** The sizes of the result. */
  public Images output() {
    return images.withChannels(Math.addExact(images.channels(), secondChannels));
  }

  @Override
  public String label() {
    return "%s %s,%d".formatted(FAMILY, Names.images(images), secondChannels);
  }

  @Override
  public String family() {
    return FAMILY;
  }

  @Override
  public Kernel kernel() {
    return Kernel.COPY;
  }

  @Override
  public double operations() {
    return 0;
  }

  @Override
  public double bytes() {
    return 2.0 * Float.BYTES * output().elements();
  }

  @Override
  public Inputs inputs() {
    return Inputs.builder()
        .uniform("first", images.elements())
        .uniform("second", images.withChannels(secondChannels).elements())
        .build();
  }

  @Override
  public int resultSize() {
    return Math.toIntExact(output().elements());
  }

  @Override
  public Implementation on(Operands operands) {
    int channels = images.channels();
    int all = output().channels();
    long pixels = images.pixels();
    Buffer first = operands.input("first");
    Buffer second = operands.input("second");
    Buffer result = operands.results("result", resultSize());
    Buffer afterFirst =
        result.slice(
            (long) channels * Float.BYTES, result.byteSize() - (long) channels * Float.BYTES);
    return operands.launching(
        result,
        () -> {
          operands.kernels().copy(first, channels, result, all, pixels, channels, 0);
          operands
              .kernels()
              .copy(second, secondChannels, afterFirst, all, pixels, secondChannels, 0);
        });
  }
}
