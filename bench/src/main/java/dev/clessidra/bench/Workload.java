package dev.clessidra.bench;

/** Work that is done, and timed, again and again. Not safe for use by several threads. */
interface Workload extends AutoCloseable {
  /** Does the work once and waits until it is done. */
  void run();

  /** Floating-point operations of a run, two a multiply-add; 0 where they are not the limit. */
  double operations();

  /** Bytes that a run has to read and write at least; 0 where they are not the limit. */
  double bytes();

  @Override
  void close();
}
