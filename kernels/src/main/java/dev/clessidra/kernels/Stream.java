package dev.clessidra.kernels;

import java.lang.foreign.MemorySegment;

/**
 * An ordered queue of work of a device: what is launched later sees the results of what was
 * launched before. On the CPU a launch returns when its work is done, on a GPU before.
 */
public sealed interface Stream permits AbstractDevice.LaunchStream {

  /**
   * Launches a kernel. {@link Kernels} does this with typed and checked operands.
   *
   * @param kernel what to run
   * @param arguments native memory that starts with the kernel's struct, see {@link Arguments}. Its
   *     pointers are not checked: a wrong one can end the process.
   * @throws IllegalArgumentException if the memory is on the heap or smaller than the struct
   * @throws IllegalStateException if the device is closed, or a buffer belongs to the capture of
   *     another thread
   */
  void launch(Kernel kernel, MemorySegment arguments);

  /**
   * Waits until all work launched so far is done.
   *
   * @throws IllegalStateException if the device is closed or capturing
   */
  void synchronize();
}
