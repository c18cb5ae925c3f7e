package dev.clessidra.bench.measure;

import dev.clessidra.bench.baselines.Arithmetic;
import java.util.Objects;

/**
 * How long one library takes for a work.
 *
 * @param library its name
 * @param arithmetic what it multiplies with; of older runs always float32
 * @param seconds of a run; on a GPU the device's time: of kernels as a graph of the driver's
 *     launches them one after the other, of training steps and of the smallest launch run by run;
 *     of a model's answer, which ends on the host, all that passes
 * @param endToEnd seconds from the start of a run to its end, with the launch and the wait; on the
 *     CPU the same as {@code seconds}; null on a GPU of what another process times without its end
 * @param share of the machine's limit that is reached, the limit being measured before and after
 *     each round; null where the limits of the work cannot be told, and of other arithmetic than
 *     float32, of which the peak is
 * @param ratio this library's time divided by Clessidra's in the same round: above 1 Clessidra is
 *     faster; null of Clessidra itself, or if that was not timed
 * @param error by which the library's result differs from Clessidra's; null of Clessidra itself
 */
public record Timing(
    String library,
    Arithmetic arithmetic,
    Spread seconds,
    Spread endToEnd,
    Spread share,
    Spread ratio,
    Double error) {
  /** Older runs do not tell the arithmetic. */
  public Timing {
    arithmetic = Objects.requireNonNullElse(arithmetic, Arithmetic.FLOAT32);
  }

  /** Whether it computes what Clessidra and the machine's peak are measured at. */
  public boolean isFloat32() {
    return arithmetic == Arithmetic.FLOAT32;
  }
}
