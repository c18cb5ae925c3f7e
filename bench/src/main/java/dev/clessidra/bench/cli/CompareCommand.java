package dev.clessidra.bench.cli;

import dev.clessidra.bench.report.Change;
import dev.clessidra.bench.report.ChangeTable;
import dev.clessidra.bench.report.RunFile;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code bench compare}. */
@Command(
    name = "compare",
    mixinStandardHelpOptions = true,
    header = "Say what changed between two runs, and what of it is beyond the noise.",
    description =
        "Compares shares of the machine's limit and ratios to baselines, which a slower minute of"
            + " the machine does not change. A change is beyond the noise when neither the ranges"
            + " between the quartiles overlap nor the notches about the medians: 1.57 times that"
            + " range, divided by the square root of the rounds. That takes "
            + Change.LEAST_ROUNDS
            + " rounds of each run.",
    footer = {
      "%nExamples:",
      "  clessidra bench --suite kernels --json before.json",
      "  clessidra bench --suite kernels --json after.json",
      "  clessidra bench compare before.json after.json",
      "  clessidra bench compare last-1 last",
    })
final class CompareCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "BEFORE",
      description =
          "A file of --json, or of the history last, last-1, ... or the beginning of a commit.")
  private String before;

  @Parameters(index = "1", paramLabel = "AFTER", description = "The same.")
  private String after;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    ChangeTable.print(
        RunFile.read(before, Source.history()), RunFile.read(after, Source.history()), out);
    out.flush();
    return 0;
  }
}
