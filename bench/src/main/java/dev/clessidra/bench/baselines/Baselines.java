package dev.clessidra.bench.baselines;

import dev.clessidra.bench.baselines.nvidia.CublasBaseline;
import dev.clessidra.bench.baselines.nvidia.CudnnBaseline;
import dev.clessidra.bench.baselines.pytorch.PytorchBaseline;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/** Finds baselines by name. */
public final class Baselines {
  /** The command that builds in what a plain build leaves out. */
  public static final String BUILD_COMMAND =
      "mvn -B -Dmaven.test.skip=true -Pbaselines -pl bench -am package";

  /** Baselines of the Maven profile, which a plain build does not have. */
  private static final List<String> OPTIONAL = List.of("libtorch", "onednn", "openblas");

  /** Baselines that every build has: little more than bindings, to libraries of the machine. */
  private static final List<Baseline> BUILT_IN =
      List.of(
          CublasBaseline.float32(),
          CublasBaseline.tf32(),
          CudnnBaseline.float32(),
          CudnnBaseline.tf32(),
          PytorchBaseline.eager(),
          PytorchBaseline.compiled(),
          PytorchBaseline.compiledTf32());

  private final Map<String, Baseline> found = new TreeMap<>();

  /** Takes the built-in ones, and looks for service providers on the class path. */
  public Baselines() {
    this(
        Stream.concat(BUILT_IN.stream(), provided(Baselines.class.getClassLoader()).stream())
            .toList());
  }

  /**
   * Finds service providers. A name without a class is what a build with the profile leaves behind
   * in a later one without it: that baseline is not built in.
   */
  static List<Baseline> provided(ClassLoader loader) {
    Iterator<Baseline> providers = ServiceLoader.load(Baseline.class, loader).iterator();
    List<Baseline> baselines = new ArrayList<>();
    while (true) {
      try {
        if (!providers.hasNext()) {
          return baselines;
        }
        baselines.add(providers.next());
      } catch (ServiceConfigurationError e) {
        if (e.getCause() != null) {
          throw e;
        }
      }
    }
  }

  /** Takes baselines that are made already. */
  public Baselines(Iterable<? extends Baseline> providers) {
    for (Baseline baseline : providers) {
      found.put(baseline.name(), baseline);
    }
  }

  /** The names of all baselines, whether they are there or not. */
  public List<String> names() {
    TreeSet<String> names = new TreeSet<>(OPTIONAL);
    names.addAll(found.keySet());
    return List.copyOf(names);
  }

  /**
   * Returns a baseline.
   *
   * @throws IllegalArgumentException if no baseline has this name
   * @throws AbsentException if it is not built in
   */
  public Baseline get(String name) throws AbsentException {
    Optional<Baseline> baseline = Optional.ofNullable(found.get(name));
    if (baseline.isEmpty() && !OPTIONAL.contains(name)) {
      throw new IllegalArgumentException(
          "Baseline '%s' is unknown: expected %s or %sFOLDER."
              .formatted(name, String.join(", ", names()), OtherBuild.PREFIX));
    }
    return baseline.orElseThrow(
        () -> new AbsentException("not built in; this builds it in: " + BUILD_COMMAND));
  }
}
