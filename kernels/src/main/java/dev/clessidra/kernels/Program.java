package dev.clessidra.kernels;

import java.util.List;

/**
 * Work of a device that was captured once and is replayed as often as wanted, made by {@link
 * Device#capture}. A run gives the same bits as doing the work again would, costs one call, and
 * allocates nothing, on the device or on the Java heap.
 *
 * <p>Buffers made during the capture share one block of memory. Those closed in it have their place
 * only as long as a kernel uses them; those still open at its end are the program's outputs, whose
 * contents stay until the next run. Buffers made before the capture are used where they are and
 * have to stay open; what is kept or changes from run to run has to be in such buffers.
 *
 * <p>Closing a program closes its outputs. May be used by several threads: runs wait for one
 * another.
 */
public final class Program implements AutoCloseable {

  /** What a device replays. */
  interface Executable {
    void run();

    void close();
  }

  private final DeviceMemory memory;
  private final Executable executable;
  private final Region[] outside;
  private final List<Region> outputs;
  private final Region arena;
  private final PlanStatistics plan;
  private final double operations;
  private boolean open = true;

  Program(
      DeviceMemory memory,
      Executable executable,
      List<Region> outside,
      List<Region> outputs,
      Region arena,
      PlanStatistics plan,
      double operations) {
    this.memory = memory;
    this.executable = executable;
    this.outside = outside.toArray(Region[]::new);
    this.outputs = outputs;
    this.arena = arena;
    this.plan = plan;
    this.operations = operations;
  }

  /**
   * Runs the work once more.
   *
   * @throws IllegalStateException if the program, its device, or a buffer that the work uses is
   *     closed, or the device is capturing
   */
  public synchronized void run() {
    if (!open) {
      throw new IllegalStateException("Program is closed: capture the work again.");
    }
    for (Region region : outside) {
      region.requireOpen();
    }
    executable.run();
  }

  /**
   * Runs the work a number of times.
   *
   * @param times 0 or more
   */
  public void run(int times) {
    if (times < 0) {
      throw new IllegalArgumentException(
          "Program is to run %d times: expected 0 or more.".formatted(times));
    }
    for (int i = 0; i < times; i++) {
      run();
    }
  }

  /** Returns how much memory the program takes, and how much it would without reuse. */
  public PlanStatistics plan() {
    return plan;
  }

  /**
   * Returns the floating-point operations of the matrix products and convolutions of a run, two a
   * multiply-add, by Winograd's algorithm as many as by direct sums. Nothing else is counted.
   */
  public double operations() {
    return operations;
  }

  /** Returns whether the program has not been closed. */
  public synchronized boolean isOpen() {
    return open;
  }

  /** Closes the outputs and frees the memory. Closing twice does nothing. */
  @Override
  public synchronized void close() {
    if (!open) {
      return;
    }
    open = false;
    executable.close();
    for (Region output : outputs) {
      memory.release(output, "its program was closed");
    }
    if (arena != null) {
      memory.release(arena, "its program was closed");
    }
  }
}
