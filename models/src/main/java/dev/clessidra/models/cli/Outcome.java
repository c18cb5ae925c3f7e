package dev.clessidra.models.cli;

import dev.clessidra.models.report.Report;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;

/** What came of a training run. */
interface Outcome extends Measured {
  /** The model files, the main one last. */
  List<Path> models();

  /** A command to try next. */
  String next();

  /** The page about the run. */
  Report report(RunSummary summary);

  /** Draws what came of some images. */
  void draw(PrintWriter out, Environment environment);
}
