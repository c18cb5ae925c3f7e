package dev.clessidra.bench.measure;

import dev.clessidra.bench.baselines.Arithmetic;
import dev.clessidra.bench.baselines.Clessidra;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.work.Cpu;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Device;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/**
 * Times works, each as Clessidra and as other libraries do it.
 *
 * <p>Before anything is timed, each library's result is compared with Clessidra's. Then come
 * rounds: in each, every implementation has its turn, in one order and the next time in the other,
 * so that what else slows the machine down slows all of them; and between rounds the limits of the
 * machine are measured. Ratios and shares are taken within a round.
 */
public final class Measurement implements AutoCloseable {
  private final Device device;
  private final List<Library> libraries;
  private final Effort effort;
  private final LimitMeter meter;
  private final Optional<CacheLine> cacheLine;
  private final List<Limits> limits = new ArrayList<>();
  private final List<Double> roundTrips = new ArrayList<>();

  /**
   * Prepares to measure.
   *
   * @param device what Clessidra runs on
   * @param baselines to compare with; they are not closed with this
   */
  public Measurement(Device device, List<Library> baselines, Effort effort) {
    this.device = device;
    this.effort = effort;
    libraries = new ArrayList<>();
    libraries.add(new Clessidra(device));
    libraries.addAll(baselines);
    meter = new LimitMeter(device, effort);
    cacheLine = onCpu() && CacheLine.applies() ? Optional.of(new CacheLine()) : Optional.empty();
  }

  /** The operations a second that were measured so far, at least once a work. */
  public Spread peak() {
    return Spread.of(limits.stream().mapToDouble(Limits::operations).toArray());
  }

  /** The bytes a second that were measured so far. */
  public Spread bandwidth() {
    return Spread.of(limits.stream().mapToDouble(Limits::bytes).toArray());
  }

  /**
   * The seconds in which a cache line went from one thread to another and back; null on a GPU and
   * where there is one processor.
   */
  public Spread roundTrip() {
    return roundTrips.isEmpty()
        ? null
        : Spread.of(roundTrips.stream().mapToDouble(Double::doubleValue).toArray());
  }

  /** Measures what a launch costs that does nothing but write one number. */
  public Timing smallestLaunch() {
    try (Turns turns = Turns.ofSmallestLaunch(device)) {
      List<Turns.Time> times = new ArrayList<>();
      for (int round = 0; round < effort.rounds(); round++) {
        times.add(turns.measure(effort.limitSlice()));
      }
      return new Timing(
          Clessidra.NAME,
          Arithmetic.FLOAT32,
          spread(times, Turns.Time::device),
          spread(times, Turns.Time::endToEnd),
          null,
          null,
          null);
    }
  }

  /**
   * Measures a work.
   *
   * @param group whose ratios are averaged together
   */
  public Result measure(String group, Work work) {
    Inputs inputs = work.inputs();
    Map<String, String> failures = new LinkedHashMap<>();
    List<Contender> contenders = new ArrayList<>();
    try {
      for (Library library : libraries) {
        try {
          Optional<Turns> first = contenders.stream().findFirst().map(c -> c.turns);
          Turns.prepare(device, library, work, inputs, first, effort)
              .ifPresent(turns -> contenders.add(new Contender(library, turns)));
        } catch (RuntimeException | LinkageError e) {
          failures.put(library.name(), message(e));
        }
      }
      List<Contender> timed = new ArrayList<>(contenders);
      List<Limits> limitsOfRounds = run(timed, failures);
      return new Result(
          work.label(),
          group,
          work.operations(),
          work.bytes(),
          work.samples(),
          timed.stream()
              .map(contender -> contender.timing(work, limitsOfRounds, timed.getFirst()))
              .toList(),
          failures);
    } finally {
      contenders.forEach(contender -> contender.turns.close());
    }
  }

  private boolean onCpu() {
    return Cpu.is(device.name());
  }

  private static String message(Throwable problem) {
    return Objects.requireNonNullElse(problem.getMessage(), problem.toString());
  }

  /**
   * Gives every contender its turns, but takes those out that fail; returns the limits of the
   * rounds.
   */
  private List<Limits> run(List<Contender> contenders, Map<String, String> failures) {
    List<Limits> limitsOfRounds = new ArrayList<>();
    Limits before = limit();
    for (int round = 0; round < effort.rounds(); round++) {
      for (Contender contender : List.copyOf(round % 2 == 0 ? contenders : contenders.reversed())) {
        try {
          contender.times.add(contender.turns.measure(effort.slice()));
        } catch (RuntimeException | LinkageError e) {
          failures.put(contender.library.name(), message(e));
          contenders.remove(contender);
        }
      }
      Limits after = limit();
      limitsOfRounds.add(before.mean(after));
      before = after;
    }
    return limitsOfRounds;
  }

  private Limits limit() {
    Limits measured = meter.measure();
    limits.add(measured);
    cacheLine.ifPresent(line -> roundTrips.add(line.measureRoundTrip()));
    return measured;
  }

  private static Spread spread(List<Turns.Time> times, ToDoubleFunction<Turns.Time> figure) {
    double[] values = times.stream().mapToDouble(figure).toArray();
    return Double.isNaN(values[0]) ? null : Spread.of(values);
  }

  @Override
  public void close() {
    meter.close();
  }

  /** A library's implementation of a work, and what was measured of it, round by round. */
  private static final class Contender {
    private final Library library;
    private final Turns turns;
    private final List<Turns.Time> times = new ArrayList<>();

    Contender(Library library, Turns turns) {
      this.library = library;
      this.turns = turns;
    }

    Timing timing(Work work, List<Limits> limits, Contender first) {
      double[] shares = new double[times.size()];
      double[] ratios = new double[times.size()];
      for (int round = 0; round < shares.length; round++) {
        double seconds = times.get(round).device();
        shares[round] = limits.get(round).seconds(work) / seconds;
        ratios[round] = seconds / first.times.get(round).device();
      }
      boolean compared = this != first && first.library.name().equals(Clessidra.NAME);
      boolean limited = Limits.apply(work) && library.arithmetic() == Arithmetic.FLOAT32;
      return new Timing(
          library.name(),
          library.arithmetic(),
          spread(times, Turns.Time::device),
          spread(times, Turns.Time::endToEnd),
          limited ? Spread.of(shares) : null,
          compared ? Spread.of(ratios) : null,
          compared ? turns.error() : null);
    }
  }
}
