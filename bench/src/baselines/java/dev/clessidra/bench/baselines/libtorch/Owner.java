package dev.clessidra.bench.baselines.libtorch;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;

/** Keeps native objects beyond the scope that they are made in. */
final class Owner implements AutoCloseable {
  private final List<Pointer> kept = new ArrayList<>();

  <P extends Pointer> P keep(P pointer) {
    pointer.retainReference();
    kept.add(pointer);
    return pointer;
  }

  @Override
  public void close() {
    kept.forEach(Pointer::releaseReference);
  }
}
