package dev.clessidra.bench;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.clessidra.bench.cli.Source;
import dev.clessidra.bench.report.Change;
import dev.clessidra.bench.work.FixedSizeKernel;
import dev.clessidra.bench.work.ModelLatency;
import dev.clessidra.bench.work.Suite;
import dev.clessidra.bench.work.TrainedModel;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Checks on a machine with a GPU what an emulator cannot promise, and then measures the kernels and
 * the models beside cuBLAS, cuDNN and PyTorch: the work of {@code bench/gpu-check}. Each part is a
 * process with a time limit; one that fails does not keep the others from running. After each part
 * it writes a JSON file, a readable summary and the logs of the parts that failed: a check that is
 * killed leaves what it found, and the machine may be gone afterwards.
 */
public final class GpuCheck {
  // Of nine minutes, half of one is for what is not timed here: hashing the sources, unpacking, and
  // at the end a process that does not stop.
  private static final Duration LIMIT = Duration.ofSeconds(510);
  // What is left of the limit belongs to the sections after them.
  private static final Duration CHECKS_LIMIT = Duration.ofSeconds(270);
  private static final Duration KERNELS_LIMIT = Duration.ofSeconds(390);
  private static final Duration CHECK_LIMIT = Duration.ofMinutes(4);
  // As many rounds as a comparison of two runs takes. A turn lasts 1.6 slices, and what is measured
  // between rounds 50 ms: the 74 works of the kernels, 190 pairs of a work and a library, take
  // 50 s, and nearly as long to prepare.
  private static final String ROUNDS = "--rounds %d ".formatted(Change.LEAST_ROUNDS);
  private static final String KERNEL_TURNS = ROUNDS + "--slice 10 ";
  private static final String MODEL_TURNS = ROUNDS + "--slice 20 ";
  private static final String COMPILED = "pytorch-compiled,pytorch-compiled-tf32";
  // What the 51 fixed-size kernels may take: 26 s by the same turns, the rest to make their inputs.
  private static final int FIXED_SIZE_SECONDS = 90;
  private static final String SANITIZER = "compute-sanitizer";
  // As under some hypervisors.
  private static final String SANITIZER_REFUSAL = "Device not supported";
  private static final List<String> SANITIZER_TOOLS =
      List.of("memcheck", "racecheck", "initcheck", "synccheck");
  private static final String PROGRAM = "dev.clessidra.models.cli.Clessidra";
  private static final String BENCH = "dev.clessidra.bench.cli.Bench";

  /** The models whose files are compared, and how they are trained. */
  private static final SequencedMap<String, String> TRAININGS = new LinkedHashMap<>();

  static {
    TRAININGS.put("deep", "--widths 256,64,16 --steps 50 --batch 64");
    TRAININGS.put("unet", "--depth 2 --width 2 --view 48 --elastic 5 --steps 10 --batch 2");
    TRAININGS.put(
        "vae",
        "--convolutions 8,16 --hidden 32 --latent 8 --activation relu --steps 20 --batch 32");
  }

  /** The devices of the build machine whose results travel along. */
  private static final List<String> REFERENCES = List.of("cpu", "emulated");

  /** How a part ended. */
  private enum Outcome {
    PASSED,
    FAILED,
    SKIPPED
  }

  /** What can be asked for alone, each then with the whole of the limit. */
  enum Section {
    CHECKS,
    KERNELS,
    MODELS;

    static Set<Section> parse(String names) {
      Set<Section> sections = EnumSet.noneOf(Section.class);
      for (String name : names.split(",", -1)) {
        sections.add(
            Stream.of(values())
                .filter(section -> section.label().equals(name))
                .findFirst()
                .orElseThrow(() ->
                    new IllegalArgumentException(
                        "section '%s' is unknown: expected checks, kernels, models or several with commas between"
                            .formatted(name))));
      }
      return sections;
    }

    private String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private record Part(String name, Outcome outcome, double seconds, String detail) {}

  private final String device;
  private final Path packed;
  private final Path work;
  private final Instant start = Instant.now();

  /** Where results go; null where only what they are compared with is made. */
  private final Path results;

  private final Set<Section> sections;
  private final List<Part> parts = new ArrayList<>();
  private Instant end = start.plus(LIMIT);

  GpuCheck(String device, Path packed, Path results, Set<Section> sections) throws IOException {
    this.device = device;
    this.packed = packed;
    this.results = results;
    this.sections = sections;
    work = Files.createTempDirectory("gpu-check");
  }

