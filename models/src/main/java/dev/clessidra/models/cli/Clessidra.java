package dev.clessidra.models.cli;

import dev.clessidra.engine.io.ModelFileException;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.DeviceException;
import dev.clessidra.kernels.OutOfDeviceMemoryException;
import dev.clessidra.models.Activations;
import dev.clessidra.models.Likelihood;
import dev.clessidra.models.Reconstruction;
import dev.clessidra.models.Sparsity;
import dev.clessidra.models.UNet;
import dev.clessidra.models.data.DataException;
import dev.clessidra.models.training.DivergedException;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExecutionException;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The program {@code clessidra}. */
@Command(
    name = "clessidra",
    mixinStandardHelpOptions = true,
    scope = ScopeType.INHERIT,
    versionProvider = Clessidra.Version.class,
    header = "Autoencoders on a compute engine of its own.",
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "%nExamples:",
      "  Train a deep autoencoder on the digits that come with Clessidra:",
      "    clessidra train deep",
      "  The same on the whole of MNIST, whose four files are in a folder:",
      "    clessidra train deep --data mnist:FOLDER",
      "  Measure a model, draw what it makes of images, use its codes elsewhere:",
      "    clessidra evaluate runs/deep-1 --pca",
      "    clessidra reconstruct runs/deep-1 --out grid.png",
      "    clessidra encode runs/deep-1 --part test --out codes.npy",
      "  Draw digits from a variational autoencoder, and the way from one to another:",
      "    clessidra sample runs/vae-1 --out digits.png",
      "    clessidra interpolate runs/vae-1 --from 30 --to 15 --out walk.png",
      "  Find out what this machine offers, or why something does not work:",
      "    clessidra doctor",
      "  Time kernels and models, alone or beside other libraries (by the launcher alone):",
      "    clessidra bench gemm",
      "%nEvery command has --help with more examples."
    })
public final class Clessidra implements Callable<Integer> {
  private static final String TRACE_VARIABLE = "CLESSIDRA_STACKTRACE";

  /** Of the trainings, in the order in which they are worth a try. */
  private static final List<String> TAKING_MEMORY =
      List.of(
          "--samples",
          "--batch",
          "--view",
          "--widths",
          "--units",
          "--hidden",
          "--convolutions",
          "--width");

  @Spec private CommandSpec spec;

  @Option(
      names = "--stacktrace",
      scope = ScopeType.INHERIT,
      order = HelpSections.OTHER,
      description = "Show where in the program an error came from (also " + TRACE_VARIABLE + "=1).")
  private boolean stacktrace;

  private Clessidra() {}

  /** Starts the program and ends the process with its exit code. */
  public static void main(String[] arguments) {
    System.setProperty("java.awt.headless", "true");
    Interruption interruption = new Interruption();
    interruption.install();
    int code = ExitCode.FAILURE;
    try {
      code =
          StandardStreams.execute(
              commandLine(Environment.system(interruption), arguments), arguments);
    } finally {
      interruption.release(); // once all is said, of failures too
    }
    System.exit(code);
  }

  /**
   * The command line for some arguments, not yet connected to an output. Of commands that are not
   * asked for only those are made that a help or an error could list, as making one takes time.
   */
  static CommandLine commandLine(Environment environment, String... arguments) {
    String first = arguments.length > 0 ? arguments[0] : "";
    String second = arguments.length > 1 ? arguments[1] : "";
    SequencedMap<String, Supplier<Object>> commands = new LinkedHashMap<>();
    commands.put("train", () -> TrainCommand.commandLine(environment, second));
    commands.put("evaluate", () -> new EvaluateCommand(environment));
    commands.put("reconstruct", () -> new ReconstructCommand(environment));
    commands.put("segment", SegmentCommand::new);
    commands.put("encode", EncodeCommand::new);
    commands.put("sample", SampleCommand::new);
    commands.put("interpolate", InterpolateCommand::new);
    commands.put("doctor", DoctorCommand::new);
    Clessidra program = new Clessidra();
    CommandLine all = new CommandLine(program);
    if (commands.containsKey(first)) {
      all.addSubcommand(commands.get(first).get());
    } else if (!first.equals("--version")) {
      commands.values().forEach(command -> all.addSubcommand(command.get()));
    }
    all.setCaseInsensitiveEnumValuesAllowed(true)
        .setColorScheme(CommandLine.Help.defaultColorScheme(Ansi.OFF))
        .setUsageHelpWidth(100)
        .setUsageHelpLongOptionsMaxWidth(32)
        .setExecutionStrategy(Clessidra::run)
        .setParameterExceptionHandler((problem, _) -> program.usage(problem))
        .setExecutionExceptionHandler((problem, command, _) -> program.failure(problem, command));
    registerConverters(all);
    HelpSections.install(all);
    return all;
  }

