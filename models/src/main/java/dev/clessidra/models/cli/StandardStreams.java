package dev.clessidra.models.cli;

import java.io.PrintStream;
import java.io.PrintWriter;
import picocli.CommandLine;

/** The output of this process. */
public final class StandardStreams {
  private StandardStreams() {}

  /**
   * Runs a command line that writes to the output of this process.
   *
   * @return its exit code, not 0 where the output was not written whole
   */
  public static int execute(CommandLine commandLine, String... arguments) {
    PrintWriter out = writer(System.out, false);
    PrintWriter err = writer(System.err, true);
    int code = commandLine.setOut(out).setErr(err).execute(arguments);
    if (out.checkError()) {
      err.println(
          "clessidra: the standard output was not written whole: is its disk full, or its pipe"
              + " closed?");
      return ExitCode.FAILURE;
    }
    return code;
  }

  private static PrintWriter writer(PrintStream stream, boolean autoFlush) {
    return new PrintWriter(stream, autoFlush, stream.charset());
  }
}
