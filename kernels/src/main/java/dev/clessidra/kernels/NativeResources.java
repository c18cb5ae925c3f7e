package dev.clessidra.kernels;

import java.nio.file.Path;

/**
 * Native libraries that travel in jars, for code that binds further ones: they are unpacked and
 * checked as the kernels' own are.
 */
public final class NativeResources {
  // JCuda unpacks to a fixed name in the temporary folder, and loads what is there already.
  private static final String TEMPORARY_FOLDER = "java.io.tmpdir";

  private NativeResources() {}

  /**
   * Unpacks a library into the folder of this version that only its owner may use, unless it is
   * there already.
   *
   * @param resource where it lies in its jar; its SHA-256 is in the resource {@code
   *     <resource>.sha256}
   * @return the file to load
   * @throws DeviceException if there is no such resource, it is damaged, or it cannot be unpacked
   */
  public static Path unpack(String resource) {
    return NativeLibrary.of(resource).unpack();
  }

  /**
   * Loads a class of JCuda's, and with it its native library.
   *
   * @param className the class, e.g. {@code jcuda.jcublas.JCublas2}
   * @param resource where the library lies in its jar; its SHA-256 is in {@code <resource>.sha256}
   * @param file the name under which JCuda asks for it, which has JCuda's version, not the jar's
   * @throws DeviceException if the class is not there, or its library cannot be unpacked or loaded
   */
  @SuppressWarnings("restricted")
  public static synchronized void loadBinding(String className, String resource, String file) {
    Path library = NativeLibrary.of(resource).unpackAs(file);
    String before = System.getProperty(TEMPORARY_FOLDER);
    System.setProperty(TEMPORARY_FOLDER, library.getParent().toString());
    try {
      // JCuda's own error is a page that has the reason somewhere.
      System.load(library.toString());
      Class.forName(className);
    } catch (ClassNotFoundException e) {
      throw new DeviceException(
          "JCuda's class %s was not found: put its jar on the class path.".formatted(className), e);
    } catch (IllegalCallerException e) {
      throw NativeLibrary.notAllowed(e);
    } catch (LinkageError e) {
      throw new DeviceException(
          "JCuda's library %s cannot be loaded: %s."
              .formatted(
                  file, String.valueOf(e.getMessage()).lines().findFirst().orElse(e.toString())),
          e);
    } finally {
      System.setProperty(TEMPORARY_FOLDER, before);
    }
  }
}
