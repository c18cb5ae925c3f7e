package dev.clessidra.kernels;

/**
 * What this software runs as on this machine.
 *
 * @param version its version
 * @param platform operating system and architecture
 * @param nativeFolder the folder that native libraries are unpacked to
 * @param nativeLibrary the file of the CPU's kernels, or why there is none
 */
public record Installation(
    String version, String platform, String nativeFolder, String nativeLibrary) {
  /** Property with the folder that native libraries are unpacked to; {@value}. */
  public static final String NATIVE_FOLDER_PROPERTY_NAME = NativeLibrary.FOLDER_PROPERTY_NAME;

  /** Property with a file to load instead of the CPU library in the jar; {@value}. */
  public static final String NATIVE_LIBRARY_PROPERTY_NAME = NativeLibrary.LIBRARY_PROPERTY_NAME;

  /** Finds out; loads the CPU's kernels. Never throws. */
  public static Installation current() {
    NativeLibrary library = NativeLibrary.system("libclessidra_cpu.so");
    String file;
    try {
      file = CpuLibrary.load().toString();
    } catch (DeviceException e) {
      file = e.getMessage();
    }
    return new Installation(
        NativeLibrary.version(),
        library.operatingSystem() + " " + library.architecture(),
        library.folder().toString(),
        file);
  }
}
