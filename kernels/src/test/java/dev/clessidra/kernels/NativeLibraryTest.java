package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class NativeLibraryTest {
  private static final String RESOURCES = "dev/clessidra/native/linux-x86_64/";

  @TempDir Path temporary;
  private final Map<String, String> properties = new HashMap<>();
  private final Map<String, String> environment = new HashMap<>();
  private final byte[] content = "the library".getBytes(StandardCharsets.UTF_8);
  private Path jar;
  private Path folder;

  @BeforeEach
  void putLibraryIntoJar() throws IOException {
    jar = temporary.resolve("jar");
    folder = temporary.resolve("unpacked");
    Files.createDirectories(jar.resolve(RESOURCES));
    Files.write(jar.resolve(RESOURCES + "libtest.so"), content);
    Files.writeString(
        jar.resolve(RESOURCES + "libtest.so.sha256"), NativeLibrary.sha256(content) + "\n");
    properties.put("clessidra.native.folder", folder.toString());
    properties.put("user.home", temporary.resolve("home").toString());
    properties.put("user.name", "somebody");
    properties.put("java.io.tmpdir", temporary.resolve("tmp").toString());
  }

  private NativeLibrary library(String operatingSystem, String architecture) {
    try {
      return new NativeLibrary(
          RESOURCES + "libtest.so",
          operatingSystem,
          architecture,
          new URLClassLoader(new URL[] {jar.toUri().toURL()}, null),
          new Settings(properties::get, environment::get));
    } catch (MalformedURLException e) {
      throw new AssertionError(e);
    }
  }

  private NativeLibrary library() {
    return library("Linux", "amd64");
  }

  @Test
  void theLibraryIsUnpackedToAFolderOfItsVersionThatOnlyTheOwnerMayUse() throws IOException {
    Path file = library().locate();
    assertThat(file)
        .isEqualTo(
            folder.resolve(
                "development-" + NativeLibrary.sha256(content).substring(0, 16) + "/libtest.so"))
        .hasBinaryContent(content);
    for (Path own : new Path[] {folder, file.getParent(), file}) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(own)))
          .isEqualTo("rwx------");
    }
    try (var files = Files.list(file.getParent())) {
      assertThat(files).containsExactlyInAnyOrder(file, file.resolveSibling("libtest.so.crc32c"));
    }
  }

  @Test
  void whatWasLeftOutOfABuildIsKnown() {
    assertThat(library().isInBuild()).isTrue();
    assertThat(NativeLibrary.system("emulator/nothing.so").isInBuild()).isFalse();
  }

  @Test
  void anUnpackedLibraryIsUsedAgain() throws IOException {
    Path file = library().locate();
    Object key = Files.readAttributes(file, "unix:ino").get("ino");
    assertThat(library().locate()).isEqualTo(file);
    assertThat(Files.readAttributes(file, "unix:ino").get("ino")).isEqualTo(key);
  }

  @Test
  void theLibraryCanHaveAnotherNameOnceUnpacked() {
    Path file = library().unpackAs("libother.so");

    assertThat(file).hasFileName("libother.so").hasBinaryContent(content);
    assertThat(file.getParent()).isEqualTo(library().locate().getParent());
  }

  @Test
  void aTamperedFileIsReplaced() throws IOException {
    Path file = library().locate();
    Files.writeString(file, "something else");
    assertThat(library().locate()).isEqualTo(file).hasBinaryContent(content);
  }

  @Test
  void withoutItsChecksumTheFileIsReplaced() throws IOException {
    Path file = library().locate();
    Path checksum = file.resolveSibling("libtest.so.crc32c");
    Files.writeString(file, "something else");
    Files.delete(checksum);
    assertThat(library().locate()).isEqualTo(file).hasBinaryContent(content);
    assertThat(checksum).exists();
  }

  @Test
  void aLinkInPlaceOfTheFileIsReplaced() throws IOException {
    Path file = library().locate();
    Path elsewhere = Files.write(temporary.resolve("elsewhere"), content);
    Files.delete(file);
    Files.createSymbolicLink(file, elsewhere);
    library().locate();
    assertThat(Files.isSymbolicLink(file)).isFalse();
    assertThat(file).hasBinaryContent(content);
  }

  @Test
  void aFolderThatOthersCanWriteIsRefused() throws IOException {
    Files.createDirectory(folder);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> library().locate())
        .withMessage(
            "Native libraries are not unpacked to %s, which can be written by others: set"
                + " clessidra.native.folder to a folder of your own.",
            folder);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    assertThat(library().locate()).exists();
  }

  @Test
  void aVersionFolderThatOthersCanWriteIsRefused() throws IOException {
    Path versionFolder = library().locate().getParent();
    Files.setPosixFilePermissions(versionFolder, PosixFilePermissions.fromString("rwx-w----"));
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> library().locate())
        .withMessageContaining("can be written by others");
  }

  @Test
  void aFolderOfSomebodyElseIsRefused() throws IOException {
    Path theirs = Path.of("/usr"); // of root, unless the test is root and can give a folder away
    if (Files.getOwner(theirs).equals(Files.getOwner(temporary))) {
      theirs = Files.createDirectory(folder);
      Files.setAttribute(theirs, "unix:uid", 65534);
    }
    properties.put("clessidra.native.folder", theirs.toString());
    String owner = Files.getOwner(theirs).getName();
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> library().locate())
        .withMessageContaining("which belongs to " + owner);
  }

  @Test
  void aLinkOrAFileInPlaceOfTheFolderIsRefused() throws IOException {
    Files.createSymbolicLink(folder, Files.createDirectory(temporary.resolve("elsewhere")));
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> library().locate())
        .withMessageContaining("is not a folder");
    Files.delete(folder);
    Files.createFile(folder);
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> library().locate())
        .withMessageContaining("is not a folder");
  }

  @Test
  void aFolderThatCannotBeMadeGivesOneLine() throws IOException {
    Path wanted = Files.createFile(temporary.resolve("file")).resolve("inside/it");
    properties.put("clessidra.native.folder", wanted.toString());
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> library().locate())
        .withMessageStartingWith("Native library libtest.so cannot be unpacked to %s (", wanted)
        .withMessageNotContaining("Exception")
        .withMessageEndingWith("set clessidra.native.folder to a folder of your own.");
  }

  @Test
  void aDamagedResourceIsRefused() throws IOException {
    Files.writeString(jar.resolve(RESOURCES + "libtest.so"), "cut off");
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> library().locate())
        .withMessageStartingWith("Resource " + RESOURCES + "libtest.so is damaged")
        .withMessageContaining("expected " + NativeLibrary.sha256(content));
  }

  @Test
  void aMissingResourceIsNamed() throws IOException {
    Files.delete(jar.resolve(RESOURCES + "libtest.so.sha256"));
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> library().locate())
        .withMessage(
            "Native library libtest.so is missing: no resource %slibtest.so.sha256 (Linux on"
                + " amd64); put clessidra-native on the class path.",
            RESOURCES);
  }

  @Test
  void otherMachinesAreRefused() {
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> library("Mac OS X", "aarch64").locate())
        .withMessage(
            "There is no native library libtest.so for Mac OS X on aarch64: supported is Linux on"
                + " x86_64.");
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> library("Linux", "aarch64").locate());
    assertThat(library("Linux", "x86_64").locate()).exists();
  }

  @Test
  void aFileOfOnesOwnIsTakenAsItIs() throws IOException {
    Path own = Files.writeString(temporary.resolve("own.so"), "mine");
    properties.put("clessidra.native.library", own.toString());
    assertThat(library().locate()).isEqualTo(own);
    assertThat(folder).doesNotExist();
    properties.put("clessidra.native.library", temporary.resolve("none.so").toString());
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> library().locate())
        .withMessage(
            "clessidra.native.library is '%s': there is no such file.",
            temporary.resolve("none.so"));
    properties.put("clessidra.native.library", temporary.toString());
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> library().locate())
        .withMessage(
            "clessidra.native.library is '%s': it is a folder, expected a library's file.",
            temporary);
  }

  @Test
  void aLibraryThatIsNotLoadedIsToldFromWhatIsNone() throws IOException {
    Path text = Files.writeString(temporary.resolve("text.so"), "no");
    assertThat(NativeLibrary.whyNotLoaded(text))
        .isEqualTo("it is no library; check clessidra.native.library");
    Path library = Files.writeString(temporary.resolve("elf.so"), "\u007fELF and so on");
    assertThat(NativeLibrary.whyNotLoaded(library))
        .contains("may not allow running programs; move it with clessidra.native.folder");
  }

  @Test
  void theFolderIsTheCacheOfTheUserUnlessItCannotBeWritten() throws IOException {
    properties.remove("clessidra.native.folder");
    assertThat(library().folder()).isEqualTo(temporary.resolve("home/.cache/clessidra"));
    environment.put("XDG_CACHE_HOME", temporary.resolve("cache").toString());
    assertThat(library().folder()).isEqualTo(temporary.resolve("cache/clessidra"));
    environment.put("XDG_CACHE_HOME", "not/absolute");
    assertThat(library().folder()).isEqualTo(temporary.resolve("home/.cache/clessidra"));
    Files.createFile(temporary.resolve("home"));
    Path own =
        temporary.resolve("tmp/clessidra-" + Files.getAttribute(temporary, "unix:uid").toString());
    assertThat(library().folder()).isEqualTo(own);
    properties.put("user.home", "?"); // as of a user whom the system does not know
    properties.put("user.name", "?");
    assertThat(library().folder()).isEqualTo(own);
    environment.put("CLESSIDRA_NATIVE_FOLDER", temporary.resolve("mine").toString());
    assertThat(library().folder()).isEqualTo(temporary.resolve("mine"));
  }
}
