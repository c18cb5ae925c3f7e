package dev.clessidra.models.cli;

import static dev.clessidra.models.cli.Words.format;
import static dev.clessidra.models.cli.Words.program;
import static dev.clessidra.models.cli.Words.quoted;

import dev.clessidra.engine.io.ModelFileException;
import dev.clessidra.kernels.Device;
import dev.clessidra.models.Model;
import dev.clessidra.models.data.DataException;
import dev.clessidra.models.data.DataSplit;
import dev.clessidra.models.training.Trainer;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/**
 * What the training of all kinds of models has in common.
 *
 * @param <D> what such a model is trained and tested on
 */
abstract class TrainModelCommand<D extends DataSplit> implements Callable<Integer> {
  private static final String OUT = "--out";
  private static final String RESUME = "--resume";

  // What a resumed run may be given anew: none of these changes the model.
  private static final Set<String> OF_THIS_PROCESS =
      Set.of(
          OUT,
          RESUME,
          "--no-report",
          "--show",
          "--device",
          "--threads",
          "--stop-after-steps",
          "--checkpoint-every",
          "--stacktrace",
          "--help",
          "--version");

  private static final double MOST_TIMES = 1e9; // with which no count of steps overflows

  private final Environment environment;

  @Spec private CommandSpec spec;

  @Mixin private TrainingOptions training;
  @Mixin private DeviceSelection device;

  @Option(
      names = OUT,
      paramLabel = "FOLDER",
      order = HelpSections.RUN,
      description = "The run folder, new or empty; runs/MODEL-N with the next free N unless set.")
  private Path out;

  @Option(
      names = RESUME,
      paramLabel = "RUN_FOLDER",
      order = HelpSections.RUN + 1,
      description =
          "Go on with a run that was stopped or whose process died, with its settings, to the same"
              + " model as if it had not been. Only --data (where the same data is now), --device,"
              + " --threads, --no-report and --show may be given with it.")
  private Path resume;

  @Option(
      names = "--no-report",
      order = HelpSections.RUN + 2,
      description = "Write no report.html, and make none of its comparisons.")
  private boolean noReport;

  @Option(
      names = "--show",
      order = HelpSections.RUN + 3,
      description = "Draw what came of some images, as on a terminal anyway.")
  private boolean show;

  @Option(names = "--stop-after-steps", hidden = true)
  private long stopAfterSteps;

  @Option(names = "--checkpoint-every", hidden = true)
  private Duration checkpointEvery = Duration.ofMinutes(2);

  TrainModelCommand(Environment environment) {
    this.environment = environment;
  }

  /** The kind of model, as {@code train} takes it. */
  abstract String model();

  /** A new command of this kind. */
  abstract TrainModelCommand<D> again();

  /** What the data is named by. */
  abstract DataOption<D> data();

  /** The names of what the stages evaluate, which become columns of the metrics. */
  abstract List<String> measures();

  /**
   * Checks the settings before anything is written.
   *
   * @throws IllegalArgumentException if they do not fit each other or the data
   */
  abstract void check(D dataset, Device on);

  /** Checks the settings of the stages of a model, and closes it. */
  void check(Model model, double... stageEpochs) {
    try (model) {
      Trainer _ = training.apply(Trainer.of(model));
      for (double epochs : stageEpochs) {
        Trainer _ = training.apply(Trainer.of(model), epochs);
      }
    }
  }

  /**
   * Refuses options that were given although nothing uses them.
   *
   * @param used whether they are used
   * @param advice the option that decides about it, and what to do
   * @throws IllegalArgumentException if one was given
   */
  final void requireUsed(boolean used, String advice, String... options) {
    for (String option : options) {
      if (!used && isGiven(option)) {
        throw new IllegalArgumentException("%s does nothing %s".formatted(option, advice));
      }
    }
  }

  private boolean isGiven(String option) {
    return spec.commandLine().getParseResult().hasMatchedOption(option);
  }

  /** Trains what is not trained yet, each stage into its file. */
  abstract void train(TrainingRun<D> run);

  /**
   * Evaluates what was trained.
   *
   * @param compare whether to make the comparisons of the report as well
   */
  abstract Outcome outcome(TrainingRun<D> run, boolean compare);

  /** What is trained, in a few words with its sizes. */
  abstract String describe(D dataset);

  /** What a training needs to know of its process. */
  final Environment environment() {
    return environment;
  }

  final TrainingOptions training() {
    return training;
  }

  /** This command for the command line, with its defaults. */
  final CommandLine commandLine() {
    CommandLine commandLine = new CommandLine(this);
    commandLine.getCommandSpec().usageMessage().abbreviateSynopsis(true);
    return commandLine.setDefaultValueProvider(Recipes.defaults(model()));
  }

  @Override
  public final Integer call() {
    PrintWriter writer = spec.commandLine().getOut();
    if (resume == null) {
      return run(this, data().source(), writer);
    }
    RunFolder folder = new RunFolder(resume);
    requireOnlyResumable(spec.commandLine().getParseResult());
    RunConfiguration configuration = RunConfiguration.read(folder.config());
    if (!configuration.model().equals(model())) {
      throw new ParameterException(
          spec.commandLine(),
          "%s is a run of another model, expected %s: use train %s --resume"
              .formatted(resume, model(), configuration.model()));
    }
    return run(restore(configuration), configuration, writer);
  }

  private void requireOnlyResumable(ParseResult given) {
    for (OptionSpec option : given.matchedOptions()) {
      String name = option.longestName();
      boolean allowed = OF_THIS_PROCESS.contains(name) || name.equals("--data");
      if (!allowed || name.equals(OUT)) {
        throw new ParameterException(
            spec.commandLine(),
            "%s cannot be given with --resume, which goes on with the settings of %s: leave it out"
                .formatted(name, resume));
      }
    }
  }

