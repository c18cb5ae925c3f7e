package dev.clessidra.bench.report;

import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

/** What changed from one run to another, as a table for people. */
public final class ChangeTable {
  private static final double DIFFERENT_ROUND_TRIPS = 1.5;

  private ChangeTable() {}

  /** Prints a line a figure, and which works only one of the runs has. */
  public static void print(Run before, Run after, PrintWriter out) {
    heading(out, "before", before);
    heading(out, "after", after);
    if (!before.device().equals(after.device())) {
      out.println("The devices are not the same: the changes are theirs too.");
    }
    if (roundTripsDiffer(before, after)) {
      out.printf(
          "A cache line went to another thread and back in %s ns before, in %s after: compare the"
              + " ratios to libraries alone.%n",
          Figures.number(before.roundTrip().median() * 1e9),
          Figures.number(after.roundTrip().median() * 1e9));
    }
    out.println();
    List<Change> changes = Change.between(before, after);
    Columns columns = new Columns();
    columns.row(List.of("", "figure", "before", "after", "change", ""));
    for (Change change : changes) {
      columns.row(
          List.of(
              change.work(),
              change.figure(),
              String.format(Locale.ROOT, "%.3g", change.before().median()),
              String.format(Locale.ROOT, "%.3g", change.after().median()),
              String.format(Locale.ROOT, "%+.1f %%", 100 * change.relative()),
              verdict(change)));
    }
    columns.print(out);
    out.println();
    out.printf(
        "%d of %d figures changed beyond the noise.%n",
        changes.stream().filter(Change::isBeyondNoise).count(), changes.size());
    if (changes.stream().anyMatch(Change::hasTooFewRounds)) {
      out.printf("Fewer than %d rounds tell no change from noise.%n", Change.LEAST_ROUNDS);
    }
    only(out, "before", before, after);
    only(out, "after", after, before);
  }

  /** Whether the processors were further apart in one of the runs, as far as both tell. */
  private static boolean roundTripsDiffer(Run before, Run after) {
    if (before.roundTrip() == null || after.roundTrip() == null) {
      return false;
    }
    double ratio = after.roundTrip().median() / before.roundTrip().median();
    return Math.max(ratio, 1 / ratio) > DIFFERENT_ROUND_TRIPS;
  }

  private static String verdict(Change change) {
    if (change.hasTooFewRounds()) {
      return "too few rounds";
    }
    return change.isBeyondNoise() ? "beyond the noise" : "within the noise";
  }

  private static void heading(PrintWriter out, String which, Run run) {
    out.printf(
        "%s: %s of %s on %s, %d rounds%n",
        which, run.commit(), run.date(), run.device(), run.rounds());
  }

  private static void only(PrintWriter out, String which, Run run, Run other) {
    run.results().stream()
        .filter(
            result -> other.results().stream().noneMatch(more -> more.work().equals(result.work())))
        .forEach(result -> out.printf("only %s: %s%n", which, result.work()));
  }
}
