package dev.clessidra.models.cli;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;

/**
 * What a command runs in.
 *
 * @param terminal tells whether the output is a terminal, where lines can be drawn over
 * @param charset of the output
 * @param runs the folder of run folders that are not named
 * @param interruption tells when to stop
 */
record Environment(
    BooleanSupplier terminal, Charset charset, Path runs, Interruption interruption) {
  private static final int STANDARD_OUTPUT = 1;

  /** That of this process. */
  static Environment system(Interruption interruption) {
    return new Environment(
        () ->
            !System.getenv().getOrDefault("TERM", "dumb").equals("dumb")
                && isTerminal(STANDARD_OUTPUT),
        Charset.forName(System.getProperty("stdout.encoding", "US-ASCII")),
        Path.of("runs"),
        interruption);
  }

  // System.console() also asks for the input to be a terminal.
  @SuppressWarnings("restricted")
  private static boolean isTerminal(int descriptor) {
    Linker linker = Linker.nativeLinker();
    return linker
        .defaultLookup()
        .find("isatty")
        .map(address -> {
          MethodHandle isatty =
              linker.downcallHandle(
                  address, FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
          try {
            return (int) isatty.invokeExact(descriptor) == 1;
          } catch (Throwable e) {
            throw new AssertionError("isatty throws nothing", e);
          }
        })
        .orElse(false);
  }
}
