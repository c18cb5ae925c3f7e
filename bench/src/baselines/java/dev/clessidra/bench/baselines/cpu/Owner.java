package dev.clessidra.bench.baselines.cpu;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;

/** Keeps JavaCPP's native objects beyond the scope that they are made in. */
public final class Owner implements AutoCloseable {
  private final List<Pointer> kept = new ArrayList<>();

  /** Keeps an object until this is closed, and returns it. */
  public <P extends Pointer> P keep(P pointer) {
    pointer.retainReference();
    kept.add(pointer);
    return pointer;
  }

  @Override
  public void close() {
    kept.forEach(Pointer::releaseReference);
  }
}
