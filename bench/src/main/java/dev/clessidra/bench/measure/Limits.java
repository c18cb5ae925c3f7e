package dev.clessidra.bench.measure;

import dev.clessidra.bench.work.Work;

/**
 * What a machine can do at the most, as measured.
 *
 * @param operations floating-point operations a second, of fused multiply-adds in registers
 * @param bytes bytes a second between processor and memory, of {@code y = a + b} on arrays that no
 *     cache holds (as the triad of the STREAM benchmark, McCalpin 1995: two reads, one write)
 */
public record Limits(double operations, double bytes) {
  /** Whether the limits of a work can be told. */
  static boolean apply(Work work) {
    return work.operations() > 0 || work.bytes() > 0;
  }

  /**
   * The least seconds that a work takes by the roofline model (Williams, Waterman and Patterson
   * 2009): those of its operations or of its bytes, whichever are more. Where its operands stay in
   * a cache a work can be faster than memory lets it be.
   */
  double seconds(Work work) {
    return Math.max(work.operations() / operations, work.bytes() / bytes);
  }

  Limits mean(Limits other) {
    return new Limits((operations + other.operations) / 2, (bytes + other.bytes) / 2);
  }
}