  /** Teaches picocli the types of the options, each reading the words that model files hold. */
  static void registerConverters(CommandLine commandLine) {
    commandLine
        .registerConverter(Activation.class, converter(Activations::parse))
        .registerConverter(Likelihood.class, converter(Likelihood::parse))
        .registerConverter(Reconstruction.class, converter(Reconstruction::parse))
        .registerConverter(UNet.Padding.class, converter(UNet.Padding::parse))
        .registerConverter(UNet.Upsampling.class, converter(UNet.Upsampling::parse))
        .registerConverter(UNet.Normalization.class, converter(UNet.Normalization::parse))
        .registerConverter(UNet.Loss.class, converter(UNet.Loss::parse))
        .registerConverter(Sparsity.class, converter(Sparsity::parse));
  }

  private static <T> ITypeConverter<T> converter(Function<String, T> parser) {
    return text -> {
      try {
        return parser.apply(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    };
  }

  @Override
  public Integer call() {
    return missingCommand(spec);
  }

  /** For commands that only hold others. */
  static int missingCommand(CommandSpec spec) {
    PrintWriter err = spec.commandLine().getErr();
    spec.commandLine().usage(err);
    err.flush();
    return ExitCode.USAGE;
  }

  private static int run(ParseResult parsed) {
    ParseResult last = parsed;
    while (last.hasSubcommand()) {
      last = last.subcommand();
    }
    CommandLine command = last.commandSpec().commandLine();
    for (ArgSpec argument : last.matchedArgs()) {
      if (argument.originalStringValues().contains("")) {
        throw new ParameterException(
            command,
            argument instanceof OptionSpec option
                ? "%s is empty, expected %s".formatted(option.longestName(), option.paramLabel())
                : "%s is empty, expected the name of a file or folder"
                    .formatted(argument.paramLabel()));
      }
    }
    // Picocli appends the values of a list that is given again to those before.
    for (OptionSpec option : last.matchedOptions()) {
      if (option.isMultiValue() && option.originalStringValues().size() > 1) {
        throw new ParameterException(
            command,
            "option '%s' should be specified only once, as with %s"
                .formatted(option.longestName(), String.join(",", option.stringValues())));
      }
    }
    try {
      return new CommandLine.RunLast().execute(parsed);
    } catch (OutOfMemoryError e) {
      CommandFailure failure =
          new CommandFailure(
              "out of memory (%s): give Java more than its %d MiB, such as by CLESSIDRA_JAVA_OPTS=-Xmx8g"
                  .formatted(e.getMessage(), Runtime.getRuntime().maxMemory() >> 20),
              e);
      throw new ExecutionException(command, failure.getMessage(), failure);
    }
  }

  private int usage(ParameterException problem) {
    CommandLine command = problem.getCommandLine();
    String hint = "see " + command.getCommandSpec().qualifiedName() + " --help";
    if (problem instanceof UnmatchedArgumentException unmatched) {
      List<String> suggestions = unmatched.getSuggestions();
      if (!suggestions.isEmpty()) {
        hint = "did you mean " + String.join(" or ", suggestions) + "? " + hint;
      }
    }
    return print(
        command, problem, withoutPeriod(problem.getMessage()) + "; " + hint, ExitCode.USAGE);
  }

  private int failure(Exception problem, CommandLine command) {
    boolean told =
        problem instanceof CommandFailure
            || problem instanceof DataException
            || problem instanceof ModelFileException
            || problem instanceof DivergedException
            || problem instanceof DeviceException; // out of memory among them
    String message =
        told
            ? withoutPeriod(problem.getMessage()) + options(problem, command)
            : "unexpected %s; run again with --stacktrace to see where it came from"
                .formatted(problem);
    return print(command, problem, message, ExitCode.FAILURE);
  }

  /** The options that a message speaks of. */
  private static String options(Exception problem, CommandLine command) {
    return switch (problem) {
      case DivergedException _ -> " (--learning-rate, --clip-norm)";
      case OutOfDeviceMemoryException _ -> {
        String options =
            TAKING_MEMORY.stream()
                .filter(name -> command.getCommandSpec().findOption(name) != null)
                .collect(Collectors.joining(", "));
        yield options.isEmpty() ? "" : "; what takes memory here: " + options;
      }
      default -> "";
    };
  }

  private int print(CommandLine command, Exception problem, String message, int code) {
    command.getOut().flush();
    PrintWriter err = command.getErr();
    err.println("clessidra: " + oneLine(message));
    if (stacktrace || "1".equals(System.getenv(TRACE_VARIABLE))) {
      problem.printStackTrace(err);
    }
    err.flush();
    return code;
  }

  private static String oneLine(String text) {
    return text.strip().replaceAll("\\s*\\R\\s*", " ");
  }

  private static String withoutPeriod(String text) {
    return text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
  }

  /** The version in the jar's manifest. */
  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"clessidra " + number()};
    }

    static String number() {
      return Optional.ofNullable(Clessidra.class.getPackage().getImplementationVersion())
          .orElse("development");
    }
  }
}
