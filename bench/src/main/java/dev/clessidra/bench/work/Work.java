package dev.clessidra.bench.work;

import dev.clessidra.kernels.Device;

/**
 * What is timed, whoever does it: a kernel on operands of some size, a training step, an answer of
 * a model. Immutable.
 *
 * <p>Layouts are Clessidra's: matrices row after row, images {@code [N, H, W, C]}, filters {@code
 * [K, R, S, C]} where K are the channels of the convolution's output (of a transposed convolution:
 * those of its input).
 */
public interface Work {
  /** Seed of all inputs. */
  long SEED = 1;

  /** What no other work is called, for example {@code gemm 512x512x512 NN}. */
  String label();

  /** Works whose ratios are averaged together, for example {@code gemm}. */
  String family();

  /**
   * Floating-point operations of products and convolutions, two a multiply-add; 0 where there are
   * none.
   */
  double operations();

  /** Bytes of the operands, each input read once and each output written once; 0 if not counted. */
  double bytes();

  /** Samples that are worked on, where that is how the speed is given; else 0. */
  default int samples() {
    return 0;
  }

  /** Turns before those that count, for works that the JVM has to compile first. */
  default int warmUpTurns() {
    return 0;
  }

  /** Makes the inputs: seeded random values, never zeros; the same at each call. */
  Inputs inputs();

  /** The number of values of the result. */
  int resultSize();

  /**
   * Prepares what Clessidra does.
   *
   * @param inputs what {@link #inputs} made
   */
  Implementation on(Device device, Inputs inputs);

  /** The largest error that two right results in float32 differ by. */
  default double tolerance() {
    return 1e-4;
  }

  /**
   * How much a result differs from another: the norm of the difference divided by the norm of the
   * other.
   *
   * @param inputs what the results were made from
   */
  default double error(Inputs inputs, float[] result, float[] reference) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < reference.length; i++) {
      double distance = (double) result[i] - reference[i];
      difference += distance * distance;
      norm += (double) reference[i] * reference[i];
    }
    // Equal zeros are equal; anything else than zeros is infinitely far from them.
    return difference == 0 ? 0 : Math.sqrt(difference / norm);
  }
}
