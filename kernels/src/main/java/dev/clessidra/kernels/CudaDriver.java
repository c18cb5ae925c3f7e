package dev.clessidra.kernels;

import java.util.function.IntSupplier;
import java.util.function.Supplier;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;

/** Calls of the CUDA driver: every error becomes an exception that says what failed and why. */
final class CudaDriver {
  private static final int SUCCESS = 0;
  static final int OUT_OF_MEMORY = 2;
  private static final int ILLEGAL_ADDRESS = 700;
  private static final int FIRST_KERNEL_FAULT = 714;
  private static final int LAUNCH_FAILED = 719;

  private CudaDriver() {}

  /**
   * Throws if a call has failed.
   *
   * @param result what the driver returned
   * @param what the work, e.g. {@code the launch of gemm}
   */
  static void check(int result, Supplier<String> what) {
    if (result != SUCCESS) {
      throw failure(result, what.get());
    }
  }

  static void check(int result, String what) {
    if (result != SUCCESS) {
      throw failure(result, what);
    }
  }

  /** Makes a call, and throws if it has failed. */
  static void call(String what, IntSupplier call) {
    check(call.getAsInt(), what);
  }

  private static DeviceException failure(int result, String what) {
    String[] name = new String[1];
    String[] words = new String[1];
    JCudaDriver.cuGetErrorName(result, name);
    JCudaDriver.cuGetErrorString(result, words);
    return new DeviceException(
        "CUDA: %s%s failed: %s (%d), %s%s"
            .formatted(
                what,
                isFault(result) ? ", or work launched before it," : "",
                name[0],
                result,
                words[0],
                CudaLibrary.emulatorReport().map(report -> ": " + report).orElse(".")));
  }

  /** Whether a kernel has failed, which the driver tells with any later call. */
  private static boolean isFault(int result) {
    return result == ILLEGAL_ADDRESS || (result >= FIRST_KERNEL_FAULT && result <= LAUNCH_FAILED);
  }

  /** Returns a device pointer of an address. */
  static CUdeviceptr pointer(long address) {
    return new CUdeviceptr().withByteOffset(address);
  }
}