  /**
   * Runs the check, or writes what it compares with.
   *
   * @param arguments {@code prepare PACKED}, or {@code run PACKED DEVICE RESULTS SECTIONS}: the
   *     folder with {@code runtime}, {@code lib} and {@code expected}, what to check, where results
   *     go, and which of checks, kernels, models
   */
  public static void main(String[] arguments) throws IOException {
    if (arguments.length == 2 && arguments[0].equals("prepare")) {
      Path packed = Path.of(arguments[1]).toAbsolutePath();
      Files.createDirectories(packed.resolve("expected"));
      GpuCheck check = new GpuCheck("cpu", packed, null, EnumSet.of(Section.CHECKS));
      check.prepare();
      check.clean();
      System.exit(check.report());
    }
    if (arguments.length == 5 && arguments[0].equals("run")) {
      Path packed = Path.of(arguments[1]).toAbsolutePath();
      Set<Section> sections;
      try {
        sections = Section.parse(arguments[4]);
      } catch (IllegalArgumentException e) {
        System.err.println("gpu-check: " + e.getMessage());
        System.exit(2);
        return;
      }
      Path results = Files.createDirectories(Path.of(arguments[3]).toAbsolutePath());
      GpuCheck check = new GpuCheck(arguments[2], packed, results, sections);
      check.run();
      check.write(true);
      check.clean();
      System.exit(check.report());
    }
    System.err.println("expected: prepare PACKED, or run PACKED DEVICE RESULTS SECTIONS");
    System.exit(2);
  }

  private void prepare() throws IOException {
    Files.writeString(commitFile(), Source.commit() + "\n");
    for (String reference : REFERENCES) {
      part("bits of every launch, " + reference, () -> digests(reference, digestsOf(reference)));
    }
    for (String model : TRAININGS.sequencedKeySet()) {
      part("trained " + model, () -> train(model, device, modelFile(model)));
    }
  }

  void run() throws IOException {
    // Of an earlier check of this day.
    Files.deleteIfExists(results.resolve(name() + ".log"));
    part("what is here", this::devices);
    SequencedMap<String, Process> compilations =
        sections.contains(Section.MODELS) ? compilations() : new LinkedHashMap<>();
    limit(CHECKS_LIMIT, Section.CHECKS);
    if (sections.contains(Section.CHECKS)) {
      check();
    }
    // It would take from the processors and the GPU what is timed.
    compilations.forEach(this::await);
    if (sections.contains(Section.KERNELS)) {
      limit(KERNELS_LIMIT, Section.KERNELS);
      part("benchmark of the kernels", this::benchmarkKernels);
      part("benchmark of the fixed-size kernels", this::benchmarkFixedSizeKernels);
    }
    if (sections.contains(Section.MODELS)) {
      limit(LIMIT, Section.MODELS);
      part("benchmark of the models", this::benchmarkModels);
    }
  }

  /** Sets when a section has to end: its own limit, or the whole one if none comes after it. */
  private void limit(Duration limit, Section section) {
    boolean last = sections.stream().allMatch(other -> other.compareTo(section) <= 0);
    end = start.plus(last ? LIMIT : limit);
  }

  private void check() {
    part("conformance", this::conformance);
    part("bits as on the build machine's CPU and emulated GPU", this::compareDigests);
    for (String model : TRAININGS.sequencedKeySet()) {
      part("trained %s as on the CPU".formatted(model), () -> compareModels(model));
    }
    for (String tool : SANITIZER_TOOLS) {
      part(SANITIZER + " " + tool, () -> sanitize(tool));
    }
  }

  private boolean isGpu() {
    return device.startsWith("cuda");
  }

  /**
   * Has PyTorch compile the models meanwhile, which takes it minutes: it keeps what it compiles for
   * processes to come.
   */
  private SequencedMap<String, Process> compilations() {
    SequencedMap<String, Process> processes = new LinkedHashMap<>();
    if (isGpu()) {
      for (String family : List.of(TrainedModel.FAMILY, ModelLatency.FAMILY)) {
        List<String> command = bench(family, "--trial", "--vs", COMPILED);
        processes.put(family, start(command, compilationLog(family)));
      }
    }
    return processes;
  }

  private Path compilationLog(String family) {
    return work.resolve("compilation-%s.log".formatted(family));
  }

