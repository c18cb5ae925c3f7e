package dev.clessidra.bench.measure;

import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.Work;
import java.util.Optional;
import java.util.function.BiFunction;

/** A library whose results a test chooses. */
public record StubLibrary(String name, BiFunction<Work, Inputs, float[]> results)
    implements Library {
  @Override
  public String version() {
    return "1";
  }

  @Override
  public Optional<Implementation> prepare(Work work, Inputs inputs) {
    float[] result = results.apply(work, inputs);
    return result == null ? Optional.empty() : Optional.of(new Stub(result));
  }

  @Override
  public void close() {}

  private static final class Stub implements Implementation {
    private final float[] result;

    Stub(float[] result) {
      this.result = result;
    }

    @Override
    public void run() {}

    @Override
    public float[] result() {
      return result;
    }

    @Override
    public void close() {}
  }
}
