package dev.clessidra.bench.cli;

import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Baseline;
import dev.clessidra.bench.baselines.Baselines;
import dev.clessidra.bench.baselines.Clessidra;
import dev.clessidra.bench.jmh.DeviceTime;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.OptionalInt;
import org.openjdk.jmh.Main;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;

/**
 * The program of the jar: JMH's own, with {@link DeviceTime}, and with what the libraries that it
 * times have to find in the environment.
 */
public final class Jmh {
  private Jmh() {}

  /** Starts the program; takes JMH's arguments. */
  public static void main(String[] arguments) throws IOException {
    List<String> all = new ArrayList<>(List.of(arguments));
    OptionalInt relaunched;
    try {
      relaunched = Relaunch.ifNeeded(Jmh.class, baselines(arguments), all);
    } catch (IllegalArgumentException e) {
      System.err.println("clessidra: " + e.getMessage());
      relaunched = OptionalInt.of(1);
    }
    if (relaunched.isPresent()) {
      System.exit(relaunched.getAsInt());
    }
    all.addAll(List.of("-prof", DeviceTime.class.getName()));
    Main.main(all.toArray(String[]::new));
  }

  /** The libraries beside Clessidra, of {@code -p library=...}. */
  private static List<Baseline> baselines(String... arguments) {
    List<Baseline> wanted = new ArrayList<>();
    Baselines baselines = new Baselines();
    for (String name : libraries(arguments)) {
      try {
        if (!name.equals(Clessidra.NAME)) {
          wanted.add(baselines.get(name));
        }
      } catch (AbsentException e) {
        throw new IllegalArgumentException(name + ": " + e.getMessage(), e);
      }
    }
    return wanted;
  }

  private static Collection<String> libraries(String... arguments) {
    try {
      return new CommandLineOptions(arguments).getParameter("library").orElse(List.of());
    } catch (CommandLineOptionException e) {
      // JMH tells.
      return List.of();
    }
  }
}
