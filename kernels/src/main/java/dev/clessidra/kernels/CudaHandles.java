package dev.clessidra.kernels;

import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;

/**
 * The driver's handles of a device, for other CUDA libraries that work on its memory and in its
 * order of launches.
 */
public final class CudaHandles {
  private CudaHandles() {}

  /**
   * Makes the device's context, which is the GPU's primary one, the calling thread's, and returns
   * the stream that its kernels are launched on. It has to be left as it is, and not be used once
   * the device is closed.
   *
   * @throws IllegalArgumentException if the device is not behind a CUDA driver
   */
  public static CUstream stream(Device device) {
    if (device instanceof CudaDevice cuda) {
      return cuda.context().currentStream();
    }
    throw new IllegalArgumentException(
        "Device %s has no CUDA stream: expected cuda:0 or emulated.".formatted(device.name()));
  }

  /** Returns where a buffer of a device behind a CUDA driver starts. */
  public static CUdeviceptr pointer(Buffer buffer) {
    return CudaDriver.pointer(buffer.address());
  }
}
