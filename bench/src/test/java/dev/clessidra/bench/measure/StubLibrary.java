package dev.clessidra.bench.measure;

import dev.clessidra.bench.baselines.Arithmetic;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.Work;
import java.util.Optional;
import java.util.function.BiFunction;

/**
 * A library whose results a test chooses.
 *
 * @param runs how often a work can be run; it fails then
 */
public record StubLibrary(
    String name, Arithmetic arithmetic, BiFunction<Work, Inputs, float[]> results, int runs)
    implements Library {
  /** Of float32, and can run works again and again. */
  public StubLibrary(String name, BiFunction<Work, Inputs, float[]> results) {
    this(name, Arithmetic.FLOAT32, results);
  }

  StubLibrary(String name, Arithmetic arithmetic, BiFunction<Work, Inputs, float[]> results) {
    this(name, arithmetic, results, Integer.MAX_VALUE);
  }

  StubLibrary withRuns(int number) {
    return new StubLibrary(name, arithmetic, results, number);
  }

  @Override
  public String version() {
    return "1";
  }

  @Override
  public Optional<Implementation> prepare(Work work, Inputs inputs) {
    float[] result = results.apply(work, inputs);
    return result == null ? Optional.empty() : Optional.of(new Stub(result, runs));
  }

  @Override
  public void close() {}

  private static final class Stub implements Implementation {
    private final float[] result;
    private final int runs;
    private int done;

    Stub(float[] result, int runs) {
      this.result = result;
      this.runs = runs;
    }

    @Override
    public void run() {
      if (done == runs) {
        throw new IllegalStateException("it has run %d times".formatted(runs));
      }
      done++;
    }

    @Override
    public float[] result() {
      return result;
    }

    @Override
    public void close() {}
  }
}
