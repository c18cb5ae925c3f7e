package dev.clessidra.models.cli;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;

/**
 * What a command runs in.
 *
 * @param terminal tells whether the output is a terminal, where lines can be drawn over
 * @param columns tells how wide the terminal is
 * @param charset of the output
 * @param runs the folder of run folders that are not named
 * @param interruption tells when to stop
 */
record Environment(
    BooleanSupplier terminal,
    IntSupplier columns,
    Charset charset,
    Path runs,
    Interruption interruption) {
  private static final int STANDARD_OUTPUT = 1;
  private static final int USUAL_COLUMNS = 80;
  private static final long GET_WINDOW_SIZE = 0x5413; // TIOCGWINSZ

  /** That of this process. */
  static Environment system(Interruption interruption) {
    return new Environment(
        () ->
            !System.getenv().getOrDefault("TERM", "dumb").equals("dumb")
                && windowColumns().isPresent(),
        () -> {
          int columns = windowColumns().orElse(0);
          return columns > 0 ? columns : USUAL_COLUMNS; // some terminals do not know
        },
        Charset.forName(System.getProperty("stdout.encoding", "US-ASCII")),
        Path.of("runs"),
        interruption);
  }

  /** What the terminal says that the output goes to, if it does. */
  // System.console() also asks for the input to be a terminal.
  @SuppressWarnings("restricted")
  private static OptionalInt windowColumns() {
    Linker linker = Linker.nativeLinker();
    MethodHandle ioctl =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("ioctl"),
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_LONG,
                ValueLayout.ADDRESS),
            Linker.Option.firstVariadicArg(2));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocate(ValueLayout.JAVA_SHORT, 4); // rows, columns, pixels
      return (int) ioctl.invokeExact(STANDARD_OUTPUT, GET_WINDOW_SIZE, size) == 0
          ? OptionalInt.of(Short.toUnsignedInt(size.getAtIndex(ValueLayout.JAVA_SHORT, 1)))
          : OptionalInt.empty();
    } catch (Throwable e) {
      throw new AssertionError("ioctl throws nothing", e);
    }
  }
}
