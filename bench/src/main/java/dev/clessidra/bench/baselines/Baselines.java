package dev.clessidra.bench.baselines;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.TreeSet;

/** Finds baselines by name. */
public final class Baselines {
  /** The command that builds in what a plain build leaves out. */
  public static final String BUILD_COMMAND =
      "mvn -B -Dmaven.test.skip=true -Pbaselines -pl bench -am package";

  /** Baselines of the Maven profile, which a plain build does not have. */
  private static final List<String> OPTIONAL = List.of("libtorch", "onednn", "openblas");

  private final Map<String, Baseline> found = new TreeMap<>();

  /** Looks for service providers on the class path. */
  public Baselines() {
    this(ServiceLoader.load(Baseline.class));
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
          "Baseline '%s' is unknown: expected %s.".formatted(name, String.join(", ", names())));
    }
    return baseline.orElseThrow(
        () -> new AbsentException("not built in; this builds it in: " + BUILD_COMMAND));
  }
}
