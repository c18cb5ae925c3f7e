package dev.clessidra.bench.baselines.nvidia;

import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Python;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceException;
import dev.clessidra.kernels.NativeResources;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A library of NVIDIA's, and JCuda's binding to it. JCuda is linked with one version: where there
 * is only a newer one, a forwarding library of ours goes by the older one's name.
 *
 * @param name for example {@code cublas}
 * @param linkedVersion the version that JCuda asks for
 * @param newerVersion the version that the forwarding library hands calls on to
 * @param companions libraries that the newer version looks for by itself, and does not find where
 *     it was loaded from a folder of its own
 * @param className JCuda's class
 * @param resource JCuda's native library in its jar
 * @param file the name under which JCuda asks for it
 */
record NvidiaLibrary(
    String name,
    int linkedVersion,
    int newerVersion,
    List<String> companions,
    String className,
    String resource,
    String file) {
  /** System property with folders of NVIDIA's libraries, separated as paths are. */
  static final String FOLDERS_PROPERTY_NAME = "clessidra.cuda.libraries";

  private static final String FORWARDERS = "dev/clessidra/native/linux-x86_64/forwarders/";

  static final NvidiaLibrary CUBLAS =
      new NvidiaLibrary(
          "cublas",
          12,
          13,
          List.of("libcublasLt.so.13"),
          "jcuda.jcublas.JCublas2",
          "lib/libJCublas2-12.6.0-linux-x86_64.so",
          "libJCublas2-12.6.0-linux-x86_64.so");

  /** JCudnn's last version is older than JCuda's, and looks for its library under JCuda's. */
  static final NvidiaLibrary CUDNN =
      new NvidiaLibrary(
          "cudnn",
          8,
          9,
          List.of("libnvrtc.so.13", "libcublasLt.so.13", "libcublas.so.13"),
          "jcuda.jcudnn.JCudnn",
          "lib/libJCudnn-11.7.0-linux-x86_64.so",
          "libJCudnn-12.6.0-linux-x86_64.so");

  /** Throws unless the device is a GPU. */
  static void requireGpu(Device device) throws AbsentException {
    if (!device.name().startsWith("cuda")) {
      throw new AbsentException("it runs on GPUs, and the device is %s".formatted(device.name()));
    }
  }

  /**
   * Loads the library and JCuda's binding to it.
   *
   * @throws AbsentException if one of them is not there
   */
  void load() throws AbsentException {
    if (!isLoadable(file(linkedVersion))) {
      companions.forEach(NvidiaLibrary::isLoadable);
      if (!isLoadable(file(newerVersion))) {
        throw new AbsentException(
            "neither %s nor %s was found: install it, or name its folder in %s"
                .formatted(file(linkedVersion), file(newerVersion), FOLDERS_PROPERTY_NAME));
      }
      require(NativeResources.unpack(FORWARDERS + file(linkedVersion)));
    }
    try {
      NativeResources.loadBinding(className, resource, file);
    } catch (DeviceException e) {
      throw new AbsentException(e.getMessage());
    }
  }

  private String file(int version) {
    return "lib%s.so.%d".formatted(name, version);
  }

  @SuppressWarnings("restricted")
  private static void require(Path library) throws AbsentException {
    try {
      SymbolLookup.libraryLookup(library, Arena.global());
    } catch (IllegalArgumentException e) {
      throw new AbsentException("%s cannot be loaded".formatted(library), e);
    }
  }

  /** Loads a library from where the system or we look for it, for good. */
  @SuppressWarnings("restricted")
  private static boolean isLoadable(String file) {
    try {
      SymbolLookup.libraryLookup(file, Arena.global());
      return true;
    } catch (IllegalArgumentException e) {
      // looked for further
    }
    for (Path folder : Folders.ALL) {
      Path candidate = folder.resolve(file);
      try {
        if (Files.isRegularFile(candidate)) {
          SymbolLookup.libraryLookup(candidate, Arena.global());
          return true;
        }
      } catch (IllegalArgumentException e) {
        // perhaps another folder's can be loaded
      }
    }
    return false;
  }

  /** Where NVIDIA's libraries may lie. */
  private static final class Folders {
    private static final List<Path> ALL = all();

    private Folders() {}

    private static List<Path> all() {
      List<Path> folders = new ArrayList<>();
      String named =
          Optional.ofNullable(System.getProperty(FOLDERS_PROPERTY_NAME))
              .orElseGet(() -> System.getenv("CLESSIDRA_CUDA_LIBRARIES"));
      if (named != null) {
        Stream.of(named.split(File.pathSeparator, -1))
            .filter(folder -> !folder.isBlank())
            .map(Path::of)
            .forEach(folders::add);
      }
      String home = System.getenv("CUDA_HOME");
      folders.add(Path.of(home == null ? "/usr/local/cuda" : home, "lib64"));
      for (Path packages : Python.packageFolders()) {
        folders.addAll(subfolders(packages.resolve("nvidia")));
      }
      return List.copyOf(folders);
    }

    /** The lib folders of NVIDIA's Python packages. */
    private static List<Path> subfolders(Path folder) {
      List<Path> found = new ArrayList<>();
      try (DirectoryStream<Path> children = Files.newDirectoryStream(folder)) {
        for (Path child : children) {
          found.add(child.resolve("lib"));
        }
      } catch (IOException e) {
        // there is no such folder
      }
      return found;
    }
  }
}
