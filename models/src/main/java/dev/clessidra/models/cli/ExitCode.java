package dev.clessidra.models.cli;

/** What the process ends with. */
final class ExitCode {
  static final int OK = 0;

  /** Something that was well asked for could not be done. */
  static final int FAILURE = 1;

  /** The command line cannot be understood. */
  static final int USAGE = 2;

  /** Stopped by Ctrl-C: 128 + SIGINT, as shells have it. */
  static final int INTERRUPTED = 130;

  private ExitCode() {}
}
