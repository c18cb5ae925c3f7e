package dev.clessidra.bench.cli;

import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Baseline;
import dev.clessidra.bench.baselines.Baselines;
import dev.clessidra.bench.baselines.Clessidra;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.baselines.OtherBuild;
import dev.clessidra.bench.measure.Effort;
import dev.clessidra.bench.measure.Measurement;
import dev.clessidra.bench.measure.Result;
import dev.clessidra.bench.measure.Timing;
import dev.clessidra.bench.report.Roofline;
import dev.clessidra.bench.report.Run;
import dev.clessidra.bench.report.RunFile;
import dev.clessidra.bench.report.Table;
import dev.clessidra.bench.work.Cpu;
import dev.clessidra.bench.work.Suite;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceException;
import dev.clessidra.kernels.DeviceOptions;
import dev.clessidra.models.cli.StandardStreams;
import dev.clessidra.models.data.AtomicFile;
import dev.clessidra.models.data.DataException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SequencedMap;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The program {@code clessidra bench}. */
@Command(
    name = "clessidra bench",
    mixinStandardHelpOptions = true,
    subcommands = CompareCommand.class,
    sortOptions = false,
    header = "Time kernels and models, alone or beside other libraries.",
    description =
        "Every library's result is compared with Clessidra's before it is timed. Then all take"
            + " turns, round by round, and between the rounds the machine's limits are measured.",
    footer = {
      "%nExamples:",
      "  clessidra bench gemm --shape 1024x1024x1024 --vs onednn,openblas",
      "  clessidra bench conv2d --shape 8x64x64x64,64x3x3 --direction forward,data,filter",
      "  clessidra bench training --model deep-autoencoder --vs build:../before",
      "  clessidra bench --suite kernels --vs onednn --json kernels.json --roofline roofline.png",
      "  clessidra bench compare before.json after.json",
    })
public final class Bench implements Callable<Integer> {
  private static final int FAILURE = 1;
  private static final int USAGE = 2;

