package dev.clessidra.kernels;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Loads the CUDA driver, or the emulated one, and JCuda's binding to it.
 *
 * <p>JCuda's library asks for {@code libcuda.so.1}: whichever was loaded first under that name
 * serves it, so that a process has either the machine's driver or the emulated one, for good.
 */
final class CudaLibrary {
  /** What stands behind {@code libcuda.so.1}. */
  enum Driver {
    /** The machine's own. */
    SYSTEM,
    /** Ours, which runs the kernels on the CPU. */
    EMULATED
  }

  /**
   * Property that keeps a process from the machine's driver when it is {@code emulated}: tests then
   * do the same with and without a GPU.
   */
  static final String DRIVER_PROPERTY_NAME = "clessidra.cuda.driver";

  static final String FATBIN = "cuda/kernels.fatbin";

  private static final String SYSTEM_DRIVER = "libcuda.so.1";
  private static final String EMULATED_DRIVER = "emulator/libcuda.so.1";
  private static final String EMULATED_KERNELS = "emulator/libclessidra_emulated.so";
  private static final String BINDING = "libJCudaDriver-12.6.0-linux-x86_64.so";

  /** What is said where it was left out. */
  static final String NO_EMULATOR =
      "This build has no emulated GPU: mvn package builds it, and so does ./clessidra when it is"
          + " asked for (--device emulated).";

  private static Driver loaded;
  private static SymbolLookup emulator;

  private CudaLibrary() {}

  /**
   * Loads a driver; has to come before anything of JCuda is touched.
   *
   * @throws DeviceException if it cannot be had
   */
  static synchronized void load(Driver driver) {
    if (loaded == driver) {
      return;
    }
    if (loaded != null) {
      throw new DeviceException(
          "This process uses the %s CUDA driver already and cannot use the %s one as well: use another process."
              .formatted(word(loaded), word(driver)));
    }
    if (driver == Driver.SYSTEM) {
      if (Settings.SYSTEM.get(DRIVER_PROPERTY_NAME).filter("emulated"::equals).isPresent()) {
        throw new DeviceException(
            "The machine's CUDA driver is not used, since %s is 'emulated': unset that, or use cpu."
                .formatted(DRIVER_PROPERTY_NAME));
      }
      requireSystemDriver();
    } else {
      if (!hasEmulator()) {
        throw new DeviceException(NO_EMULATOR);
      }
      Path library = NativeLibrary.system(EMULATED_DRIVER).unpack();
      Path kernels = NativeLibrary.system(EMULATED_KERNELS).unpack();
      emulator = NativeLibrary.load(library);
      NativeLibrary.load(kernels);
    }
    NativeResources.loadBinding("jcuda.driver.JCudaDriver", "lib/" + BINDING, BINDING);
    loaded = driver;
  }

  /** Returns whether this build has the emulated GPU. */
  static boolean hasEmulator() {
    return NativeLibrary.system(EMULATED_KERNELS).isInBuild();
  }

  /** Returns whether this build has the kernels for GPUs. */
  static boolean hasKernels() {
    return CudaLibrary.class.getResource(FATBIN) != null;
  }

  /**
   * Returns the compiled kernels.
   *
   * @throws DeviceException if they were left out of this build
   */
  static byte[] kernels(Driver driver) {
    try (InputStream stream = CudaLibrary.class.getResourceAsStream(FATBIN)) {
      if (stream != null) {
        return stream.readAllBytes();
      }
    } catch (IOException e) {
      throw new DeviceException("Resource %s cannot be read: %s.".formatted(FATBIN, e), e);
    }
    if (driver == Driver.EMULATED) {
      // The emulator then runs what it has, with nothing to hold it against.
      return "CLESSIDRA EMULATED\0".getBytes(StandardCharsets.US_ASCII);
    }
    throw new DeviceException(
        "This build has no CUDA kernels: install the CUDA toolkit, whose nvcc compiles them, and"
            + " build again with mvn package, or use cpu.");
  }

  /** Returns what the emulator found wrong last, if it is the driver and has found something. */
  static Optional<String> emulatorReport() {
    if (emulator == null) {
      return Optional.empty();
    }
    String report = Report.last();
    return report.isEmpty() ? Optional.empty() : Optional.of(report);
  }

  private static synchronized SymbolLookup emulator() {
    return emulator;
  }

  private static final class Report {
    private static final MethodHandle LAST = handle();

    private Report() {}

    @SuppressWarnings("restricted")
    private static MethodHandle handle() {
      return Linker.nativeLinker()
          .downcallHandle(
              emulator().findOrThrow("clessidra_emulator_last_report"),
              FunctionDescriptor.of(ValueLayout.ADDRESS));
    }

    @SuppressWarnings("restricted")
    static String last() {
      try {
        MemorySegment text = (MemorySegment) LAST.invokeExact();
        return text.address() == 0 ? "" : text.reinterpret(Long.MAX_VALUE).getString(0);
      } catch (Throwable e) {
        throw e instanceof Error error ? error : new AssertionError(e);
      }
    }
  }

  private static String word(Driver driver) {
    return driver == Driver.SYSTEM ? "machine's" : "emulated";
  }

  @SuppressWarnings("restricted")
  private static void requireSystemDriver() {
    try {
      SymbolLookup.libraryLookup(SYSTEM_DRIVER, Arena.global());
    } catch (IllegalArgumentException e) {
      throw new DeviceException(
          "There is no CUDA driver: %s was not found; install NVIDIA's driver, or use cpu."
              .formatted(SYSTEM_DRIVER),
          e);
    } catch (IllegalCallerException e) {
      throw NativeLibrary.notAllowed(e);
    }
  }
}
