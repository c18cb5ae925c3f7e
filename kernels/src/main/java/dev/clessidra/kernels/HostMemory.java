package dev.clessidra.kernels;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What memory the machine has left, and the container that the process is in. */
final class HostMemory {
  // What programs and files need to go on: a machine that has none left stands still for minutes.
  private static final int SHARE_LEFT = 16;

  private final Path meminfo;
  private final Path cgroup;

  HostMemory() {
    this(Path.of("/proc/meminfo"), Path.of("/sys/fs/cgroup"));
  }

  /** With the files of the kernel in other places. */
  HostMemory(Path meminfo, Path cgroup) {
    this.meminfo = meminfo;
    this.cgroup = cgroup;
  }

  /**
   * The bytes that can be taken; {@link Long#MAX_VALUE} where that is not known. Files that the
   * kernel keeps in memory count as free, as it does.
   */
  long available() {
    String text = text(meminfo);
    long kibi = 1 << 10;
    long machine = left(number(text, "MemTotal:", kibi), number(text, "MemAvailable:", kibi));
    long limit = number(text(cgroup.resolve("memory.max")), "", 1);
    long files = number(text(cgroup.resolve("memory.stat")), "file", 1);
    long used = number(text(cgroup.resolve("memory.current")), "", 1);
    long container = files < 0 || used < 0 ? Long.MAX_VALUE : left(limit, limit - used + files);
    return Math.min(machine, container);
  }

  private static long left(long total, long available) {
    return total < 0 || available < 0
        ? Long.MAX_VALUE
        : Math.max(0, available - total / SHARE_LEFT);
  }

  /** The number after a name at the start of a line; -1 if there is none. */
  private static long number(String text, String name, long unit) {
    Matcher line = Pattern.compile("(?m)^" + name + "\\s*(\\d{1,15})\\b").matcher(text);
    return line.find() ? unit * Long.parseLong(line.group(1)) : -1;
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException _) {
      return "";
    }
  }
}