  // Held here, or its level would be forgotten.
  private static final Logger LOGGER = Logger.getLogger("dev.clessidra");

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "WORK",
      arity = "0..*",
      description = "What to time, such as gemm or conv2d; --list shows all.")
  private List<String> names = List.of();

  @Option(
      names = "--suite",
      paramLabel = "NAME",
      description = "Time kernels, models or fixed-size-kernels, instead of a work.")
  private String suite;

  @Option(names = "--list", description = "Show all works, suites and baselines.")
  private boolean list;

  @Option(
      names = "--shape",
      paramLabel = "SHAPE",
      description =
          "The sizes of the work; --list shows how they stand, and what they are if not given.")
  private String shape;

  @Option(
      names = "--transpose",
      paramLabel = "WHICH",
      description = "Operands of gemm that are stored transposed: a, b or ab.")
  private String transpose;

  @Option(
      names = "--stride",
      paramLabel = "N",
      description = "Of a convolution's window (conv2d: 1; conv-transpose2d: its height).")
  private Integer stride;

  @Option(
      names = "--padding",
      paramLabel = "N",
      description =
          "Of a convolution's images (conv2d: half the window, which keeps the size;"
              + " conv-transpose2d: 0).")
  private Integer padding;

  @Option(
      names = "--direction",
      paramLabel = "NAMES",
      description = "Of a convolution: forward (the default), data, filter, or several.")
  private String directions;

  @Option(
      names = "--algorithm",
      paramLabel = "NAME",
      description = "Of conv2d: direct or winograd; unless set as the sizes ask for.")
  private String algorithm;

  @Option(
      names = "--activation",
      paramLabel = "NAME",
      description = "Of bias-activation: sigmoid (the default), relu, tanh, ...")
  private String activation;

  @Option(
      names = "--model",
      paramLabel = "NAMES",
      description =
          "Of training and latency: u-net, dense-vae, ... with commas between; unless set all.")
  private String models;

  @Option(
      names = "--vs",
      paramLabel = "NAMES",
      split = ",",
      description = {
        "Baselines to compare with, with commas between. build:FOLDER is another checkout of"
            + " Clessidra, which takes turns with this one, to tell what a change does."
      })
  private List<String> baselineNames = List.of();

  @Option(
      names = "--device",
      paramLabel = "NAME",
      defaultValue = "cpu",
      description = "cpu (the default), cuda:0, or emulated, whose times say nothing of a GPU.")
  private String deviceName;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads of the CPU, of the baselines too; unless set one a processor.")
  private Integer threads;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Turns of each library. More rounds tell smaller differences.")
  private Integer rounds;

  @Option(
      names = "--slice",
      paramLabel = "MS",
      description = "How many milliseconds a turn takes at least (120).")
  private Integer slice;

  @Option(
      names = "--trial",
      description =
          "Do everything as shortly as possible, to see that it works; the times mean nothing.")
  private boolean trial;

  @Option(names = "--json", paramLabel = "FILE", description = "Write all figures.")
  private Path json;

  @Option(
      names = "--roofline",
      paramLabel = "FILE.png",
      description = "Draw products, convolutions and latencies under the machine's limits.")
  private Path roofline;

  @Option(
      names = "--record",
      description = "Add a line to bench/results/history.jsonl; not with --trial.")
  private boolean record;

  @Option(names = OtherBuild.WORKER, hidden = true)
  private boolean isWorker;

  private final List<String> arguments;
  private final Baselines baselines;

  private Bench(Baselines baselines, String... arguments) {
    this.baselines = baselines;
    this.arguments = List.of(arguments);
  }

  /** Starts the program and ends the process with its exit code. */
  public static void main(String[] arguments) {
    System.setProperty("java.awt.headless", "true");
    LOGGER.setLevel(Level.WARNING);
    System.exit(StandardStreams.execute(commandLine(new Baselines(), arguments), arguments));
  }

  /** The command line for some arguments, not yet connected to an output. */
  static CommandLine commandLine(Baselines baselines, String... arguments) {
    return new CommandLine(new Bench(baselines, arguments))
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setColorScheme(CommandLine.Help.defaultColorScheme(Ansi.OFF))
        .setUsageHelpWidth(100)
        .setParameterExceptionHandler((problem, _) ->
            tell(
                problem.getCommandLine(),
                withoutPeriod(problem.getMessage()) + "; see clessidra bench --help",
                USAGE))
        .setExecutionExceptionHandler((problem, command, _) -> failure(problem, command));
  }

  private static int failure(Exception problem, CommandLine command) {
    boolean told = problem instanceof DataException || problem instanceof DeviceException;
    if (!told) {
      problem.printStackTrace(command.getErr());
    }
    return tell(command, told ? problem.getMessage() : "unexpected " + problem, FAILURE);
  }

  private static String withoutPeriod(String text) {
    return text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
  }

  private static int tell(CommandLine command, String message, int code) {
    command.getErr().println("clessidra: " + message.strip().replaceAll("\\s*\\R\\s*", " "));
    return code;
  }

  @Override
  public Integer call() {
    if (list) {
      list();
      return 0;
    }
    List<Suite.Entry> entries;
    DeviceOptions options;
    SequencedMap<String, Baseline> wanted = new LinkedHashMap<>();
    SequencedMap<String, String> absent = new LinkedHashMap<>();
    Effort effort = trial ? Effort.TRIAL : Effort.NORMAL;
    try {
      entries = entries();
      if (record && trial) {
        throw new IllegalArgumentException(
            "--record and --trial: the times of a trial mean nothing, expected one of them");
      }
      options = DeviceOptions.defaults().withDevice(deviceName);
      options = threads == null ? options : options.withThreads(threads);
      effort = rounds == null ? effort : effort.withRounds(rounds);
      // Bytes first: to count the operations of a model it is built.
      if (roofline != null
          && entries.stream()
              .map(Suite.Entry::work)
              .noneMatch(work -> work.bytes() > 0 && work.operations() > 0)) {
        throw new IllegalArgumentException(
            "--roofline is for works whose operations and bytes are counted: expected products,"
                + " convolutions or answers to one image among them");
      }
      effort = slice == null ? effort : effort.withSlice(Duration.ofMillis(slice));
      for (String name : isWorker ? List.<String>of() : baselineNames) {
        try {
          wanted.put(name, baseline(name));
        } catch (AbsentException e) {
          absent.put(name, e.getMessage());
        }
      }
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
    if (threads != null) {
      // Processes that works start read it.
      System.setProperty(DeviceOptions.THREADS_PROPERTY_NAME, threads.toString());
    }
    if (isWorker) {
      return serve(entries, options, effort);
    }
    if (json != null) {
      requireWritable(json);
    }
    if (roofline != null) {
      requireWritable(roofline);
    }
    if (record) {
      requireWritable(Source.history());
    }
    OptionalInt relaunched =
        Relaunch.ifNeeded(Bench.class, List.copyOf(wanted.values()), arguments);
    return relaunched.isPresent()
        ? relaunched.getAsInt()
        : measure(entries, options, wanted, absent, effort);
  }

  private Baseline baseline(String name) throws AbsentException {
    return name.startsWith(OtherBuild.PREFIX)
        ? new OtherBuild(name, arguments)
        : baselines.get(name);
  }

  /** Does and times works for another build. */
  private int serve(List<Suite.Entry> entries, DeviceOptions options, Effort effort) {
    List<Work> works = entries.stream().map(Suite.Entry::work).toList();
    try (Device device = Device.open(options);
        Worker worker = new Worker(device, works, effort)) {
      worker.serve(
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)),
          spec.commandLine().getOut());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return 0;
  }

  /** Finds out before all is measured. */
  private static void requireWritable(Path file) {
    AtomicFile.requireReplaceable(file);
    Path folder = file.toAbsolutePath().getParent();
    try {
      Files.createDirectories(folder);
      Files.delete(Files.createTempFile(folder, ".bench", ""));
    } catch (IOException e) {
      throw new DataException(
          "%s cannot be written: no file can be made in the folder %s; choose another place or make room"
              .formatted(file, folder),
          e);
    }
  }

  private List<Suite.Entry> entries() {
    WorkOptions options =
        new WorkOptions(
            shape, transpose, stride, padding, directions, algorithm, activation, models);
    if (suite != null) {
      if (!names.isEmpty()) {
        throw new IllegalArgumentException(
            "--suite %s and the work %s: expected one of them".formatted(suite, names.getFirst()));
      }
      options.requireOnly("--suite", List.of());
      return Suite.named(suite).entries();
    }
    if (names.isEmpty()) {
      throw new IllegalArgumentException("nothing to time: expected a work, or --suite");
    }
    List<Suite.Entry> entries = new ArrayList<>();
    for (String name : names) {
      WorkFamily.works(name, options).forEach(work -> entries.add(new Suite.Entry(work)));
    }
    requireOnce(entries);
    return entries;
  }

  /** Results are found again by their labels. */
  private static void requireOnce(List<Suite.Entry> entries) {
    Set<String> labels = new HashSet<>();
    for (Suite.Entry entry : entries) {
      if (!labels.add(entry.work().label())) {
        throw new IllegalArgumentException(
            "%s is asked for more than once: expected each work once"
                .formatted(entry.work().label()));
      }
    }
  }

  private int measure(
      List<Suite.Entry> entries,
      DeviceOptions options,
      Map<String, Baseline> wanted,
      Map<String, String> absent,
      Effort effort) {
    List<Library> libraries = new ArrayList<>();
    SequencedMap<String, String> versions = new LinkedHashMap<>();
    versions.put("java", Runtime.version().toString());
    try (Device device = Device.open(options)) {
      versions.put(Clessidra.NAME, new Clessidra(device).version());
      wanted.forEach((name, baseline) -> {
        try {
          Library library = baseline.open(device, Cpu.threads(options));
          libraries.add(library);
          versions.put(name, library.version());
        } catch (AbsentException e) {
          absent.put(name, e.getMessage());
        }
      });
      try (Measurement measurement = new Measurement(device, libraries, effort)) {
        Timing launch = measurement.smallestLaunch();
        String commit = Source.commit();
        List<Result> results = new ArrayList<>();
        Run run = null;
        for (Suite.Entry entry : entries) {
          spec.commandLine()
              .getErr()
              .printf("%d of %d: %s%n", results.size() + 1, entries.size(), entry.work().label());
          results.add(measurement.measure(entry.group(), entry.work()));
          run =
              new Run(
                  commit,
                  Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                  Source.machine(device),
                  versions,
                  absent,
                  effort.rounds(),
                  measurement.peak(),
                  measurement.bandwidth(),
                  measurement.roundTrip(),
                  launch,
                  List.copyOf(results));
          if (json != null) {
            // Again after each work: a long run that is stopped keeps what it has measured.
            RunFile.write(json, run);
          }
        }
        return report(run);
      } finally {
        libraries.forEach(Library::close);
      }
    }
  }

  private int report(Run run) {
    PrintWriter out = spec.commandLine().getOut();
    new Table(run).print(out);
    out.flush();
    if (record) {
      RunFile.append(Source.history(), run);
    }
    if (roofline != null) {
      Roofline.write(roofline, run);
    }
    return run.results().stream().allMatch(result -> result.failures().isEmpty()) ? 0 : FAILURE;
  }

  private void list() {
    PrintWriter out = spec.commandLine().getOut();
    out.println(
        "Works, with the pattern of their --shape and what it is unless given, or their models:");
    for (WorkFamily family : WorkFamily.all().values()) {
      out.println(
          "  %-36s%-18s%s"
              .formatted(family.name(), family.pattern(), family.standard())
              .stripTrailing());
    }
    out.println();
    out.println("Suites:");
    for (Suite each : Suite.values()) {
      out.printf("  %-36s%d works%n", each, each.entries().size());
    }
    out.println();
    out.println("Baselines:");
    for (String name : baselines.names()) {
      try {
        baselines.get(name);
        out.printf("  %s%n", name);
      } catch (AbsentException e) {
        out.printf("  %-36s%s%n", name, e.getMessage());
      }
    }
    out.flush();
  }
}
