package dev.clessidra.kernels;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.zip.CRC32C;

/**
 * A native library that travels in a jar. It is unpacked to {@code <folder>/<version>-<start of its
 * SHA-256>/}, a folder that only its owner may use. Its SHA-256 is verified when it is unpacked; at
 * each load a CRC-32C beside it shows whether the file was damaged, since Java's security providers
 * and a hash would take a third of the time to a process's first result.
 *
 * @param resource where it lies in the jar, its SHA-256 beside it as {@code <resource>.sha256}
 * @param operatingSystem as in {@code os.name}
 * @param architecture as in {@code os.arch}
 * @param resources what the resource is looked up with
 * @param settings names the folder or the file
 */
record NativeLibrary(
    String resource,
    String operatingSystem,
    String architecture,
    ClassLoader resources,
    Settings settings) {
  /** Property with the folder to unpack to. */
  static final String FOLDER_PROPERTY_NAME = "clessidra.native.folder";

  /** Property with a library file to load instead of the one in the jar. */
  static final String LIBRARY_PROPERTY_NAME = "clessidra.native.library";

  private static final String PLATFORM = "linux-x86_64";
  private static final int HASH_CHARACTERS_SHOWN = 16;
  private static final String CHECKSUM = ".crc32c";
  private static final Path SELF = Path.of("/proc/self");
  private static final byte[] ELF = {0x7f, 'E', 'L', 'F'};
  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rwx------");

  /** Returns a library of ours for this machine, by its file name. */
  static NativeLibrary system(String file) {
    return of("dev/clessidra/native/" + PLATFORM + "/" + file);
  }

  /** Returns a library for this machine, by its resource. */
  static NativeLibrary of(String resource) {
    return new NativeLibrary(
        resource,
        System.getProperty("os.name"),
        System.getProperty("os.arch"),
        NativeLibrary.class.getClassLoader(),
        Settings.SYSTEM);
  }

  /** Returns whether it was built. */
  boolean isInBuild() {
    return resources.getResource(resource) != null;
  }

  /** Returns the version of this software. */
  static String version() {
    return Optional.ofNullable(NativeLibrary.class.getPackage().getImplementationVersion())
        .orElse("development");
  }

  /**
   * Returns the file to load: the one that {@value #LIBRARY_PROPERTY_NAME} names, else {@link
   * #unpack()}.
   *
   * @throws DeviceException if there is none for this machine, or it cannot be unpacked
   */
  Path locate() {
    Optional<String> file = settings.get(LIBRARY_PROPERTY_NAME);
    if (file.isPresent()) {
      Path path = Path.of(file.get()).toAbsolutePath();
      if (Files.isDirectory(path)) {
        throw new DeviceException(
            "%s is '%s': it is a folder, expected a library's file."
                .formatted(LIBRARY_PROPERTY_NAME, path));
      }
      if (!Files.isRegularFile(path)) {
        throw new DeviceException(
            "%s is '%s': there is no such file.".formatted(LIBRARY_PROPERTY_NAME, path));
      }
      return path;
    }
    return unpack();
  }

  /**
   * Returns the file of the library, which is unpacked if need be.
   *
   * @throws DeviceException if there is none for this machine, or it cannot be unpacked
   */
  Path unpack() {
    return unpackAs(file());
  }

  /**
   * As {@link #unpack()}, to a file of another name.
   *
   * @throws DeviceException if there is none for this machine, or it cannot be unpacked
   */
  Path unpackAs(String file) {
    requireSupported();
    String expected = new String(read(resource + ".sha256"), StandardCharsets.US_ASCII).strip();
    try {
      return unpack(expected, file);
    } catch (IOException e) {
      throw new DeviceException(
          "Native library %s cannot be unpacked to %s (%s): set %s to a folder of your own."
              .formatted(file(), folder(), reason(e), FOLDER_PROPERTY_NAME),
          e);
    }
  }

  private static String reason(IOException problem) {
    return switch (problem) {
      case AccessDeniedException _ -> "permission denied";
      case FileSystemException e when e.getReason() != null -> e.getReason();
      case FileSystemException _ -> "no folder can be made there";
      default -> problem.getMessage();
    };
  }

  /**
   * Returns the folder that is unpacked to; it need not exist yet. Without a home that can be
   * written to, it is one of the user's own in the temporary folder.
   */
  Path folder() {
    Optional<String> folder = settings.get(FOLDER_PROPERTY_NAME);
    if (folder.isPresent()) {
      return Path.of(folder.get()).toAbsolutePath();
    }
    // Java's home of a user whom the system does not know is "?", and so is the name.
    return absolute(settings.environment().apply("XDG_CACHE_HOME"))
        .or(() -> absolute(property("user.home")).map(home -> home.resolve(".cache")))
        .filter(NativeLibrary::isWritable)
        .map(cache -> cache.resolve("clessidra"))
        .orElseGet(
            () -> Path.of(property("java.io.tmpdir"), "clessidra-" + userId()).toAbsolutePath());
  }

  private static Optional<Path> absolute(String path) {
    return Optional.ofNullable(path).map(Path::of).filter(Path::isAbsolute);
  }

  private static Object userId() {
    try {
      return Files.getAttribute(SELF, "unix:uid");
    } catch (IOException e) {
      throw new DeviceException(
          "The user's number cannot be read from %s (%s): set %s to a folder of your own."
              .formatted(SELF, e, FOLDER_PROPERTY_NAME),
          e);
    }
  }

  /**
   * Loads a library, for good.
   *
   * @throws DeviceException if the system or the Java runtime refuses it
   */
  @SuppressWarnings("restricted")
  static SymbolLookup load(Path file) {
    try {
      return SymbolLookup.libraryLookup(file, Arena.global());
    } catch (IllegalArgumentException e) {
      throw new DeviceException(
          "Native library %s cannot be loaded: %s.".formatted(file, whyNotLoaded(file)), e);
    } catch (IllegalCallerException e) {
      throw notAllowed(e);
    }
  }

  /** Returns what is thrown where the Java runtime lets nobody load native code. */
  static DeviceException notAllowed(IllegalCallerException e) {
    return new DeviceException(
        "This process may not load native libraries: start java with"
            + " --enable-native-access=ALL-UNNAMED.",
        e);
  }

  /** Returns the likely cause, and what to do, when the system has not loaded a library. */
  static String whyNotLoaded(Path file) {
    byte[] start;
    try (InputStream stream = Files.newInputStream(file)) {
      start = stream.readNBytes(ELF.length);
    } catch (IOException e) {
      return "it cannot be read; allow it, or choose another with " + LIBRARY_PROPERTY_NAME;
    }
    return Arrays.equals(start, ELF)
        ? "it may be of another machine, or its folder may not allow running programs; move it with"
            + " "
            + FOLDER_PROPERTY_NAME
        : "it is no library; check " + LIBRARY_PROPERTY_NAME;
  }

  private String file() {
    return resource.substring(resource.lastIndexOf('/') + 1);
  }

  private String property(String key) {
    return settings.properties().apply(key);
  }

  // Whether a folder can be written to, or be made.
  private static boolean isWritable(Path folder) {
    Path existing = folder;
    while (existing != null && !Files.exists(existing)) {
      existing = existing.getParent();
    }
    return existing != null && Files.isDirectory(existing) && Files.isWritable(existing);
  }

  private void requireSupported() {
    boolean x86 = architecture.equals("amd64") || architecture.equals("x86_64");
    if (!x86 || !operatingSystem.toLowerCase(Locale.ROOT).equals("linux")) {
      throw new DeviceException(
          "There is no native library %s for %s on %s: supported is Linux on x86_64."
              .formatted(file(), operatingSystem, architecture));
    }
  }

  private byte[] read(String resource) {
    try (InputStream stream = resources.getResourceAsStream(resource)) {
      if (stream == null) {
        throw new DeviceException(
            ("Native library %s is missing: no resource %s (%s on %s); put clessidra-native on the"
                    + " class path.")
                .formatted(file(), resource, operatingSystem, architecture));
      }
      return stream.readAllBytes();
    } catch (IOException e) {
      throw new DeviceException("Resource %s cannot be read: %s.".formatted(resource, e), e);
    }
  }

  private Path unpack(String expected, String name) throws IOException {
    Path folder = ownFolder(folder());
    Path versionFolder =
        ownFolder(
            folder.resolve(
                version()
                    + "-"
                    + expected.substring(0, Math.min(HASH_CHARACTERS_SHOWN, expected.length()))));
    Path file = versionFolder.resolve(name);
    Path checksum = versionFolder.resolve(name + CHECKSUM);
    if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
        && Files.isRegularFile(checksum, LinkOption.NOFOLLOW_LINKS)
        && Arrays.equals(Files.readAllBytes(checksum), crc32c(Files.readAllBytes(file)))) {
      return file;
    }
    byte[] library = read(resource);
    String actual = sha256(library);
    if (!actual.equals(expected)) {
      throw new DeviceException(
          "Resource %s is damaged: its SHA-256 is %s, expected %s; get the jar again."
              .formatted(resource, actual, expected));
    }
    put(file, library);
    put(checksum, crc32c(library));
    return file;
  }

  // Other processes see no file or all of it.
  private static void put(Path file, byte[] content) throws IOException {
    Path temporary =
        Files.createTempFile(
            file.getParent(),
            file.getFileName().toString(),
            ".tmp",
            PosixFilePermissions.asFileAttribute(OWNER_ONLY));
    try {
      Files.write(temporary, content);
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  // Code is loaded from this folder: nobody else may be able to put a file there.
  private static Path ownFolder(Path folder) throws IOException {
    if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
      Files.createDirectories(folder.getParent());
      try {
        Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
      } catch (FileAlreadyExistsException e) {
        // another process was faster; it is checked like any other
      }
    }
    PosixFileAttributes attributes =
        Files.readAttributes(folder, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    Set<PosixFilePermission> permissions = attributes.permissions();
    String fault = null;
    if (!attributes.isDirectory()) {
      fault = "is not a folder";
    } else if (!attributes.owner().equals(Files.getOwner(SELF))) {
      fault = "belongs to " + attributes.owner().getName();
    } else if (permissions.contains(PosixFilePermission.GROUP_WRITE)
        || permissions.contains(PosixFilePermission.OTHERS_WRITE)) {
      fault = "can be written by others";
    }
    if (fault != null) {
      throw new DeviceException(
          "Native libraries are not unpacked to %s, which %s: set %s to a folder of your own."
              .formatted(folder, fault, FOLDER_PROPERTY_NAME));
    }
    return folder;
  }

  private static byte[] crc32c(byte[] content) {
    CRC32C checksum = new CRC32C();
    checksum.update(content);
    return HexFormat.of()
        .toHexDigits((int) checksum.getValue())
        .getBytes(StandardCharsets.US_ASCII);
  }

  static String sha256(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }
}