  private void await(String family, Process process) {
    try {
      if (!process.waitFor(secondsLeft(), TimeUnit.SECONDS)) {
        stop(process);
      }
      if (process.isAlive() || process.exitValue() != 0) {
        keep("PyTorch's compilation, " + family, compilationLog(family));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private String benchmarkKernels() {
    return isGpu()
        ? benchmark(
            "kernels",
            "--suite kernels " + KERNEL_TURNS + "--vs cublas,cublas-tf32,cudnn,cudnn-tf32")
        : benchmark("kernels", "gemm --shape 48x32x16 --trial --vs cublas,cudnn,pytorch");
  }

  /** Our own times alone. */
  private String benchmarkFixedSizeKernels() {
    String name = Suite.FIXED_SIZE_KERNELS.toString();
    if (!isGpu()) {
      return benchmark(name, FixedSizeKernel.ADVANCE.family() + " --trial");
    }
    if (secondsLeft() < FIXED_SIZE_SECONDS) {
      throw new Skipped(
          "it takes %d s, and of the section's time %d are left: --only kernels has enough"
              .formatted(FIXED_SIZE_SECONDS, secondsLeft()));
    }
    return benchmark(name, "--suite " + name + " " + KERNEL_TURNS);
  }

  private String benchmarkModels() {
    if (!isGpu()) {
      throw new Skipped("training steps take too long on the %s device".formatted(device));
    }
    return benchmark("models", "--suite models " + MODEL_TURNS + "--vs pytorch," + COMPILED);
  }

  /** Returns the table; the figures go to a file of their own. */
  private String benchmark(String what, String arguments) {
    List<String> all = new ArrayList<>(words(arguments));
    Path file = results.resolve("%s-%s-figures.json".formatted(dated(), what));
    all.addAll(List.of("--json", file.toString()));
    Path log = log();
    try {
      process(bench(all.toArray(String[]::new)), LIMIT);
    } catch (Failure e) {
      String figures = Files.exists(file) ? "; what was measured is in " + file.getFileName() : "";
      throw new Failure(e.getMessage().lines().findFirst().orElse("") + figures + "\n" + text(log));
    }
    String note = isGpu() ? "" : "A trial without a GPU: its times say nothing of one.\n";
    return note + text(log);
  }

  private List<String> bench(String... arguments) {
    List<String> all = new ArrayList<>(List.of("--device", device));
    all.addAll(0, List.of(arguments));
    return javaCommand(
        List.of("-D%s=%s".formatted(Source.COMMIT_PROPERTY_NAME, commit())),
        BENCH,
        all.toArray(String[]::new));
  }

  private static List<String> words(String text) {
    return List.of(text.split(" ", -1));
  }

  private static String text(Path log) {
    return String.join("\n", lines(log));
  }

  private Path commitFile() {
    return packed.resolve("commit");
  }

  /** What was packed, of which the figures are. */
  private String commit() {
    return lines(commitFile()).getFirst();
  }

  private Path expected(String name) {
    return packed.resolve("expected").resolve(name);
  }

  /** What the doctor says of devices; the rest names folders of this machine. */
  private String devices() {
    return java(PROGRAM, "doctor")
        .lines()
        .filter(line -> line.startsWith("ok ") || line.startsWith("no "))
        .collect(Collectors.joining("\n"));
  }

  private void conformance() {
    java(
        List.of("-Dclessidra.test.device=" + device),
        "org.junit.platform.console.ConsoleLauncher",
        "execute",
        "--disable-banner",
        "--details=none",
        "--fail-if-no-tests",
        "--select-class=dev.clessidra.kernels.conformance.ConformanceTest",
        "--select-class=dev.clessidra.kernels.ProgramTest");
  }

  private Path digestsOf(String reference) {
    return expected("digests-%s.txt".formatted(reference));
  }

  private void digests(String on, Path file) {
    java("dev.clessidra.kernels.conformance.KernelCases", "digests", on, file.toString());
  }

  private void compareDigests() {
    Path actual = work.resolve("digests.txt");
    digests(device, actual);
    List<String> got = lines(actual);
    for (String reference : REFERENCES) {
      List<String> wanted = lines(digestsOf(reference));
      if (wanted.size() != got.size()) {
        throw new Failure("%d launches, expected %d".formatted(got.size(), wanted.size()));
      }
      List<String> differences = differences(wanted, got);
      if (!differences.isEmpty()) {
        throw new Failure(
            "other bits than on %s:%n%s".formatted(reference, String.join("\n", differences)));
      }
    }
  }

  /**
   * Compares lines of a digest and a launch, whose first word is the kernel. Returns a line for
   * each kernel that differs somewhere: in how many of its launches, and the first of them.
   */
  static List<String> differences(List<String> wanted, List<String> got) {
    SequencedMap<String, Integer> launches = new LinkedHashMap<>();
    SequencedMap<String, List<String>> different = new LinkedHashMap<>();
    for (int i = 0; i < got.size(); i++) {
      String launch = got.get(i).split(" ", 2)[1];
      String kernel = launch.split(" ", 2)[0];
      launches.merge(kernel, 1, Integer::sum);
      if (!got.get(i).equals(wanted.get(i))) {
        different.computeIfAbsent(kernel, _ -> new ArrayList<>()).add(launch);
      }
    }
    return different.entrySet().stream()
        .map(entry ->
            "%d of %d launches of %s, the first: %s"
                .formatted(
                    entry.getValue().size(),
                    launches.get(entry.getKey()),
                    entry.getKey(),
                    entry.getValue().getFirst()))
        .toList();
  }

  private Path modelFile(String model) {
    return expected("model-%s.safetensors".formatted(model));
  }

  private void train(String model, String on, Path file) {
    Path folder = work.resolve("run-%s-%s".formatted(model, on.replace(':', '-')));
    List<String> arguments = new ArrayList<>(List.of("train", model));
    arguments.addAll(words(TRAININGS.get(model)));
    arguments.addAll(
        List.of("--seed", "7", "--no-report", "--device", on, "--out", folder.toString()));
    java(PROGRAM, arguments.toArray(String[]::new));
    try {
      Files.copy(folder.resolve("model.safetensors"), file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void compareModels(String model) {
    Path actual = work.resolve("model-%s.safetensors".formatted(model));
    train(model, device, actual);
    try {
      long difference = Files.mismatch(actual, modelFile(model));
      if (difference >= 0) {
        throw new Failure("the model files differ from byte %d on".formatted(difference));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void sanitize(String tool) {
    if (!isGpu()) {
      throw new Skipped(SANITIZER + " is for GPUs");
    }
    String program =
        sanitizer()
            .orElseThrow(() ->
                new Failure(
                    SANITIZER
                        + " was found neither on the PATH nor in CUDA_HOME or /usr/local/cuda"));
    List<String> command =
        new ArrayList<>(
            List.of(
                program,
                "--tool",
                tool,
                "--error-exitcode",
                "9",
                "--launch-timeout",
                "120",
                "--target-processes",
                "all"));
    // In debugging, memory is that of single buffers, beyond which nothing may be read; it is
    // filled
    // as well, so that the other tool which looks at memory would find none that is not
    // initialised.
    List<String> options = tool.equals("memcheck") ? List.of("-Dclessidra.debug=true") : List.of();
    command.addAll(
        javaCommand(options, "dev.clessidra.kernels.conformance.KernelCases", "one", device));
    try {
      process(command);
    } catch (Failure e) {
      if (e.getMessage().contains(SANITIZER_REFUSAL)) {
        throw new Skipped("%s says: %s".formatted(SANITIZER, SANITIZER_REFUSAL));
      }
      throw e;
    }
  }

  private static Optional<String> sanitizer() {
    String folders =
        System.getenv("PATH") + ":" + System.getenv("CUDA_HOME") + "/bin:/usr/local/cuda/bin";
    return Stream.of(folders.split(":"))
        .map(folder -> Path.of(folder, SANITIZER))
        .filter(Files::isExecutable)
        .map(Path::toString)
        .findFirst();
  }

  private String java(String main, String... arguments) {
    return java(List.of(), main, arguments);
  }

  private String java(List<String> options, String main, String... arguments) {
    return process(javaCommand(options, main, arguments));
  }

  private List<String> javaCommand(List<String> options, String main, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(packed.resolve("runtime/bin/java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC", "-cp", packed + "/lib/*"));
    command.addAll(options);
    command.add(main);
    command.addAll(Arrays.asList(arguments));
    return command;
  }

  /**
   * Runs a process to its end; its output goes to a log, of which a failure shows the last lines.
   */
  private String process(List<String> command) {
    return process(command, CHECK_LIMIT);
  }

  String process(List<String> command, Duration limit) {
    Path log = log();
    Process process = start(command, log);
    try {
      long seconds = Math.min(secondsLeft(), limit.toSeconds());
      if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
        stop(process);
        throw new Failure("not done after %d s: %s".formatted(seconds, tail(log)));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure("interrupted");
    }
    if (process.exitValue() != 0) {
      throw new Failure("exit code %d: %s".formatted(process.exitValue(), tail(log)));
    }
    return tail(log);
  }

  private Path log() {
    return work.resolve("part-%d.log".formatted(parts.size()));
  }

  private static Process start(List<String> command, Path log) {
    try {
      return new ProcessBuilder(command)
          .redirectErrorStream(true)
          .redirectOutput(log.toFile())
          .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private long secondsLeft() {
    return Math.max(1, Duration.between(Instant.now(), end).toSeconds());
  }

  private static void stop(Process process) throws InterruptedException {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    // A process that hangs in a driver does not even end so.
    process.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
  }

  private static String tail(Path log) {
    List<String> lines = lines(log).stream().filter(line -> !line.isBlank()).toList();
    return String.join("\n", lines.subList(Math.max(0, lines.size() - 40), lines.size()));
  }

  private static List<String> lines(Path file) {
    try {
      // A process that was killed may have written half a character.
      return new String(Files.readAllBytes(file), StandardCharsets.UTF_8).lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void part(String name, Runnable work) {
    part(
        name,
        () -> {
          work.run();
          return "";
        });
  }

  void part(String name, Supplier<String> work) {
    long start = System.nanoTime();
    Outcome outcome = Outcome.PASSED;
    String detail;
    try {
      detail = work.get();
    } catch (Skipped e) {
      outcome = Outcome.SKIPPED;
      detail = e.getMessage();
    } catch (RuntimeException e) {
      outcome = Outcome.FAILED;
      detail = e instanceof Failure ? e.getMessage() : e.toString();
    }
    Part part = new Part(name, outcome, (System.nanoTime() - start) * 1e-9, detail);
    System.out.println(line(part));
    if (outcome == Outcome.FAILED) {
      keep(name, log());
    }
    parts.add(part);
    write(false);
  }

  /** Appends a log to that of all failures. */
  private void keep(String what, Path log) {
    if (results == null || !Files.exists(log)) {
      return;
    }
    try (OutputStream out =
        Files.newOutputStream(
            results.resolve(name() + ".log"),
            StandardOpenOption.CREATE,
            StandardOpenOption.APPEND)) {
      out.write("==== %s%n".formatted(what).getBytes(StandardCharsets.UTF_8));
      Files.copy(log, out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String line(Part part) {
    return String.format(
        Locale.ROOT,
        "%-8s %6.1f s  %s%s",
        part.outcome().name().toLowerCase(Locale.ROOT),
        part.seconds(),
        part.name(),
        part.detail().isEmpty() ? "" : "\n" + part.detail().indent(19).stripTrailing());
  }

  private String dated() {
    return "gpu-check-%s-%s"
        .formatted(LocalDate.ofInstant(start, ZoneOffset.UTC), device.replace(':', '-'));
  }

  private String name() {
    return sections.size() == Section.values().length
        ? dated()
        : dated()
            + sections.stream().map(section -> "-" + section.label()).collect(Collectors.joining());
  }

  /** Prints the summary; returns the exit code. */
  private int report() {
    Optional<Part> failed = parts.stream().filter(p -> p.outcome() == Outcome.FAILED).findFirst();
    System.out.println(
        failed.isEmpty() ? "gpu-check: all passed" : "gpu-check: failed: " + failed.get().name());
    return failed.isEmpty() ? 0 : 1;
  }

  /** Writes what is known. */
  private void write(boolean complete) {
    if (results == null) {
      return;
    }
    JsonObject json = new JsonObject();
    json.addProperty("date", Instant.now().toString());
    json.addProperty("commit", commit());
    json.addProperty("device", device);
    json.addProperty("complete", complete);
    json.addProperty(
        "passed", complete && parts.stream().noneMatch(p -> p.outcome() == Outcome.FAILED));
    JsonArray list = new JsonArray();
    for (Part part : parts) {
      JsonObject object = new JsonObject();
      object.addProperty("part", part.name());
      object.addProperty("outcome", part.outcome().name().toLowerCase(Locale.ROOT));
      object.addProperty("seconds", Math.round(part.seconds() * 10) / 10.0);
      object.addProperty("detail", part.detail());
      list.add(object);
    }
    json.add("parts", list);
    try {
      Files.writeString(
          results.resolve(name() + ".json"),
          new GsonBuilder().setPrettyPrinting().create().toJson(json) + "\n");
      Files.write(results.resolve(name() + ".txt"), parts.stream().map(GpuCheck::line).toList());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Deletes the temporary files. */
  void clean() throws IOException {
    try (Stream<Path> files = Files.walk(work)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  /** A part that found something wrong. */
  private static final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1;

    private Failure(String message) {
      super(message);
    }
  }

  /** A part that cannot run here. */
  private static final class Skipped extends RuntimeException {
    private static final long serialVersionUID = 1;

    private Skipped(String message) {
      super(message);
    }
  }
}