  /** A command with the options of a configuration. */
  private TrainModelCommand<D> restore(RunConfiguration configuration) {
    TrainModelCommand<D> command = again();
    CommandLine commandLine = command.commandLine();
    Clessidra.registerConverters(commandLine);
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    try {
      commandLine.parseArgs(
          configuration.options().entrySet().stream()
              .map(option -> option.getKey() + "=" + option.getValue())
              .toArray(String[]::new));
    } catch (ParameterException e) {
      throw new CommandFailure(
          "%s: %s; restore it, or train again"
              .formatted(resume.resolve("config.json"), e.getMessage()),
          e);
    }
    return command;
  }

  /** A new run. */
  private int run(TrainModelCommand<D> settings, String source, PrintWriter writer) {
    if (out != null) {
      RunFolder.requireUnused(out);
    }
    D dataset = data().read(source);
    try (Device opened = device.open()) {
      checked(dataset, opened);
      RunFolder folder =
          out == null ? RunFolder.next(environment.runs(), model()) : RunFolder.create(out);
      try (RunLock _ = RunLock.of(folder)) {
        // Another process may have used it since it was looked at first.
        RunFolder.requireUnused(folder.path());
        RunConfiguration configuration =
            RunConfiguration.of(model(), settings.options(), data().absolute(source), dataset);
        configuration.write(folder.config());
        settings.warnOfRepetition(dataset.trainingCount(), spec.commandLine().getErr());
        return train(settings, folder, dataset, opened, writer);
      }
    }
  }

  private void checked(D dataset, Device opened) {
    try {
      requireUsed(!isGiven("--steps"), "beside --steps: leave one of them out", "--epochs");
      requireCountable();
      training.fit(dataset.trainingCount(), isGiven("--batch"));
      check(dataset, opened);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private void requireCountable() {
    for (OptionSpec option : spec.options()) {
      String name = option.longestName();
      if ((name.equals("--steps") || name.endsWith("epochs"))
          && option.getValue() instanceof Number times
          && times.doubleValue() > MOST_TIMES) {
        throw new IllegalArgumentException(
            format("%s is %s, expected at most %.0f", name, times, MOST_TIMES));
      }
    }
  }

  /** A resumed run. */
  private int run(
      TrainModelCommand<D> settings, RunConfiguration configuration, PrintWriter writer) {
    RunFolder folder = new RunFolder(resume);
    boolean moved = isGiven("--data");
    String source = moved ? data().source() : configuration.data();
    D dataset = data().read(source);
    if (!dataset.checksum().equals(configuration.checksum())) {
      throw new CommandFailure(
          "the data of %s is not what the run %s was started with (%s): give the same by --data"
              .formatted(source, resume, configuration.description()));
    }
    if (Files.exists(folder.result())) {
      throw new CommandFailure(
          "the run %s is finished: nothing to resume; see %s evaluate %s"
              .formatted(resume, program(), quoted(resume)));
    }
    try (Device opened = device.open();
        RunLock _ = RunLock.of(folder)) {
      folder.deleteUnfinishedModels();
      return train(settings, folder, dataset, opened, writer);
    }
  }

  private int train(
      TrainModelCommand<D> settings,
      RunFolder folder,
      D dataset,
      Device opened,
      PrintWriter writer) {
    writer.println(settings.describe(dataset));
    writer.println(dataset.description());
    writer.println(format("%s; run folder %s", opened.description(), folder.path()));
    writer.flush();
    Interruption interruption = environment.interruption();
    String again = "%s train %s --resume %s".formatted(program(), model(), quoted(folder.path()));
    try (TrainingRun<D> run =
        new TrainingRun<>(
            folder,
            dataset,
            opened,
            environment,
            writer,
            measures(),
            checkpointEvery,
            stopAfterSteps)) {
      interruption.hold(); // until the end, if the training is stopped or fails
      try {
        settings.train(run);
      } catch (TrainingStopped e) {
        writer.println(
            format(
                "Stopped in the stage %s after step %d; the checkpoint is in %s%nGo on with:%n  %s",
                e.getMessage(), e.step(), folder.path(), again));
        writer.flush();
        return ExitCode.INTERRUPTED;
      } catch (ModelFileException | DataException e) {
        throw new CommandFailure(e.getMessage() + run.advice(again), e);
      }
      interruption.release();
      interruption.advise("stopped; the model is trained, finish its report with: " + again);
      Outcome outcome = settings.outcome(run, !noReport);
      RunSummary.of(run, settings.training.batch()).write(outcome, writer, !noReport);
      if (show || environment.terminal().getAsBoolean()) {
        outcome.draw(writer, environment);
      }
      interruption.advise("");
      return ExitCode.OK;
    }
  }

  private void warnOfRepetition(int images, PrintWriter err) {
    if (training.batch() > images) {
      err.println(
          format(
              "clessidra: a step of %d images takes some of the %d training images more than once:"
                  + " unless that is meant, give a smaller --batch",
              training.batch(), images));
      err.flush();
    }
  }

  /** The values of all options that decide about the model. */
  private SequencedMap<String, String> options() {
    SequencedMap<String, String> values = new LinkedHashMap<>();
    for (OptionSpec option : spec.options()) {
      String name = option.longestName();
      if (!OF_THIS_PROCESS.contains(name) && !name.equals("--data") && option.getValue() != null) {
        values.put(name, Words.of(option.<Object>getValue()));
      }
    }
    return values;
  }
}
